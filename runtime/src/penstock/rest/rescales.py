"""Rescales of a job over REST, as Flink's adaptive scheduler shows them: configuration, history, counts, summary."""

from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from penstock.checkpoint.settings import duration_of
from penstock.rest.answers import answer, job_of
from penstock.rest.figures import summary

_PREFIX = "jobmanager.adaptive-scheduler."
_NO_COUNTS = {"ignored": 0, "inProgress": 0, "completed": 0, "failed": 0}


async def config(request: Request) -> Response:
    """GET /jobs/:id/rescales/config."""
    settings = job_of(request).options.configuration
    reactive = settings.get("scheduler-mode", "").upper() == "REACTIVE"
    return answer(
        {
            "rescaleHistoryMax": 0,
            "schedulerExecutionMode": "REACTIVE" if reactive else None,
            "submissionResourceWaitTimeoutInMillis": duration_of(
                settings, 300_000, _PREFIX + "submission.resource-wait-timeout"
            ),
            "submissionResourceStabilizationTimeoutInMillis": duration_of(
                settings, 10_000, _PREFIX + "submission.resource-stabilization-timeout"
            ),
            "slotIdleTimeoutInMillis": 50_000,
            "executingCooldownTimeoutInMillis": duration_of(
                settings, 30_000, _PREFIX + "executing.cooldown-after-rescaling"
            ),
            "executingResourceStabilizationTimeoutInMillis": duration_of(
                settings, 60_000, _PREFIX + "executing.resource-stabilization-timeout"
            ),
            "maximumDelayForTriggeringRescaleInMillis": 0,
            "rescaleOnFailedCheckpointCount": 2,
        }
    )


async def history(request: Request) -> Response:
    """GET /jobs/:id/rescales/history."""
    job_of(request)
    return answer([])


async def overview(request: Request) -> Response:
    """GET /jobs/:id/rescales/overview."""
    job_of(request)
    latest = {"completed": None, "failed": None, "ignored": None}
    return answer({"rescalesCounts": _NO_COUNTS, "latest": latest})


async def statistics(request: Request) -> Response:
    """GET /jobs/:id/rescales/summary."""
    job_of(request)
    kinds = ("rescales", "completedRescales", "ignoredRescales", "failedRescales")
    found: dict[str, Any] = {f"{kind}DurationStatsInMillis": summary([]) for kind in kinds}
    return answer({"rescalesCounts": _NO_COUNTS, **found})


async def details(request: Request) -> Response:
    """GET /jobs/:id/rescales/details/:uuid."""
    job_of(request)
    raise HTTPException(404, f"Rescale {request.path_params['rescale']} not found")


_RESCALES = "/jobs/{job}/rescales"
ROUTES = (
    Route(f"{_RESCALES}/config", config),
    Route(f"{_RESCALES}/history", history),
    Route(f"{_RESCALES}/overview", overview),
    Route(f"{_RESCALES}/summary", statistics),
    Route(f"{_RESCALES}/details/{{rescale}}", details),
)
