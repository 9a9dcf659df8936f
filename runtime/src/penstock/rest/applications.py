"""Applications over REST as Flink 2.3 shows them: here each job is an application of its own, under the job's id."""

from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from penstock.jobmanager.clock import now_ms
from penstock.jobmanager.job import Job
from penstock.jobmanager.status import JobStatus
from penstock.rest.answers import answer, master_of, running_of
from penstock.rest.exceptions import entry
from penstock.rest.jobs import cancel_job, overview
from penstock.rest.processes import shown_configuration

STATES = ("CREATED", "RUNNING", "FAILING", "FAILED", "CANCELING", "CANCELED", "FINISHED")
_STATE_OF = {
    JobStatus.INITIALIZING: "CREATED",
    JobStatus.CREATED: "RUNNING",
    JobStatus.RESTARTING: "RUNNING",
    JobStatus.CANCELLING: "CANCELING",
}


def state_of(status: JobStatus) -> str:
    """The application's word for a job's state."""
    return _STATE_OF.get(status, str(status))


def application_row(job: Job) -> dict[str, Any]:
    """One application of the list."""
    end = job.end
    return {
        "id": job.id,
        "name": f"SingleJobApplication({job.graph.name})",
        "start-time": job.created,
        "end-time": end,
        "duration": (end if end >= 0 else now_ms()) - job.created,
        "status": state_of(job.status),
    }


def _job_of(request: Request) -> Job:
    return running_of(request, "application").machine.job


async def listed(request: Request) -> Response:
    """GET /applications/overview."""
    jobs = [running.machine.job for running in master_of(request).jobs.values()]
    return answer({"applications": [{**application_row(job), "jobs": {str(job.status): 1}} for job in jobs]})


async def details(request: Request) -> Response:
    """GET /applications/:id."""
    job = _job_of(request)
    entered = {state_of(status): at for status, at in job.timestamps.items()}
    timestamps = {state: entered.get(state, 0) for state in STATES}
    return answer({**application_row(job), "timestamps": timestamps, "jobs": [overview(job)]})


async def exceptions(request: Request) -> Response:
    """GET /applications/:id/exceptions: those of its job."""
    job = _job_of(request)
    entries = [{**entry(record), "jobId": job.id} for record in job.failures]
    return answer({"exceptionHistory": {"entries": entries, "truncated": False}})


async def config(request: Request) -> Response:
    """GET /applications/:id/jobmanager/config."""
    return answer(shown_configuration(_job_of(request).options.configuration))


async def cancel(request: Request) -> Response:
    """POST /applications/:id/cancel."""
    job = _job_of(request)
    if job.status.is_terminal and job.status is not JobStatus.CANCELED:
        raise HTTPException(409, f"the application has already reached another terminal state ({job.status})")
    cancel_job(request, job)
    return answer({}, 202)


_APPLICATION = "/applications/{application}"
ROUTES = (
    Route("/applications/overview", listed),
    Route(_APPLICATION, details),
    Route(f"{_APPLICATION}/exceptions", exceptions),
    Route(f"{_APPLICATION}/jobmanager/config", config),
    Route(f"{_APPLICATION}/cancel", cancel, methods=["POST"]),
)
