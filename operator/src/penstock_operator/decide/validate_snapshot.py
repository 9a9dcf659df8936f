"""Validation of a FlinkStateSnapshot. Pure. Called by the loop and by the webhook."""

from collections.abc import Iterator

from penstock_api.v1beta1.state_snapshot import FlinkStateSnapshot, SnapshotState
from penstock_operator.decide.validate_resources import refuse
from penstock_operator.model.facts import Problem


def validate_snapshot(resource: FlinkStateSnapshot, *, job_exists: bool | None = None) -> tuple[Problem, ...]:
    """Everything that is wrong with the wanted spec; `job_exists` is None where nobody looked."""
    return tuple(_problems(resource, job_exists))


def _problems(resource: FlinkStateSnapshot, job_exists: bool | None) -> Iterator[Problem]:
    spec = resource.spec
    if (spec.savepoint is None) == (spec.checkpoint is None):
        yield refuse("spec.savepoint and spec.checkpoint: set exactly one of the two")
    exists_already = spec.savepoint is not None and spec.savepoint.already_exists
    if exists_already and spec.savepoint is not None and not spec.savepoint.path:
        yield refuse("spec.savepoint.path is missing: with alreadyExists, set it to where the savepoint is")
    job = spec.job_reference
    if job is None or not job.name or job.kind is None:
        if not exists_already:
            yield refuse(
                "spec.jobReference is missing: name the job by kind and name, or set spec.savepoint.alreadyExists"
            )
        return
    is_pending = resource.status.state is SnapshotState.TRIGGER_PENDING
    if is_pending and job_exists is False and not exists_already:
        yield refuse(
            f"spec.jobReference: there is no {job.kind} {job.name!r} in this namespace: correct the name or make it"
        )
