"""FlinkStateSnapshots that the operator makes for a job, each once. Called by the platforms that run jobs.

A snapshot by the clock or of an upgrade is known by its name, which holds its moment; one by hand by the nonce.
"""

from penstock_api.v1beta1.model import ObjectMeta
from penstock_api.v1beta1.state_snapshot import (
    CheckpointSpec,
    FlinkStateSnapshot,
    FlinkStateSnapshotSpec,
    JobReference,
    JobReferenceKind,
    SavepointSpec,
)
from penstock_api.v1beta1.status import SavepointFormatType
from penstock_operator.clients.kube import KubeClient
from penstock_operator.model.facts import Ref
from penstock_operator.model.plan import TakeSnapshot
from penstock_operator.model.selector import chosen_by
from penstock_operator.platforms.kubernetes_kinds import KubernetesKind

NONCE = "penstock.dev/trigger-nonce"
RETRIES = 3
"""A snapshot that nobody watches is not tried for ever."""


def take_snapshot(
    client: KubeClient, kind: JobReferenceKind, ref: Ref, wanted: TakeSnapshot, selector: str = ""
) -> None:
    """Make the resource, unless it is there already; with what of the job's labels the operator's selector asks about."""
    kinds = KubernetesKind(client, FlinkStateSnapshot)
    marks = {
        "snapshot.type": "CHECKPOINT" if wanted.is_checkpoint else "SAVEPOINT",
        "snapshot.trigger-type": wanted.trigger,
        "job-reference.kind": kind.value,
        "job-reference.name": ref.name,
    }
    if wanted.nonce is not None:
        about = ",".join(f"{key}={value}" for key, value in marks.items())
        known = (each.metadata.annotations.get(NONCE) for each in kinds.list(ref.namespace, about))
        if str(wanted.nonce) in known:
            return
    job = client.get(kind.value, ref.name, ref.namespace) if selector else None
    inherited = chosen_by(selector, ((job or {}).get("metadata") or {}).get("labels") or {})
    word = "checkpoint" if wanted.is_checkpoint else "savepoint"
    metadata = ObjectMeta(
        name=f"{ref.name}-{word}-{wanted.trigger.lower()}-{wanted.at}",
        namespace=ref.namespace,
        labels={**inherited, **marks},
        annotations={NONCE: str(wanted.nonce)} if wanted.nonce is not None else {},
    )
    kinds.create(FlinkStateSnapshot(metadata=metadata, spec=_spec(kind, ref, wanted)))


def _spec(kind: JobReferenceKind, ref: Ref, wanted: TakeSnapshot) -> FlinkStateSnapshotSpec:
    job = JobReference(kind=kind, name=ref.name)
    if wanted.is_checkpoint:
        return FlinkStateSnapshotSpec(job_reference=job, backoff_limit=RETRIES, checkpoint=CheckpointSpec())
    savepoint = SavepointSpec(
        path=wanted.location,
        format_type=SavepointFormatType(wanted.format_type),
        dispose_on_delete=wanted.dispose_on_delete,
        already_exists=wanted.location is not None,
    )
    return FlinkStateSnapshotSpec(job_reference=job, backoff_limit=RETRIES, savepoint=savepoint)
