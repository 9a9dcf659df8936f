"""A savepoint was asked for: wait for it, and for the job to finish where the savepoint stops it.

Nothing is deleted before the path is in the status and the job is FINISHED, for only then its sinks have committed
(Decision 14). The trigger's id was recorded before the request, so a request that was lost is simply sent again.
"""

from datetime import timedelta

from penstock_api.reasons import Reason
from penstock_api.v1beta1.configuration import flatten_configuration
from penstock_api.v1beta1.cost import Cost, diff_cost
from penstock_api.v1beta1.job import UpgradeMode
from penstock_api.v1beta1.status import FlinkJobState, PendingSavepoint, SavepointPurpose
from penstock_operator.decide.revise import begin_stop, end_savepoint, revise_job, revise_reconciliation
from penstock_operator.decide.rules.savepoint import savepoint_action
from penstock_operator.decide.situation import IN_FLIGHT, STEADY, Situation, Step
from penstock_operator.model.duration import parse_duration
from penstock_operator.model.facts import Problem
from penstock_operator.model.plan import Event

STOPPING = (SavepointPurpose.UPGRADE, SavepointPurpose.SUSPEND, SavepointPurpose.DELETION)
FINISH_DEADLINE = timedelta(seconds=60)
"""A job whose savepoint is complete may take so long to finish; its commits are in the savepoint all the same."""
LONGEST_SAVEPOINT = timedelta(minutes=10)
CHECKPOINT_TIMEOUT = "execution.checkpointing.timeout"
RETRY_SECONDS = 10.0


def await_savepoint(situation: Situation) -> Step | None:
    """Applies while the status records a pending savepoint."""
    pending = situation.status.pending_savepoint
    if pending is None or _may_be_left(situation, pending):
        return None
    progress = situation.facts.job.savepoint
    if progress is not None and progress.location:
        return _arrived(situation, pending, progress.location)
    recorded = situation.status.job_status.upgrade_savepoint_path
    if pending.purpose in STOPPING and _is_recorded(situation, pending) and recorded:
        return _arrived(situation, pending, recorded)
    if progress is not None and progress.failure:
        return _failed(situation, progress.failure)
    if _is_hopeless(situation, pending):
        return _failed(situation, "the JobManager no longer knows of it")
    if progress is not None and not progress.known and situation.runs:
        return Step(
            situation.status,
            actions=(savepoint_action(situation, pending),),
            keep_error=True,
            requeue_seconds=IN_FLIGHT,
        )
    return Step(situation.status, keep_error=True, requeue_seconds=IN_FLIGHT)


def _may_be_left(situation: Situation, pending: PendingSavepoint) -> bool:
    """A savepoint that stops nothing need not be waited for by an upgrade whose owner says so."""
    if pending.purpose in STOPPING or not situation.flag("job.upgrade.ignore-pending-savepoint"):
        return False
    return diff_cost(situation.baseline, situation.wanted)[0] > Cost.SCALE


def _is_recorded(situation: Situation, pending: PendingSavepoint) -> bool:
    """Whether the path in the status is that of this very savepoint, not the one that the job was started from."""
    info = situation.status.job_status.savepoint_info
    last = info.last_savepoint if info else None
    if last is None or last.time_stamp != pending.requested_at:
        return False
    return last.location == situation.status.job_status.upgrade_savepoint_path


def _is_hopeless(situation: Situation, pending: PendingSavepoint) -> bool:
    """The job is over, its JobManager is gone, or the savepoint took longer than it may."""
    job, cluster = situation.facts.job, situation.facts.cluster
    is_over = job.reachable and job.state is not None and job.state.is_terminal
    is_unknown = job.savepoint is None or not job.savepoint.known
    limit = _longest(situation, pending)
    is_late = situation.since(pending.requested_at) > limit
    is_stuck = situation.since(pending.requested_at) > FINISH_DEADLINE
    return (is_over and (is_unknown or is_stuck)) or not cluster.job_manager_exists or is_late


def _longest(situation: Situation, pending: PendingSavepoint) -> timedelta:
    """How long a savepoint may take: a stop as long as any checkpoint of the job, another as long as its owner says."""
    if pending.purpose not in STOPPING:
        return situation.duration("savepoint.trigger.grace-period", "10 min")
    text = flatten_configuration(situation.configured.flink_configuration).get(CHECKPOINT_TIMEOUT)
    try:
        return parse_duration(text) if text else LONGEST_SAVEPOINT
    except ValueError:
        return LONGEST_SAVEPOINT


def _arrived(situation: Situation, pending: PendingSavepoint, location: str) -> Step:
    status = situation.status
    if pending.purpose not in STOPPING:
        nonce = situation.wanted_job.savepoint_trigger_nonce
        return Step(end_savepoint(status, location, nonce), requeue_seconds=IN_FLIGHT)
    if not _is_recorded(situation, pending):
        held = end_savepoint(status, location).model_copy(update={"pending_savepoint": pending})
        return Step(revise_job(held, upgrade_savepoint_path=location), requeue_seconds=0.0)
    state = situation.facts.job.state
    is_over = situation.facts.job.reachable and state is not None and state.is_terminal
    is_gone = not situation.facts.cluster.job_manager_exists
    is_late = situation.since(pending.requested_at) > FINISH_DEADLINE + LONGEST_SAVEPOINT
    if not (is_over or is_gone or is_late):
        return Step(status, requeue_seconds=IN_FLIGHT)
    stopped = begin_stop(status, situation.baseline, UpgradeMode.SAVEPOINT, situation.facts.now)
    return Step(
        revise_job(stopped, state=FlinkJobState.FINISHED),
        events=(Event(Reason.SUSPENDED, f"Job stopped with savepoint {location}", "Job"),),
        requeue_seconds=0.0,
    )


def _failed(situation: Situation, why: str) -> Step:
    """The job runs on (or is over): the next turn decides again, and falls back to the last state where it must."""
    pending = situation.status.pending_savepoint
    is_stop = pending is not None and pending.purpose in STOPPING
    reason = Reason.SAVEPOINT_FAILED if is_stop else Reason.SAVEPOINT_ERROR
    return Step(
        revise_reconciliation(end_savepoint(situation.status, None), upgrade_generation=None),
        problem=Problem(reason, f"{reason.sentence} ({why})", "Job"),
        requeue_seconds=RETRY_SECONDS if situation.runs else min(IN_FLIGHT, STEADY),
    )
