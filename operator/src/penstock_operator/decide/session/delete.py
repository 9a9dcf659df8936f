"""A session cluster shall go: not before its jobs, as the options say; then everything of it, within the deadline.

Called by `cluster.py`. Pure. The guard over its jobs holds as long as upstream's unless `spec.deletion` sets a deadline
or a policy, which then decide.
"""

from datetime import timedelta

from penstock_api.reasons import Reason
from penstock_api.v1beta1.deployment import DeletionPolicy
from penstock_operator.decide.revise import revise_reconciliation
from penstock_operator.decide.situation import IN_FLIGHT, UNSETTLED, Situation, Step
from penstock_operator.model.duration import parse_duration
from penstock_operator.model.facts import Problem
from penstock_operator.model.plan import Event, Release, Remove

DEFAULT_DEADLINE = timedelta(minutes=5)


def delete_session(situation: Situation) -> Step:
    """Wait for its jobs, remove, release."""
    blocked = _blocked(situation)
    deletion = situation.wanted.deletion
    policy = (deletion.policy if deletion else None) or DeletionPolicy.FORCE
    since = _removing_since(situation) if blocked is None else situation.deletion_requested()
    is_late = situation.since(since) > _deadline(situation)
    if is_late and policy is DeletionPolicy.ORPHAN:
        said = Event(Reason.DELETION_ORPHANED, Reason.DELETION_ORPHANED.sentence)
        return Step(situation.status, actions=(Release(),), events=(said,), requeue_seconds=UNSETTLED)
    is_bounded = deletion is not None and bool(deletion.deadline or deletion.policy)
    if blocked is not None and not (is_late and is_bounded and policy is DeletionPolicy.FORCE):
        problem = Problem(Reason.CLEANUP_FAILED, blocked)
        return Step(situation.status, problem=problem, requeue_seconds=UNSETTLED)
    cluster = situation.facts.cluster
    if not (
        cluster.processes_left
        or cluster.leftovers
        or cluster.job_manager_exists
        or cluster.task_managers_exist
    ):
        return Step(situation.status, actions=(Release(),), requeue_seconds=UNSETTLED)
    return _remove(situation, is_late=is_late, forced=blocked is not None, policy=policy)


def _blocked(situation: Situation) -> str | None:
    """Why it must not go yet."""
    if not situation.flag("session.deletion.block-on-session-jobs", default=True):
        return None
    names = situation.facts.cluster.session_jobs
    if names:
        return f"FlinkSessionJobs still use the session cluster: delete {', '.join(names)} first"
    if not situation.flag("session.deletion.block-on-unmanaged-jobs", default=True):
        return None
    jobs = situation.facts.job.session_jobs
    if jobs:
        return f"Jobs that no FlinkSessionJob manages still run: cancel {', '.join(jobs)} first"
    return None


def _remove(situation: Situation, *, is_late: bool, forced: bool, policy: DeletionPolicy) -> Step:
    began, status = _removing_since(situation), situation.status
    events = []
    if began is None:
        events.append(Event(Reason.CLEANUP, "Deleting the session cluster"))
        status = revise_reconciliation(status, reconciliation_timestamp=situation.facts.now)
    if forced:
        is_said = began is not None
        events += (
            [] if is_said else [Event(Reason.DELETION_FORCED, "Its jobs are ended: the deadline has passed")]
        )
    if policy is DeletionPolicy.FORCE and situation.since(began) > _deadline(situation) * 2:
        said = Event(
            Reason.DELETION_FORCED, "Its objects do not go away: the resource is released without them"
        )
        return Step(
            situation.status, actions=(Remove(), Release()), events=(said,), requeue_seconds=UNSETTLED
        )
    sentence = f"{situation.facts.cluster.processes_left} processes of the session cluster are still there"
    return Step(
        status,
        actions=(Remove(),),
        events=tuple(events),
        problem=Problem(Reason.CLEANUP_FAILED, sentence) if is_late and not forced else None,
        requeue_seconds=UNSETTLED if is_late else IN_FLIGHT,
    )


def _deadline(situation: Situation) -> timedelta:
    deletion = situation.wanted.deletion
    try:
        return parse_duration(deletion.deadline) if deletion and deletion.deadline else DEFAULT_DEADLINE
    except ValueError:
        return DEFAULT_DEADLINE


def _removing_since(situation: Situation) -> int | None:
    """When its removal began, which may be long after it was asked for; None while it has not."""
    noted = situation.status.reconciliation_status.reconciliation_timestamp
    return noted if noted and noted >= situation.deletion_requested() else None
