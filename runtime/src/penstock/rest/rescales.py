"""Rescales of a job over REST, as Flink's adaptive scheduler shows them: configuration, history, counts, summary, details."""

import hashlib
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from penstock.jobmanager.job import Job, Rescale
from penstock.jobmanager.states.rescaling import KEPT_RESCALES
from penstock.rest.answers import answer, job_of
from penstock.rest.figures import summary

KINDS = ("ignored", "inProgress", "completed", "failed")


async def config(request: Request) -> Response:
    """GET /jobs/:id/rescales/config."""
    settings = job_of(request).options.adaptive
    return answer(
        {
            "rescaleHistoryMax": KEPT_RESCALES,
            "schedulerExecutionMode": "REACTIVE" if settings.is_reactive else None,
            "submissionResourceWaitTimeoutInMillis": settings.resource_wait,
            "submissionResourceStabilizationTimeoutInMillis": settings.resource_stabilization,
            "slotIdleTimeoutInMillis": 50_000,
            "executingCooldownTimeoutInMillis": settings.cooldown,
            "executingResourceStabilizationTimeoutInMillis": settings.stabilization,
            "maximumDelayForTriggeringRescaleInMillis": 0,
            "rescaleOnFailedCheckpointCount": 2,
        }
    )


def kind_of(rescale: Rescale) -> str:
    """One of KINDS."""
    if rescale.ended < 0:
        return "inProgress"
    return "failed" if rescale.failure else "completed"


def uuid_of(job: Job, rescale: Rescale) -> str:
    """32 hex digits that stay the same for as long as it is remembered."""
    return hashlib.sha256(f"{job.id} {rescale.started}".encode()).hexdigest()[:32]


def brief(job: Job, rescale: Rescale) -> dict[str, Any]:
    """One rescale, without its vertices."""
    number = len(job.rescales) - job.rescales.index(rescale)
    ended = rescale.ended
    return {
        "rescaleUuid": uuid_of(job, rescale),
        "resourceRequirementsUuid": uuid_of(job, rescale),
        "rescaleAttemptId": number,
        "startTimestampInMillis": rescale.started,
        "endTimestampInMillis": ended,
        "durationInMillis": ended - rescale.started if ended >= 0 else -1,
        "terminalState": None if ended < 0 else kind_of(rescale).upper(),
        "terminatedReason": rescale.failure or ("SUCCEEDED" if ended >= 0 else None),
        "triggerCause": "UPDATE_REQUIREMENT",
    }


def full(job: Job, rescale: Rescale) -> dict[str, Any]:
    """One rescale with what it did to each vertex."""
    names = {vertex.id: vertex for vertex in job.graph.vertices}
    after = rescale.after or {}
    vertices = {
        vertex_id: {
            "jobVertexId": vertex_id,
            "jobVertexName": names[vertex_id].name,
            "slotSharingGroupName": names[vertex_id].slot_sharing_group,
            "desiredParallelism": wanted,
            "sufficientParallelism": wanted,
            "preRescaleParallelism": rescale.before.get(vertex_id),
            "postRescaleParallelism": after.get(vertex_id),
        }
        for vertex_id, wanted in rescale.target.items()
        if vertex_id in names
    }
    return {**brief(job, rescale), "vertices": vertices, "slots": {}, "schedulerStates": []}


def _counts(job: Job) -> dict[str, int]:
    kinds = [kind_of(rescale) for rescale in job.rescales]
    return {kind: kinds.count(kind) for kind in KINDS}


def _latest(job: Job, kind: str) -> dict[str, Any] | None:
    found = next((rescale for rescale in job.rescales if kind_of(rescale) == kind), None)
    return full(job, found) if found else None


async def history(request: Request) -> Response:
    """GET /jobs/:id/rescales/history, newest first."""
    job = job_of(request)
    return answer([brief(job, rescale) for rescale in job.rescales])


async def overview(request: Request) -> Response:
    """GET /jobs/:id/rescales/overview."""
    job = job_of(request)
    latest = {kind: _latest(job, kind) for kind in ("completed", "failed", "ignored")}
    return answer({"rescalesCounts": _counts(job), "latest": latest})


async def statistics(request: Request) -> Response:
    """GET /jobs/:id/rescales/summary."""
    job = job_of(request)
    took = {
        kind: [r.ended - r.started for r in job.rescales if r.ended >= 0 and kind_of(r) == kind]
        for kind in ("completed", "ignored", "failed")
    }
    found: dict[str, Any] = {
        f"{kind}RescalesDurationStatsInMillis": summary(durations) for kind, durations in took.items()
    }
    found["rescalesDurationStatsInMillis"] = summary(d for durations in took.values() for d in durations)
    return answer({"rescalesCounts": _counts(job), **found})


async def details(request: Request) -> Response:
    """GET /jobs/:id/rescales/details/:uuid."""
    job, wanted = job_of(request), str(request.path_params["rescale"])
    for rescale in job.rescales:
        if uuid_of(job, rescale) == wanted:
            return answer(full(job, rescale))
    raise HTTPException(404, f"Rescale {wanted} not found")


_RESCALES = "/jobs/{job}/rescales"
ROUTES = (
    Route(f"{_RESCALES}/config", config),
    Route(f"{_RESCALES}/history", history),
    Route(f"{_RESCALES}/overview", overview),
    Route(f"{_RESCALES}/summary", statistics),
    Route(f"{_RESCALES}/details/{{rescale}}", details),
)
