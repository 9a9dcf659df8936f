"""Upstream's labels of a FlinkStateSnapshot, by which people and history select. Pure; called by the snapshot's loop."""

from penstock_api.v1beta1.model import ObjectMeta
from penstock_api.v1beta1.state_snapshot import FlinkStateSnapshotSpec, FlinkStateSnapshotStatus
from penstock_api.v1beta1.status import SnapshotTriggerType

TYPE = "snapshot.type"
TRIGGER_TYPE = "snapshot.trigger-type"
STATE = "snapshot.state"
JOB_KIND = "job-reference.kind"
JOB_NAME = "job-reference.name"
SAVEPOINT, CHECKPOINT = "SAVEPOINT", "CHECKPOINT"


def snapshot_labels(
    spec: FlinkStateSnapshotSpec, status: FlinkStateSnapshotStatus, metadata: ObjectMeta
) -> dict[str, str]:
    """Every label; one that a person made was triggered by hand."""
    found = {
        TYPE: SAVEPOINT if spec.savepoint is not None else CHECKPOINT,
        TRIGGER_TYPE: metadata.labels.get(TRIGGER_TYPE, SnapshotTriggerType.MANUAL.value),
        STATE: status.state.value,
    }
    reference = spec.job_reference
    if reference is not None and reference.kind is not None and reference.name:
        found |= {JOB_KIND: reference.kind.value, JOB_NAME: reference.name}
    return found
