"""A job that is over: `spec.cleanupPolicy` says, for each way to end, what becomes of its cluster and of the resource.

Where it says nothing, as upstream: the processes end after `kubernetes.operator.jm-deployment.shutdown-ttl`, a day if
unset, so that people can look at them; the resource stays, and with it the job's last state.
"""

from datetime import timedelta

from penstock_api.reasons import Reason
from penstock_api.v1beta1.deployment import CleanupAction, CleanupPolicySpec
from penstock_api.v1beta1.status import FlinkJobState
from penstock_operator.decide.situation import IN_FLIGHT, Situation, Step
from penstock_operator.model.duration import parse_duration
from penstock_operator.model.plan import DeleteResource, Event, Stop


def expire(situation: Situation) -> Step | None:
    """Applies to a job that is over for as long as its policy waits; never to one that was stopped for a change."""
    state = situation.job_state
    if state is None or not state.is_terminal or situation.is_suspended:
        return None
    policy = situation.wanted.cleanup_policy or CleanupPolicySpec()
    action = _action(policy, state)
    if action is CleanupAction.KEEP or _over_for(situation) < _delay(situation, policy, action):
        return None
    if action is CleanupAction.DELETE_RESOURCE:
        said = Event(Reason.CLEANUP, f"The job is {state.value}: spec.cleanupPolicy deletes the resource")
        return Step(situation.status, actions=(DeleteResource(),), events=(said,), requeue_seconds=IN_FLIGHT)
    cluster = situation.facts.cluster
    if not (cluster.processes_left or cluster.job_manager_exists or cluster.task_managers_exist):
        return None
    return Step(situation.status, actions=(Stop(),), requeue_seconds=IN_FLIGHT)


def _action(policy: CleanupPolicySpec, state: FlinkJobState) -> CleanupAction | None:
    return {
        FlinkJobState.FINISHED: policy.after_finished,
        FlinkJobState.FAILED: policy.after_failed,
        FlinkJobState.CANCELED: policy.after_canceled,
    }[state]


def _over_for(situation: Situation) -> timedelta:
    updated = situation.status.job_status.update_time
    return situation.since(int(updated) if updated and updated.isdigit() else None)


def _delay(situation: Situation, policy: CleanupPolicySpec, action: CleanupAction | None) -> timedelta:
    if action is None:
        return situation.duration("jm-deployment.shutdown-ttl", "1 d")
    try:
        return parse_duration(policy.delay) if policy.delay else timedelta()
    except ValueError:  # validation says so
        return situation.duration("jm-deployment.shutdown-ttl", "1 d")
