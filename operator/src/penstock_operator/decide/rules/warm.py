"""A warm upgrade is under way: the new version's pods wait, the old job is stopped, the new one started, the old pods go.

1. Preparing: pods are waited for, up to a deadline. Nothing of the old job is touched, so an abort costs nothing.
2. Ready: the usual rules stop the old job. Once it is over (its JobManager says so, or nothing of it is left) the new job
   starts from what it left, and from there it only goes forward.
3. Retiring: the old pods go, then what they alone needed. Discarding is the same for new pods that are not wanted any more.
"""

from collections.abc import Callable

from penstock_api.reasons import Reason
from penstock_api.v1beta1.status import FlinkDeploymentStatus, FlinkJobState
from penstock_api.v1beta1.warm import WarmPhase, WarmUpgrade
from penstock_operator.decide.rules.await_savepoint import STOPPING
from penstock_operator.decide.rules.start import start_prepared
from penstock_operator.decide.situation import IN_FLIGHT, Situation, Step
from penstock_operator.decide.warm import is_due, is_over, is_wanted, prepared_launch, revise_warm, timeout
from penstock_operator.model.facts import BesideFacts, Problem
from penstock_operator.model.plan import Deploy, Event, Prepare, Retire

_NO_ROOM = (Reason.POD_NOT_SCHEDULED, Reason.FAILED_CREATE)
_DROPPED = Problem(Reason.WARM_UPGRADE_ABORTED, Reason.WARM_UPGRADE_ABORTED.sentence)


def warm(situation: Situation) -> Step | None:
    """Applies where a phase has something to do; what the job needs meanwhile is left to the other rules."""
    if situation.facts.is_deleting:
        return None
    held = situation.status.warm
    if held is None:
        return _tell_again(situation)
    return _PHASES[held.phase](situation, held)


def _beside(situation: Situation) -> BesideFacts:
    return situation.facts.cluster.beside or BesideFacts()


def _is_late(situation: Situation, held: WarmUpgrade) -> bool:
    return situation.since(held.began) > timeout(situation)


def _preparing(situation: Situation, held: WarmUpgrade) -> Step | None:
    if situation.is_suspended or not is_due(situation, held):
        return _discard(situation, _DROPPED)
    seen = _beside(situation)
    if seen.failure is not None:
        return _discard(situation, _failure(seen.failure))
    if seen.is_ready:
        return Step(
            revise_warm(situation.status, situation.facts.now, phase=WarmPhase.READY), requeue_seconds=0.0
        )
    is_refused = seen.problem is not None and seen.problem.reason is Reason.FAILED_CREATE
    if is_refused or _is_late(situation, held):
        return _discard(situation, _why_not(seen))
    launch = prepared_launch(situation.facts, held)
    if not seen.is_whole and launch is not None:
        return Step(situation.status, actions=(Prepare(launch),), keep_error=True, requeue_seconds=IN_FLIGHT)
    return None


def _why_not(seen: BesideFacts) -> Problem:
    if seen.problem is None:
        return Problem(Reason.WARM_UPGRADE_FAILED, Reason.WARM_UPGRADE_FAILED.sentence)
    if seen.problem.reason in _NO_ROOM:
        sentence = Reason.WARM_UPGRADE_NOT_POSSIBLE.sentence
        return Problem(Reason.WARM_UPGRADE_NOT_POSSIBLE, f"{sentence} ({seen.problem.message})")
    return _failure(seen.problem)


def _failure(problem: Problem) -> Problem:
    sentence = f"{Reason.WARM_UPGRADE_FAILED.sentence} ({problem.reason.value}: {problem.message})"
    return Problem(Reason.WARM_UPGRADE_FAILED, sentence, problem.component)


def _ready(situation: Situation, held: WarmUpgrade) -> Step | None:
    if situation.is_suspended:
        return _stopped(situation, held)
    pending = situation.status.pending_savepoint
    if pending is not None and pending.purpose in STOPPING:
        return None
    if situation.job_state is FlinkJobState.CANCELLING:
        is_overdue = _is_late(situation, held)  # then its processes are ended, as in every upgrade
        return None if is_overdue else Step(situation.status, keep_error=True, requeue_seconds=IN_FLIGHT)
    if not is_due(situation, held):
        return _discard(situation, _DROPPED)
    if _is_late(situation, held):
        return _discard(
            situation, _failure(Problem(Reason.UPGRADE_WAITS_FOR_JOB, "the old job could not be stopped"))
        )
    is_over_by_itself = situation.job_state is not None and situation.job_state.is_terminal
    if not _beside(situation).is_ready and not is_over_by_itself:
        back = situation.status.model_copy(
            update={"warm": held.model_copy(update={"phase": WarmPhase.PREPARING})}
        )
        return Step(back, requeue_seconds=0.0)
    return None


