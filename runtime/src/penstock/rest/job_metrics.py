"""Metrics of jobs over REST, by Flink's names: one job's, and aggregates over jobs."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from penstock.jobmanager.clock import now_ms
from penstock.jobmanager.job import Job, RescaleEnd
from penstock.jobmanager.status import JobStatus
from penstock.rest.answers import job_of, master_of
from penstock.rest.figures import Value, listed_or_aggregated, listed_or_read

LATENCY = "latency."
"""How names of `taskmanager.latency` begin."""
_TIMED = {
    "initializing": JobStatus.INITIALIZING,
    "created": JobStatus.CREATED,
    "running": JobStatus.RUNNING,
    "restarting": JobStatus.RESTARTING,
    "failing": JobStatus.FAILING,
    "cancelling": JobStatus.CANCELLING,
}


def _state_times(job: Job, now: int) -> dict[str, Value]:
    """`<state>Time` of the present stay in a state, `<state>TimeTotal` of all."""
    ends = [at for at, _ in job.history[1:]] + [job.end if job.end >= 0 else now]
    totals: dict[JobStatus, int] = {}
    for (at, status), end in zip(job.history, ends, strict=True):
        totals[status] = totals.get(status, 0) + max(0, end - at)
    found: dict[str, Value] = {}
    for name, status in _TIMED.items():
        present = now - job.timestamps.get(status, now) if job.status is status else 0
        found[f"{name}Time"] = present
        found[f"{name}TimeTotal"] = totals.get(status, 0)
    return found


def job_metrics(job: Job) -> dict[str, Value]:
    """The job's own metrics."""
    history, now = job.coordinator.history, now_ms()
    latest = history.latest_completed or history.latest_savepoint
    is_running = job.status is JobStatus.RUNNING
    down = job.status in (JobStatus.RESTARTING, JobStatus.FAILING)
    since = job.timestamps.get(job.status, now)
    return {
        "numRestarts": job.restarts,
        "fullRestarts": job.restarts,
        "uptime": now - since if is_running else 0,
        "numRescales": sum(each.outcome is RescaleEnd.SUCCEEDED for each in job.rescales),
        "downtime": now - since if down else 0,
        "numberOfCompletedCheckpoints": history.completed,
        "numberOfFailedCheckpoints": history.failed,
        "numberOfInProgressCheckpoints": history.in_progress,
        "totalNumberOfCheckpoints": history.completed + history.failed + history.in_progress,
        "lastCompletedCheckpointId": latest.id if latest else -1,
        "lastCheckpointDuration": latest.duration if latest else -1,
        "lastCheckpointSize": latest.size if latest else -1,
        "lastCheckpointFullSize": latest.size if latest else -1,
        "lastCheckpointExternalPath": latest.location if latest else "n/a",
        "lastCheckpointRestoreTimestamp": job.restored_at or -1,
        "lastCheckpointProcessedData": 0,
        "lastCheckpointPersistedData": 0,
        **_state_times(job, now),
        **latencies(job),
    }


def latencies(job: Job) -> dict[str, Value]:
    """What latency markers found, from all subtasks; Flink has it at the job."""
    return {
        name: value
        for execution in job.executions.values()
        for name, value in execution.metrics.items()
        if name.startswith(LATENCY)
    }


async def metrics(request: Request) -> Response:
    """GET /jobs/:id/metrics."""
    return listed_or_read(request, job_metrics(job_of(request)))


async def aggregated_metrics(request: Request) -> Response:
    """GET /jobs/metrics, of all jobs or of `?jobs=`."""
    jobs = master_of(request).jobs
    wanted = request.query_params.get("jobs")
    ids = wanted.split(",") if wanted else list(jobs)
    return listed_or_aggregated(request, [job_metrics(jobs[id_].machine.job) for id_ in ids if id_ in jobs])


ROUTES = (
    Route("/jobs/metrics", aggregated_metrics),
    Route("/jobs/{job}/metrics", metrics),
)
