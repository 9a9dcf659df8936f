"""Small revisions of a status: every one returns a new status, so that a rule reads as the list of what it changes."""

from typing import Any

from penstock_api.v1beta1.deployment import FlinkDeploymentSpec
from penstock_api.v1beta1.job import JobState, UpgradeMode
from penstock_api.v1beta1.status import (
    FlinkDeploymentStatus,
    PendingSavepoint,
    ReconciliationState,
    Savepoint,
    SavepointFormatType,
    SavepointInfo,
    SavepointPurpose,
    SnapshotTriggerType,
)
from penstock_operator.decide.specs import encode_spec, with_job_state

HISTORY_LENGTH = 10
"""Savepoints remembered in the status, as upstream's default."""


def revise_job(status: FlinkDeploymentStatus, **changes: Any) -> FlinkDeploymentStatus:
    """Replace fields of `jobStatus`."""
    return status.model_copy(update={"job_status": status.job_status.model_copy(update=changes)})


def revise_reconciliation(status: FlinkDeploymentStatus, **changes: Any) -> FlinkDeploymentStatus:
    """Replace fields of `reconciliationStatus`."""
    held = status.reconciliation_status.model_copy(update=changes)
    return status.model_copy(update={"reconciliation_status": held})


def record_spec(
    status: FlinkDeploymentStatus, spec: FlinkDeploymentSpec, generation: int | None
) -> FlinkDeploymentStatus:
    """The spec is now the reconciled one, with nothing to be done for it."""
    revised = revise_reconciliation(status, last_reconciled_spec=encode_spec(spec))
    return revised.model_copy(update={"observed_generation": generation})


def begin_stop(
    status: FlinkDeploymentStatus, deployed: FlinkDeploymentSpec, mode: UpgradeMode, now: int
) -> FlinkDeploymentStatus:
    """From here on nothing shall run: the deployed spec, suspended; `mode` tells the next start what to restore."""
    suspended = with_job_state(deployed, JobState.SUSPENDED, mode)
    revised = revise_reconciliation(
        status,
        last_reconciled_spec=encode_spec(suspended),
        state=ReconciliationState.UPGRADING,
        reconciliation_timestamp=now,
    )
    if mode is UpgradeMode.STATELESS:
        revised = forget_state(revised)
    return revised.model_copy(update={"pending_savepoint": None, "scaling": None})


def forget_state(status: FlinkDeploymentStatus) -> FlinkDeploymentStatus:
    """A new line of state begins: nothing of the old job ids is ever restored again."""
    info = status.job_status.savepoint_info
    kept = info.model_copy(update={"last_savepoint": None}) if info else None
    return revise_job(
        status, job_ids=[], upgrade_savepoint_path=None, last_checkpoint=None, savepoint_info=kept
    )


def begin_savepoint(
    status: FlinkDeploymentStatus, pending: PendingSavepoint, format_type: SavepointFormatType
) -> FlinkDeploymentStatus:
    """A savepoint of this format is about to be asked for."""
    info = (status.job_status.savepoint_info or SavepointInfo()).model_copy(
        update={
            "trigger_id": pending.trigger_id,
            "trigger_timestamp": pending.requested_at,
            "trigger_type": _trigger_type(pending.purpose),
            "format_type": format_type,
        }
    )
    return revise_job(status, savepoint_info=info).model_copy(update={"pending_savepoint": pending})


def end_savepoint(
    status: FlinkDeploymentStatus, location: str | None, nonce: int | None = None
) -> FlinkDeploymentStatus:
    """The pending savepoint is there (or, without a location, will never be)."""
    info = status.job_status.savepoint_info or SavepointInfo()
    changes: dict[str, object] = {
        "trigger_id": None,
        "trigger_timestamp": None,
        "trigger_type": None,
        "format_type": None,
    }
    if location:
        taken = Savepoint(
            time_stamp=info.trigger_timestamp,
            location=location,
            trigger_type=info.trigger_type,
            format_type=info.format_type,
            trigger_nonce=nonce,
        )
        changes["last_savepoint"] = taken
        changes["savepoint_history"] = [*info.savepoint_history, taken][-HISTORY_LENGTH:]
    revised = revise_job(status, savepoint_info=info.model_copy(update=changes))
    return revised.model_copy(update={"pending_savepoint": None})


def _trigger_type(purpose: SavepointPurpose | None) -> SnapshotTriggerType:
    if purpose is SavepointPurpose.MANUAL:
        return SnapshotTriggerType.MANUAL
    if purpose is SavepointPurpose.PERIODIC:
        return SnapshotTriggerType.PERIODIC
    return SnapshotTriggerType.UPGRADE
