"""Validation of a FlinkStateSnapshot: what is wrong, in which field, what to do. Pure.

Called by the snapshot's loop and by the admission webhook. Whether the job exists is not asked here: that changes.
"""

from collections.abc import Iterator

from penstock_api.reasons import Reason
from penstock_api.v1beta1.state_snapshot import FlinkStateSnapshotSpec
from penstock_operator.model.facts import Problem


def validate_snapshot(spec: FlinkStateSnapshotSpec) -> tuple[Problem, ...]:
    """Everything that is wrong with the spec."""
    return tuple(Problem(Reason.VALIDATION_ERROR, sentence) for sentence in _sentences(spec))


def _sentences(spec: FlinkStateSnapshotSpec) -> Iterator[str]:
    if (spec.savepoint is None) == (spec.checkpoint is None):
        yield "spec must have exactly one of savepoint and checkpoint"
    savepoint, job = spec.savepoint, spec.job_reference
    exists = savepoint is not None and savepoint.already_exists
    if not exists and (job is None or not job.name or job.kind is None):
        yield "spec.jobReference is missing its kind or name: name the FlinkDeployment or FlinkSessionJob"
    if exists and savepoint is not None and not savepoint.path:
        yield "spec.savepoint.path is missing: with alreadyExists, set it to where the savepoint is"
    if spec.backoff_limit < -1:
        yield f"spec.backoffLimit is {spec.backoff_limit}: set it to -1 (for ever), 0, or a number of retries"
