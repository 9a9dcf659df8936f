"""The status brought up to date with what was just seen, before any rule is asked. Called by the planner. Pure."""

from penstock_api.v1beta1.status import (
    FlinkDeploymentStatus,
    FlinkJobState,
    JobManagerDeploymentStatus,
    LastCheckpoint,
    TaskManagerInfo,
)
from penstock_operator.decide.cluster_info import STATE_SIZE, cluster_info
from penstock_operator.decide.health import watch
from penstock_operator.decide.revise import revise_job
from penstock_operator.model.facts import ClusterFacts, Facts, JobFacts, Snapshot

CHECKPOINT_NEWS_MS = 60_000
"""How old the recorded checkpoint must be for a newer one to be recorded at rest; storage is the truth in between."""


def refresh(facts: Facts) -> FlinkDeploymentStatus:
    """What was stored, with the JobManager's and the job's state as seen now."""
    status = facts.resource.status
    state = job_state(facts, status)
    changes: dict[str, object] = {"state": state}
    if state is not status.job_status.state:
        changes["update_time"] = str(facts.now)
    if facts.job.reachable and facts.job.name is not None:
        changes["job_name"] = facts.job.name
        if facts.job.start_time is not None:
            changes["start_time"] = str(facts.job.start_time)
    name = status.cluster_name or facts.resource.metadata.name
    selector = f"component=taskmanager,app={name}"
    cluster: dict[str, object] = {
        "job_manager_deployment_status": job_manager_status(facts.cluster, facts.job),
        "task_manager": TaskManagerInfo(label_selector=selector, replicas=facts.cluster.task_managers),
        "health": watch(facts, status, state),
        "autoscaler": facts.autoscaler,
    }
    cluster["cluster_info"] = cluster_info(facts)
    return record_newest(facts, revise_job(status, **changes).model_copy(update=cluster))


def record_newest(facts: Facts, status: FlinkDeploymentStatus, *, now: bool = False) -> FlinkDeploymentStatus:
    """The newest checkpoint that the job tells of; `now` records every one, as before an act that depends on it."""
    newest = facts.job.last_checkpoint
    if newest is None or not newest.is_complete or not is_news(newest, status, facts.now, at_once=now):
        return status
    seen = LastCheckpoint(path=newest.path, id=newest.checkpoint_id, timestamp=newest.timestamp)
    revised = revise_job(status, last_checkpoint=seen)
    if facts.job.state_size is None:
        return revised
    info = {**status.cluster_info, STATE_SIZE: str(facts.job.state_size)}
    return revised.model_copy(update={"cluster_info": info})


def is_news(newest: Snapshot, status: FlinkDeploymentStatus, now: int, *, at_once: bool = False) -> bool:
    """Whether the checkpoint is worth a look at storage and a write: one a second must not cost a write a second."""
    if newest.job_id != status.job_status.job_id or newest.job_id not in status.job_status.job_ids:
        return False
    held = status.job_status.last_checkpoint
    if held is not None and (held.path, held.id) == (newest.path, newest.checkpoint_id):
        return False
    if held is None or newest.is_savepoint or held.timestamp is None or (held.id or 0) > newest.checkpoint_id:
        return True
    return at_once or now - held.timestamp >= CHECKPOINT_NEWS_MS


def job_manager_status(cluster: ClusterFacts, job: JobFacts) -> JobManagerDeploymentStatus:
    """Where the JobManager is."""
    if not cluster.job_manager_exists:
        return JobManagerDeploymentStatus.MISSING
    if cluster.problem is not None:
        return JobManagerDeploymentStatus.ERROR
    if job.reachable:
        return JobManagerDeploymentStatus.READY
    if cluster.job_manager_ready:
        return JobManagerDeploymentStatus.DEPLOYED_NOT_READY
    return JobManagerDeploymentStatus.DEPLOYING


def job_state(facts: Facts, status: FlinkDeploymentStatus) -> FlinkJobState | None:
    """The job's state: the JobManager's word; without it the last one if it was terminal, else RECONCILING."""
    old, job = status.job_status.state, facts.job
    if status.job_status.job_id is None:
        return old
    if job.reachable and job.state is not None:
        return job.state
    if job.application is not None and job.application.status == "FAILED":
        return FlinkJobState.FAILED
    if old is None or old.is_terminal or old is FlinkJobState.SUSPENDED:
        return old
    return FlinkJobState.RECONCILING
