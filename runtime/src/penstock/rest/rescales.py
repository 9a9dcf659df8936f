"""Rescales of a job over REST, as Flink's adaptive scheduler shows them: configuration, history, counts, summary, details."""

import hashlib
from collections.abc import Iterable, Iterator
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from penstock.jobmanager.job import Job, Rescale, RescaleEnd
from penstock.jobmanager.states.rescaling import KEPT_RESCALES
from penstock.jobmanager.status import JobStatus
from penstock.rest.answers import answer, job_of
from penstock.rest.figures import summary

_STATES = {
    JobStatus.CREATED: "CreatingExecutionGraph",
    JobStatus.RUNNING: "Executing",
    JobStatus.RESTARTING: "Restarting",
    JobStatus.FAILING: "Failing",
    JobStatus.CANCELLING: "Canceling",
}
_ANY_PROFILE = {
    "cpuCores": -1.0,
    "taskHeapMemory": -1,
    "taskOffHeapMemory": -1,
    "managedMemory": -1,
    "networkMemory": -1,
    "extendedResources": {},
}
"""Slots are not asked for by size."""
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
    if rescale.outcome is None:
        return "inProgress"
    kinds = {RescaleEnd.SUCCEEDED: "completed", RescaleEnd.EXCEPTION_OCCURRED: "failed"}
    return kinds.get(rescale.outcome, "ignored")


def _id_of(*words: object) -> str:
    """32 hex digits that stay the same for the same words."""
    return hashlib.sha256(" ".join(map(str, words)).encode()).hexdigest()[:32]


def uuid_of(job: Job, rescale: Rescale) -> str:
    """Its own for as long as it is remembered."""
    return _id_of(job.id, "rescale", rescale.requirements_number, rescale.number)


def brief(job: Job, rescale: Rescale) -> dict[str, Any]:
    """One rescale, without what it did to vertices and slots."""
    ended = rescale.ended
    return {
        "rescaleUuid": uuid_of(job, rescale),
        "resourceRequirementsUuid": _id_of(job.id, "requirements", rescale.requirements_number),
        "rescaleAttemptId": rescale.number,
        "startTimestampInMillis": rescale.started,
        "endTimestampInMillis": ended if ended >= 0 else None,
        "terminalState": None if rescale.outcome is None else kind_of(rescale).upper(),
        "triggerCause": str(rescale.cause),
        "terminatedReason": None if rescale.outcome is None else str(rescale.outcome),
    }


def full(job: Job, rescale: Rescale) -> dict[str, Any]:
    """One rescale with what it did to each vertex and group of slots, and the scheduler's states meanwhile."""
    after = rescale.after or {}
    vertices, slots = {}, {}
    groups: dict[str, list[str]] = {}
    for vertex in job.graph.vertices:
        groups.setdefault(vertex.slot_sharing_group, []).append(vertex.id)
        bounds = rescale.wanted.get(vertex.id)
        vertices[vertex.id] = {
            "jobVertexId": vertex.id,
            "jobVertexName": vertex.name,
            "slotSharingGroupId": _id_of(vertex.slot_sharing_group),
            "slotSharingGroupName": vertex.slot_sharing_group,
            "desiredParallelism": bounds.upper if bounds else rescale.target.get(vertex.id),
            "sufficientParallelism": bounds.lower if bounds else None,
            "preRescaleParallelism": rescale.before.get(vertex.id),
            "postRescaleParallelism": after.get(vertex.id),
        }
    for name, members in groups.items():
        slots[_id_of(name)] = {
            "slotSharingGroupId": _id_of(name),
            "slotSharingGroupName": name,
            "requestResourceProfile": _ANY_PROFILE,
            "desiredSlots": _most(vertices[member]["desiredParallelism"] for member in members),
            "minimalRequiredSlots": _most(vertices[member]["sufficientParallelism"] for member in members),
            "preRescaleSlots": _most(rescale.before.get(member) for member in members),
            "postRescaleSlots": _most(after.get(member) for member in members),
            "acquiredResourceProfile": _ANY_PROFILE if after else None,
        }
    states = list(_states(job, rescale))
    return {**brief(job, rescale), "vertices": vertices, "slots": slots, "schedulerStates": states}


def _most(counts: Iterable[Any]) -> int | None:
    return max((count for count in counts if count is not None), default=None)


def _states(job: Job, rescale: Rescale) -> Iterator[dict[str, Any]]:
    """What the job was meanwhile, in the words of the adaptive scheduler's states."""
    leaves = [at for at, _ in job.history[1:]] + [None]
    for (entered, status), left in zip(job.history, leaves, strict=True):
        is_over = rescale.ended >= 0 and entered > rescale.ended
        if status not in _STATES or is_over or (left is not None and left < rescale.started):
            continue
        failed = rescale.failure if left is None or left >= rescale.ended >= 0 else None
        yield {
            "state": _STATES[status],
            "enterTimestampInMillis": entered,
            "leaveTimestampInMillis": left,
            "durationInMillis": None if left is None else left - entered,
            "stringifiedException": failed,
        }


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
