"""A FlinkStateSnapshot shall go: its data with it where the spec says so, read from storage itself, without a running job.

Called by `planner.py`. Pure. Within a deadline, after which the resource goes and its data stays: no finalizer outlives
its use (upstream keeps it until a job runs that could dispose).
"""

from penstock_api.reasons import Reason
from penstock_api.v1beta1.state_snapshot import SnapshotState
from penstock_operator.decide.snapshot.times import FAR, milliseconds
from penstock_operator.model.plan import Event
from penstock_operator.model.snapshot import (
    DisposeSnapshot,
    ReleaseSnapshot,
    SnapshotFacts,
    SnapshotPlan,
)

DEADLINE_MS = 300_000
_COMPONENT = "Snapshot"
_RETRY_SECONDS = 5.0


def delete_snapshot(facts: SnapshotFacts) -> SnapshotPlan:
    """Wait for what is in progress, delete the data, release."""
    snapshot, status = facts.snapshot, facts.snapshot.status
    savepoint = snapshot.spec.savepoint
    if savepoint is None or not savepoint.dispose_on_delete or snapshot.spec.job_reference is None:
        return _release(facts)
    if status.state is SnapshotState.IN_PROGRESS:
        return _in_progress(facts)
    if status.state is not SnapshotState.COMPLETED or not status.path:
        return _release(facts)
    return _dispose(facts, status.path)


def _in_progress(facts: SnapshotFacts) -> SnapshotPlan:
    """Its data is not there yet, and will be: waited for, so that it can be deleted."""
    status, progress, job = facts.snapshot.status, facts.progress, facts.job
    if progress is not None and progress.done and progress.location:
        completed = status.model_copy(
            update={"state": SnapshotState.COMPLETED, "path": progress.location, "error": None}
        )
        return SnapshotPlan("note_path", completed, requeue_seconds=0.0)
    is_over = job.state is not None and job.state.is_terminal
    if (progress is not None and progress.done) or not job.exists or (is_over and progress is None):
        return _release(facts)
    if _is_late(facts):
        return _leave(facts, "it is still in progress")
    return SnapshotPlan("await_end", status, requeue_seconds=1.0)


def _dispose(facts: SnapshotFacts, path: str) -> SnapshotPlan:
    job, status = facts.job, facts.snapshot.status
    is_origin = (job.restores_from or "").rstrip("/") == path.rstrip("/")
    is_needed = job.exists and is_origin and not job.has_moved_on
    why = "the job's next start needs it" if is_needed else status.error or "its objects cannot be deleted"
    if _is_late(facts):
        return _leave(facts, why)
    if is_needed:
        said = Event(Reason.CLEANUP_FAILED, f"{path} is not deleted yet: {why}", _COMPONENT)
        noted = status.model_copy(update={"error": said.message})
        events = (said,) if status.error != said.message else ()
        return SnapshotPlan("keep_for_job", noted, events=events, requeue_seconds=_RETRY_SECONDS)
    return SnapshotPlan("dispose", status, actions=(DisposeSnapshot(path), ReleaseSnapshot()))


def _leave(facts: SnapshotFacts, why: str) -> SnapshotPlan:
    """The deadline has passed: the resource goes, the data stays, and an Event says where."""
    status = facts.snapshot.status
    place = status.path or "the savepoint's folder"
    message = f"The resource is released after {DEADLINE_MS // 60_000} minutes and {place} stays: {why}"
    return SnapshotPlan(
        "leave",
        status,
        actions=(ReleaseSnapshot(),),
        events=(Event(Reason.DELETION_FORCED, message, _COMPONENT),),
    )


def _release(facts: SnapshotFacts) -> SnapshotPlan:
    return SnapshotPlan("release", facts.snapshot.status, actions=(ReleaseSnapshot(),), requeue_seconds=FAR)


def _is_late(facts: SnapshotFacts) -> bool:
    return facts.now - milliseconds(facts.snapshot.metadata.deletion_timestamp) > DEADLINE_MS
