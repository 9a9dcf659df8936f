"""A job that is over keeps its JobManager for a while, so that people can look at it; then its processes end.

`kubernetes.operator.jm-deployment.shutdown-ttl`, a day if unset. The resource stays, and with it the job's last state.
"""

from penstock_operator.decide.situation import IN_FLIGHT, Situation, Step
from penstock_operator.model.plan import Stop


def expire(situation: Situation) -> Step | None:
    """Applies to a job that ended long ago and whose processes are still there."""
    state, cluster = situation.job_state, situation.facts.cluster
    if state is None or not state.is_terminal:
        return None
    updated = situation.status.job_status.update_time
    over_for = situation.since(int(updated) if updated and updated.isdigit() else None)
    if over_for <= situation.duration("jm-deployment.shutdown-ttl", "1 d"):
        return None
    if not (cluster.processes_left or cluster.job_manager_exists or cluster.task_managers_exist):
        return None
    return Step(situation.status, actions=(Stop(),), requeue_seconds=IN_FLIGHT)
