"""What to do for one FlinkStateSnapshot now. Pure; called by `reconcile/snapshot.py`.

The trigger's id is in the status before the request goes out, so a request or an answer that is lost is repeated under
the same id and one snapshot is taken. Every wait has an end: nothing stays IN_PROGRESS or Terminating for ever.
"""

from penstock_api.reasons import Reason
from penstock_api.v1beta1.state_snapshot import SnapshotState
from penstock_operator.decide.snapshot.delete import delete_snapshot
from penstock_operator.decide.snapshot.times import FAR, milliseconds, moment
from penstock_operator.model.facts import Problem
from penstock_operator.model.plan import Event
from penstock_operator.model.snapshot import (
    HoldSnapshot,
    SnapshotAction,
    SnapshotFacts,
    SnapshotPlan,
    TriggerSnapshot,
)

COMPONENT = "Snapshot"
IN_FLIGHT = 1.0
BACKOFF_MS = 10_000
LONGEST_BACKOFF_MS = 86_400_000
SILENCE_MS = 60_000
"""How long a job whose JobManager is silent is waited for."""
_OVER = (SnapshotState.COMPLETED, SnapshotState.FAILED, SnapshotState.ABANDONED)


def decide_snapshot(facts: SnapshotFacts) -> SnapshotPlan:
    """The plan. Total: every situation has an answer."""
    status = facts.snapshot.status
    if facts.is_deleting:
        return delete_snapshot(facts)
    if status.state in _OVER:
        return SnapshotPlan("rest", status, requeue_seconds=FAR)
    if status.state is SnapshotState.IN_PROGRESS:
        return _await(facts)
    return _trigger(facts)


def backoff_ms(failures: int) -> int:
    """How long to wait after so many failures: 10 s, 20 s, 40 s, ... a day at most."""
    return int(min(BACKOFF_MS * 2 ** min(failures - 1, 20), LONGEST_BACKOFF_MS)) if failures > 0 else 0


def _trigger(facts: SnapshotFacts) -> SnapshotPlan:
    status, spec, job = facts.snapshot.status, facts.snapshot.spec, facts.job
    if facts.problems:
        return _refuse(facts, facts.problems[0])
    if spec.savepoint is not None and spec.savepoint.already_exists:
        return _complete(facts, spec.savepoint.path or "", (HoldSnapshot(),) if _has_data(facts) else ())
    left = milliseconds(status.result_timestamp) + backoff_ms(status.failures) - facts.now
    if status.failures and left > 0:
        return SnapshotPlan("back_off", status, requeue_seconds=left / 1000)
    if not job.runs:
        return _absent(facts)
    trigger_id = facts.new_id
    asked = status.model_copy(
        update={
            "state": SnapshotState.IN_PROGRESS,
            "trigger_id": trigger_id,
            "trigger_timestamp": moment(facts.now),
            "result_timestamp": None,
            "error": None,
        }
    )
    held: tuple[SnapshotAction, ...] = (HoldSnapshot(),) if _has_data(facts) else ()
    return SnapshotPlan(
        "trigger", asked, actions=(*held, _request(facts, trigger_id)), requeue_seconds=IN_FLIGHT
    )


def _request(facts: SnapshotFacts, trigger_id: str) -> TriggerSnapshot:
    job, savepoint = facts.job, facts.snapshot.spec.savepoint
    if savepoint is None:
        return TriggerSnapshot(job.job_id or "", trigger_id, checkpoint_type=job.checkpoint_type)
    return TriggerSnapshot(
        job.job_id or "", trigger_id, savepoint.path or job.savepoint_directory, savepoint.format_type.value
    )


def _has_data(facts: SnapshotFacts) -> bool:
    """Whether its data goes with it, so that the resource has to wait for that."""
    spec = facts.snapshot.spec
    return spec.savepoint is not None and spec.savepoint.dispose_on_delete and spec.job_reference is not None


def _absent(facts: SnapshotFacts) -> SnapshotPlan:
    """The job does not run. One whose JobManager is only silent is waited for."""
    status, job = facts.snapshot.status, facts.job
    since = max(
        milliseconds(facts.snapshot.metadata.creation_timestamp), milliseconds(status.result_timestamp)
    )
    if job.may_run_soon and facts.now - since < SILENCE_MS:
        return SnapshotPlan("wait_for_job", status, requeue_seconds=3.0)
    return _abandon(facts)


