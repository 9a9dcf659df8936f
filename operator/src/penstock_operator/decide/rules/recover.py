"""A part of a job that should run is missing.

A job that failed is `restart_failed`'s. Missing TaskManagers are deployed again beside their JobManager. A missing JobManager means a start from storage, so
what is left is stopped first (the fence), and the newest state is restored.
"""

from penstock_api.reasons import Reason
from penstock_api.v1beta1.job import UpgradeMode
from penstock_operator.decide.revise import begin_stop
from penstock_operator.decide.situation import IN_FLIGHT, Situation, Step
from penstock_operator.model.plan import Deploy, Event


def recover(situation: Situation) -> Step | None:
    """Applies to a deployed spec whose processes are not all there; a job that is over is left alone."""
    state, cluster = situation.job_state, situation.facts.cluster
    if state is not None and state.is_terminal:
        return None
    if not cluster.job_manager_exists:
        if not situation.flag("jm-deployment-recovery.enabled", default=True):
            return None
        return start_again(situation, "The JobManager is missing: starting the job from its newest state")
    if cluster.task_managers_exist:
        return None
    job = situation.status.job_status
    launch = situation.launch(situation.baseline, job.job_id or "", job.upgrade_savepoint_path)
    said = Event(
        Reason.RECOVER_DEPLOYMENT, "The TaskManagers are missing: deploying them", "JobManagerDeployment"
    )
    return Step(situation.status, actions=(Deploy(launch),), events=(said,), requeue_seconds=IN_FLIGHT)


def start_again(situation: Situation, sentence: str) -> Step:
    """Stop what is left, then start from the newest state; without state where the job is stateless."""
    is_stateless = situation.baseline_job.upgrade_mode is UpgradeMode.STATELESS
    mode = UpgradeMode.STATELESS if is_stateless else UpgradeMode.LAST_STATE
    status = begin_stop(situation.status, situation.baseline, mode, situation.facts.now)
    said = Event(Reason.RECOVER_DEPLOYMENT, sentence, "JobManagerDeployment")
    return Step(status, events=(said,), requeue_seconds=0.0)
