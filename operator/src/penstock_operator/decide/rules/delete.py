"""The resource shall go: a last savepoint if asked for, then everything of the job, then our finalizer.

All of it within `spec.deletion.deadline` (5 minutes if unset); past it `spec.deletion.policy` decides.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from penstock_api.reasons import Reason
from penstock_api.v1beta1.deployment import DeletionPolicy, DeletionSpec, FlinkDeployment
from penstock_api.v1beta1.job import UpgradeMode
from penstock_api.v1beta1.status import LifecycleState, SavepointPurpose
from penstock_operator.decide.revise import begin_stop, end_savepoint
from penstock_operator.decide.rules.await_savepoint import await_savepoint
from penstock_operator.decide.rules.savepoint import ask_for_savepoint
from penstock_operator.decide.situation import IN_FLIGHT, UNSETTLED, Situation, Step
from penstock_operator.model.duration import parse_duration
from penstock_operator.model.facts import Problem
from penstock_operator.model.plan import Event, Release, Remove

DEFAULT_DEADLINE = timedelta(minutes=5)
_REMOVING = Event(Reason.CLEANUP, "Deleting everything of the job")


def delete(situation: Situation) -> Step | None:
    """Applies once the resource was asked to go away."""
    if not situation.facts.is_deleting:
        return None
    step = _save(situation) if _wants_savepoint(situation) else None
    if step is not None:
        return step
    cluster = situation.facts.cluster
    left = cluster.processes_left or cluster.leftovers or cluster.job_manager_exists
    if not (left or cluster.task_managers_exist):
        return Step(situation.status, actions=(Release(),), requeue_seconds=UNSETTLED)
    return _remove(situation)


def _wants_savepoint(situation: Situation) -> bool:
    runs_by_spec = situation.deployed is not None and not situation.is_suspended
    return runs_by_spec and situation.flag("job.savepoint-on-deletion")


def _save(situation: Situation) -> Step | None:
    """The last savepoint; None once there is nothing (more) to save."""
    pending = situation.status.pending_savepoint
    if _is_late(situation):
        return _late(situation)
    if pending is not None:
        return _awaited(situation)
    if situation.runs:
        said = (Event(Reason.CLEANUP, "Stopping the job with a last savepoint"),)
        return ask_for_savepoint(situation, SavepointPurpose.DELETION, said if _is_first(situation) else ())
    state = situation.job_state
    is_over = state is not None and state.is_terminal
    if is_over or not situation.facts.cluster.job_manager_exists:
        return None
    return Step(situation.status, requeue_seconds=IN_FLIGHT)


def _awaited(situation: Situation) -> Step | None:
    """The savepoint's next step; the one that ends the job says what follows."""
    step = await_savepoint(situation)
    if step is None or step.problem is not None or step.status.pending_savepoint is not None:
        return step
    return replace(step, events=(*step.events, _REMOVING))


def _late(situation: Situation) -> Step | None:
    policy = _policy(situation.wanted.deletion)
    if policy is DeletionPolicy.ORPHAN:
        return _orphan(situation)
    if policy is DeletionPolicy.KEEP_TRYING:
        return _keep_trying(situation)
    status = end_savepoint(situation.status, None)
    return Step(
        begin_stop(status, situation.baseline, UpgradeMode.LAST_STATE, situation.facts.now),
        events=(Event(Reason.DELETION_FORCED, Reason.DELETION_FORCED.sentence),),
        requeue_seconds=0.0,
    )


def _keep_trying(situation: Situation) -> Step | None:
    """Past the deadline the wait goes on, and the status says for what."""
    step: Step | None = Step(situation.status, requeue_seconds=UNSETTLED)
    waits_for = f"the job is {situation.job_state}, and a savepoint needs one that runs"
    if situation.status.pending_savepoint is not None:
        step, waits_for = await_savepoint(situation), "the last savepoint is not there yet"
    elif situation.runs:
        return ask_for_savepoint(
            situation, SavepointPurpose.DELETION
        )  # the reason of the last one still stands
    if step is None or step.problem is not None:
        return step
    sentence = f"{Reason.CLEANUP_FAILED.sentence} (spec.deletion.policy is KeepTrying: {waits_for})"
    return replace(step, problem=Problem(Reason.CLEANUP_FAILED, sentence))


def _remove(situation: Situation) -> Step:
    is_late = _is_late(situation)
    policy = _policy(situation.wanted.deletion)
    if is_late and policy is DeletionPolicy.ORPHAN:
        return _orphan(situation)
    if policy is DeletionPolicy.FORCE and _is_late(situation, times=2):
        said = Event(
            Reason.DELETION_FORCED, "Its objects do not go away: the resource is released without them"
        )
        return Step(
            situation.status, actions=(Remove(), Release()), events=(said,), requeue_seconds=UNSETTLED
        )
    events = (_REMOVING,) if _is_first(situation) else ()
    sentence = f"{situation.facts.cluster.processes_left} processes and the job's namespace are still there"
    return Step(
        situation.status,
        actions=(Remove(),),
        events=events,
        problem=Problem(Reason.CLEANUP_FAILED, sentence) if is_late else None,
        requeue_seconds=UNSETTLED if is_late else IN_FLIGHT,
    )


def _orphan(situation: Situation) -> Step:
    said = Event(Reason.DELETION_ORPHANED, Reason.DELETION_ORPHANED.sentence)
    return Step(situation.status, actions=(Release(),), events=(said,), requeue_seconds=UNSETTLED)


def _is_first(situation: Situation) -> bool:
    """Whether this is the first turn that sees the deletion: its Events are posted once, however long it takes."""
    return situation.facts.resource.status.lifecycle_state is not LifecycleState.DELETING


def gives_up(resource: FlinkDeployment, now: int) -> Event | None:
    """What is said of a deletion that ends because the job cannot even be looked at. Asked by the loop after an error.

    Without it a cluster that refuses the operator, or a namespace's name that became impossible, would keep the
    resource for ever. `Orphan` lets go at the deadline, `Force` at twice of it, `KeepTrying` never.
    """
    asked = resource.metadata.deletion_timestamp
    if asked is None:
        return None
    late = timedelta(milliseconds=now - int(datetime.fromisoformat(asked).timestamp() * 1000))
    deletion = resource.spec.deletion
    policy = _policy(deletion)
    if policy is DeletionPolicy.ORPHAN and late > _deadline(deletion):
        return Event(Reason.DELETION_ORPHANED, Reason.DELETION_ORPHANED.sentence)
    if policy is DeletionPolicy.FORCE and late > _deadline(deletion) * 2:
        return Event(
            Reason.DELETION_FORCED, "The job cannot be looked at: the resource is released without it"
        )
    return None


def _policy(deletion: DeletionSpec | None) -> DeletionPolicy:
    return (deletion.policy if deletion else None) or DeletionPolicy.FORCE


def _deadline(deletion: DeletionSpec | None) -> timedelta:
    try:
        return parse_duration(deletion.deadline) if deletion and deletion.deadline else DEFAULT_DEADLINE
    except ValueError:
        return DEFAULT_DEADLINE


def _is_late(situation: Situation, times: int = 1) -> bool:
    limit = _deadline(situation.wanted.deletion)
    return situation.since(situation.deletion_requested()) > limit * times