def _stopped(situation: Situation, held: WarmUpgrade) -> Step | None:
    """Nothing shall run until the new job does; a change of mind now means a start by Recreate, from the same state."""
    if not is_wanted(situation, held):
        return _discard(situation, _DROPPED)
    if not is_over(situation.facts.job, situation.facts.cluster):
        return None
    return start_prepared(situation, held)


def _discard(situation: Situation, why: Problem) -> Step:
    """The new version's pods go; nothing is done for the job before they are gone."""
    status = revise_warm(
        situation.status,
        situation.facts.now,
        phase=WarmPhase.DISCARDING,
        reason=why.reason.value,
        message=why.message,
    )
    return Step(
        status, events=(Event(why.reason, why.message, why.component),), keep_error=True, requeue_seconds=0.0
    )


def _discarding(situation: Situation, held: WarmUpgrade) -> Step | None:
    after = {
        Reason.WARM_UPGRADE_FAILED.value: WarmPhase.FAILED,
        Reason.WARM_UPGRADE_NOT_POSSIBLE.value: WarmPhase.NO_ROOM,
    }.get(held.reason)
    done = situation.status.model_copy(update={"warm": None})
    if after is not None:
        done = revise_warm(situation.status, situation.facts.now, phase=after)
    return _remove(situation, held, done)


def _retiring(situation: Situation, held: WarmUpgrade) -> Step | None:
    if situation.is_suspended or not situation.is_deployed:
        return None  # the start is not done; it comes first
    told = _tell_again(situation)
    if told is not None:
        return told
    return _remove(situation, held, situation.status.model_copy(update={"warm": None}))


def _remove(situation: Situation, held: WarmUpgrade, done: FlinkDeploymentStatus) -> Step:
    """End what stands beside; once nothing of it is left, or it takes too long, the rest of it goes and it is done."""
    seen = _beside(situation)
    is_late = situation.since(held.began) > situation.duration("resource.cleanup.timeout", "5 min")
    if (seen.exists or seen.processes_left) and not is_late:
        actions = (Retire(held.cluster),) if seen.exists else ()
        return Step(situation.status, actions=actions, keep_error=True, requeue_seconds=IN_FLIGHT)
    job = situation.status.job_status
    rest = situation.launch(situation.baseline, job.job_id or "", job.upgrade_savepoint_path)
    sentence = f"{Reason.OLD_JOB_STILL_RUNNING.sentence} ({seen.processes_left} of {held.cluster})"
    said = (Event(Reason.OLD_JOB_STILL_RUNNING, sentence),) if seen.processes_left else ()
    return Step(
        situation.status,
        actions=(Retire(held.cluster, rest),),
        after=done,
        events=said,
        keep_error=True,
        requeue_seconds=0.0,
    )


def _given_up(situation: Situation, held: WarmUpgrade) -> Step | None:
    """Until the owner wants something else."""
    if is_wanted(situation, held):
        return None
    return Step(situation.status.model_copy(update={"warm": None}), requeue_seconds=0.0)


def _tell_again(situation: Situation) -> Step | None:
    """A JobManager that came back before the word had reached its pod, or that missed it."""
    application = situation.facts.job.application
    waits = application is not None and application.status == "WAITING"
    deployed, job = situation.deployed, situation.status.job_status
    if not waits or situation.is_suspended or not situation.is_deployed or deployed is None or not job.job_id:
        return None
    launch = situation.launch(deployed, job.job_id, job.upgrade_savepoint_path)
    return Step(situation.status, actions=(Deploy(launch),), keep_error=True, requeue_seconds=IN_FLIGHT)


_PHASES: dict[WarmPhase, Callable[[Situation, WarmUpgrade], Step | None]] = {
    WarmPhase.PREPARING: _preparing,
    WarmPhase.READY: _ready,
    WarmPhase.RETIRING: _retiring,
    WarmPhase.DISCARDING: _discarding,
    WarmPhase.FAILED: _given_up,
    WarmPhase.NO_ROOM: _given_up,
}