def _abandon(facts: SnapshotFacts) -> SnapshotPlan:
    job, reference = facts.job, facts.snapshot.spec.job_reference
    name = reference.name if reference else ""
    kind = reference.kind.value if reference and reference.kind else "job"
    seen = f"is {job.state.value}" if job.state else "does not run"
    why = f"the {kind} {name} {seen}" if job.exists else f"the {kind} {name} is not there"
    message = f"{Reason.SNAPSHOT_ABANDONED.sentence} ({why})"
    status = facts.snapshot.status.model_copy(
        update={
            "state": SnapshotState.ABANDONED,
            "error": message,
            "result_timestamp": moment(facts.now),
        }
    )
    said = (Event(Reason.SNAPSHOT_ABANDONED, message, COMPONENT),)
    return SnapshotPlan("abandon", status, events=said, requeue_seconds=FAR)


def _await(facts: SnapshotFacts) -> SnapshotPlan:
    """It was asked for: its end, a repeated request, or the deadline."""
    status, job, progress = facts.snapshot.status, facts.job, facts.progress
    if progress is not None and progress.done:
        if progress.failure is None:
            return _complete(facts, progress.location or "")
        return _failed(facts, progress.failure)
    waited = facts.now - milliseconds(status.trigger_timestamp)
    if waited > job.longest_ms:
        return _failed(facts, f"it was not there after {job.longest_ms // 1000} s")
    if job.runs and progress is not None and not progress.known:
        again = _request(facts, status.trigger_id or facts.new_id)
        return SnapshotPlan("ask_again", status, actions=(again,), requeue_seconds=IN_FLIGHT)
    is_over = job.state is not None and job.state.is_terminal
    if not job.exists or (is_over and (progress is None or not progress.known)):
        return _abandon(facts)
    return SnapshotPlan("await", status, requeue_seconds=IN_FLIGHT)


def _complete(facts: SnapshotFacts, path: str, actions: tuple[SnapshotAction, ...] = ()) -> SnapshotPlan:
    status = facts.snapshot.status.model_copy(
        update={
            "state": SnapshotState.COMPLETED,
            "path": path or None,
            "error": None,
            "result_timestamp": moment(facts.now),
        }
    )
    events: tuple[Event, ...] = ()
    if not path:
        sentence = "The checkpoint is complete, and where it is could not be learnt from the JobManager"
        events = (Event(Reason.CHECKPOINT_ERROR, sentence, COMPONENT),)
    return SnapshotPlan("complete", status, actions=actions, events=events, requeue_seconds=0.0)


def _failed(facts: SnapshotFacts, why: str) -> SnapshotPlan:
    """One more failure: tried again after a pause, until the limit."""
    status, limit = facts.snapshot.status, facts.snapshot.spec.backoff_limit
    failures = status.failures + 1
    is_last = 0 <= limit < failures
    message = f"{Reason.SNAPSHOT_ERROR.sentence} ({why})"
    failed = status.model_copy(
        update={
            "state": SnapshotState.FAILED if is_last else SnapshotState.TRIGGER_PENDING,
            "failures": failures,
            "error": message,
            "trigger_id": None,
            "result_timestamp": moment(facts.now),
        }
    )
    wait = FAR if is_last else backoff_ms(failures) / 1000
    said = (Event(Reason.SNAPSHOT_ERROR, message, COMPONENT),)
    return SnapshotPlan("give_up" if is_last else "fail", failed, events=said, requeue_seconds=wait)


def _refuse(facts: SnapshotFacts, problem: Problem) -> SnapshotPlan:
    """The spec is refused. It may be corrected, so the state stays as it is."""
    status = facts.snapshot.status
    said = (Event(problem.reason, problem.message, COMPONENT),) if status.error != problem.message else ()
    refused = status.model_copy(update={"error": problem.message})
    return SnapshotPlan("refuse", refused, events=said, requeue_seconds=FAR)
