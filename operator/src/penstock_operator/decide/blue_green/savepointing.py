"""The active side gives its state over: by a savepoint while it runs on, or by being stopped.

It is stopped where the owner wants a fenced handover, and where it is broken: a version that does not run takes no
savepoint, so the new one starts from its newest checkpoint, and the broken one must not come back to life beside it.
"""

from datetime import timedelta

from penstock_api.reasons import Reason
from penstock_api.v1beta1.deployment import FlinkDeployment
from penstock_api.v1beta1.job import JobState, StopPolicy
from penstock_api.v1beta1.state_snapshot import SnapshotState
from penstock_api.v1beta1.status import FlinkJobState
from penstock_operator.decide.blue_green.aborting import begin_abort
from penstock_operator.decide.blue_green.situation import (
    GRACE,
    Situation,
    Step,
    complaint,
    encode,
    is_stopped,
    never_ran,
    runs,
)
from penstock_operator.model.blue_green import Color, SetJob, TakeSavepoint
from penstock_operator.model.facts import Problem

RETRY_SECONDS = 5.0
PATIENCE = timedelta(minutes=1)
"""For a job that is restarting just now; after it, a side that does not run counts as broken."""


def savepointing(situation: Situation, color: Color) -> Step:
    """Until the state is there, the deadline is over, or the owner thinks again."""
    child = situation.facts.side(color)
    if situation.is_changed:
        return _changed_meanwhile(situation, color)
    if situation.is_late():
        taken = situation.facts.savepoint
        why = taken.error if taken is not None and taken.error else complaint(child)
        name = color.child(situation.facts.resource.metadata.name)
        return begin_abort(situation, f"{name} did not give its state over: {why}")
    if situation.status.stopped:
        return _stopping(situation, color, child)
    if situation.is_fenced or _is_broken(situation, child):
        policy = child.spec.job.stop_policy if child is not None and child.spec.job else None
        status = situation.status.model_copy(update={"stopped": True, "previous_stop_policy": policy})
        return Step(status, requeue_seconds=0.0)
    return _overlapping(situation, color, child)


def _changed_meanwhile(situation: Situation, color: Color) -> Step:
    """Nothing of the new side is there yet, so a newer template simply takes the place of the last."""
    if situation.wants_running:
        update: dict[str, object] = {"last_reconciled_spec": encode(situation.facts.resource.spec)}
    else:  # the job shall not run: the active side is told so, and the transition is off
        update = {"blue_green_state": color.active, "last_reconciled_spec": None, "abort_timestamp": None}
    return Step(situation.status.model_copy(update=update), requeue_seconds=0.0)


def _is_broken(situation: Situation, child: FlinkDeployment | None) -> bool:
    if child is None or runs(child):
        return child is None
    is_over = child.status.job_status.state is FlinkJobState.FAILED
    waited = situation.since_transition()
    return is_over or bool(child.status.error) or waited > min(PATIENCE, situation.duration(GRACE) / 4)


def _overlapping(situation: Situation, color: Color, child: FlinkDeployment | None) -> Step:
    """A savepoint that is asked for under an id which is written down first; one that failed is taken again."""
    taken, status = situation.facts.savepoint, situation.status
    if taken is not None and taken.state is SnapshotState.COMPLETED and taken.path:
        return _hand_over(situation, color, taken.path)
    has_failed = taken is not None and taken.state in (SnapshotState.FAILED, SnapshotState.ABANDONED)
    if status.savepoint_trigger_id is None or has_failed:
        if not runs(child):
            return Step(status)
        revised = status.model_copy(update={"savepoint_trigger_id": str(situation.facts.now)})
        return Step(revised, requeue_seconds=RETRY_SECONDS if has_failed else 0.0)
    if taken is None:
        return Step(status, (TakeSavepoint(color, status.savepoint_trigger_id),))
    return Step(status)


def _stopping(situation: Situation, color: Color, child: FlinkDeployment | None) -> Step:
    if is_stopped(child):
        return _stopped(situation, color, child)
    policy = _stop_policy(situation, child)
    held = child.spec.job if child else None
    is_told = held is not None and held.state is JobState.SUSPENDED and held.stop_policy is policy
    return Step(situation.status, () if is_told else (SetJob(color, JobState.SUSPENDED, policy),))


def _stop_policy(situation: Situation, child: FlinkDeployment | None) -> StopPolicy:
    """A savepoint where the side can take one; its newest checkpoint where it cannot, or not within half the time."""
    if not situation.carries_state or situation.status.initial_savepoint_path is not None:
        return StopPolicy.NONE
    if situation.since_transition() > situation.duration(GRACE) / 2:
        return StopPolicy.CHECKPOINT
    held = child.spec.job if child else None
    if held is not None and held.state is JobState.SUSPENDED and held.stop_policy is not None:
        return held.stop_policy
    return StopPolicy.SAVEPOINT if runs(child) else StopPolicy.CHECKPOINT


def _stopped(situation: Situation, color: Color, child: FlinkDeployment | None) -> Step:
    """Nothing of the old side runs: what it left on storage is the state, verified."""
    given = situation.status.initial_savepoint_path
    if given is not None or not situation.carries_state:
        return _hand_over(situation, color, given)
    found = situation.facts.state
    if found.newest_complete is not None:
        return _hand_over(situation, color, found.newest_complete.path)
    if child is not None and never_ran(child):
        return _hand_over(situation, color, situation.job.initial_savepoint_path)
    if found.problem is not None:
        return Step(situation.status, problem=found.problem)
    if child is None and (seen := _last_seen(situation)):
        return _hand_over(situation, color, seen)
    if situation.job.allow_empty_state:
        return _hand_over(situation, color, None)
    sentence = f"{color.child(situation.facts.resource.metadata.name)}: {Reason.EMPTY_STATE_REFUSED.sentence}"
    return Step(situation.status, problem=Problem(Reason.EMPTY_STATE_REFUSED, sentence))


def _last_seen(situation: Situation) -> str | None:
    held = situation.status.job_status
    return (held.last_checkpoint.path if held.last_checkpoint else None) or held.upgrade_savepoint_path


def _hand_over(situation: Situation, color: Color, path: str | None) -> Step:
    """The path is in the status before the side that starts from it is made; the next phase has its own deadline."""
    plain = path.removeprefix("file:") if path and path.startswith("file:/") else path
    if plain and plain.startswith("//"):
        plain = "/" + plain.lstrip("/")
    status = situation.status.model_copy(
        update={
            "blue_green_state": color.other.rising,
            "initial_savepoint_path": plain,
            "abort_timestamp": situation.deadline(),
        }
    )
    return Step(status, requeue_seconds=0.0)
