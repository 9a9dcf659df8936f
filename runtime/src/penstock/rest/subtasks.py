"""Subtasks of a vertex over REST: details, attempts, metrics, accumulators. Bodies as Flink's."""

from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from penstock.control.messages import TaskState
from penstock.graph.jobgraph import VertexSpec
from penstock.jobmanager.clock import now_ms
from penstock.jobmanager.job import Execution, Job
from penstock.rest.answers import answer, io_metrics, job_of
from penstock.rest.figures import listed_or_read
from penstock.rest.jobs import executions_of

_TIMED = (
    TaskState.CREATED,
    TaskState.SCHEDULED,
    TaskState.DEPLOYING,
    TaskState.INITIALIZING,
    TaskState.RUNNING,
)
"""States whose durations Flink shows, in the order in which a task is in them."""


def vertex_of(request: Request) -> tuple[Job, VertexSpec]:
    """The vertex that the path names, or 404."""
    job, vertex_id = job_of(request), str(request.path_params["vertex"])
    try:
        return job, job.graph.vertex(vertex_id)
    except KeyError:
        raise HTTPException(404, f"JobVertex {vertex_id} not found") from None


def execution_of(request: Request) -> tuple[Job, Execution]:
    """The subtask that the path names, or 404."""
    job, vertex = vertex_of(request)
    index = int(request.path_params["index"])
    execution = job.executions.get((vertex.id, index))
    if execution is None:
        raise HTTPException(
            404, f"Invalid subtask index for vertex {vertex.id}: {index} of {vertex.parallelism}"
        )
    return job, execution


def manager_of(execution: Execution) -> str:
    """The TaskManager of its slot: slot ids begin with it."""
    return execution.slot_id.rsplit("-", 1)[0]


def attempt_of(execution: Execution) -> int:
    """Its number as Flink counts: from 0. A region that started again alone is of a newer one than the others."""
    return max(0, execution.attempt - 1)


def status_durations(execution: Execution) -> dict[str, int]:
    """Milliseconds in each state so far."""
    entered = [(state, execution.timestamps[state]) for state in _TIMED if state in execution.timestamps]
    end = execution.end if execution.end >= 0 else now_ms()
    leaves = [at for _, at in entered[1:]] + [end]
    return {str(state): max(0, left - at) for (state, at), left in zip(entered, leaves, strict=True)}


def subtask_row(execution: Execution) -> dict[str, Any]:
    """One subtask."""
    end, start = execution.end, execution.start
    return {
        "subtask": execution.index,
        "status": str(execution.state),
        "attempt": attempt_of(execution),
        "endpoint": execution.slot_id,
        "start-time": start,
        "end-time": end,
        "duration": (end if end >= 0 else now_ms()) - start if start >= 0 else -1,
        "metrics": io_metrics([execution]),
        "taskmanager-id": manager_of(execution),
        "status-duration": status_durations(execution),
        "start_time": start,
    }


async def subtask(request: Request) -> Response:
    """GET …/subtasks/:index."""
    _, execution = execution_of(request)
    return answer(subtask_row(execution))


def attempt_wanted(request: Request) -> tuple[Job, Execution]:
    """The attempt of a subtask that the path names, present or earlier, or 404."""
    job, vertex = vertex_of(request)
    key = (vertex.id, int(request.path_params["index"]))
    wanted = int(request.path_params["attempt"])
    present = [job.executions[key]] if key in job.executions else []
    known = [*job.earlier.get(key, ()), *present]
    found = next((execution for execution in known if attempt_of(execution) == wanted), None)
    if found is None:
        numbers = ", ".join(str(attempt_of(execution)) for execution in known) or "none"
        raise HTTPException(404, f"Could not find attempt {wanted}: known are {numbers}")
    return job, found


async def attempt(request: Request) -> Response:
    """GET …/subtasks/:index/attempts/:attempt."""
    _, execution = attempt_wanted(request)
    return answer(subtask_row(execution))


async def attempt_accumulators(request: Request) -> Response:
    """GET …/subtasks/:index/attempts/:attempt/accumulators."""
    job, execution = attempt_wanted(request)
    number = attempt_of(execution)
    identity = f"{job.id}_{execution.vertex_id}_{execution.index}_{number}"
    return answer({"subtask": execution.index, "attempt": number, "id": identity, "user-accumulators": []})


async def metrics(request: Request) -> Response:
    """GET …/subtasks/:index/metrics; no metrics before the subtask is deployed."""
    job, vertex = vertex_of(request)
    execution = job.executions.get((vertex.id, int(request.path_params["index"])))
    return listed_or_read(request, execution.metrics if execution else {})


async def accumulators(request: Request) -> Response:
    """GET …/subtasks/accumulators."""
    job, vertex = vertex_of(request)
    rows = [
        {
            "subtask": execution.index,
            "attempt": attempt_of(execution),
            "endpoint": execution.slot_id,
            "user-accumulators": [],
        }
        for execution in executions_of(job, vertex)
    ]
    return answer({"id": vertex.id, "parallelism": vertex.parallelism, "subtasks": rows})


async def vertex_accumulators(request: Request) -> Response:
    """GET /jobs/:id/vertices/:vid/accumulators."""
    _, vertex = vertex_of(request)
    return answer({"id": vertex.id, "user-accumulators": []})


_VERTEX = "/jobs/{job}/vertices/{vertex}"
_SUBTASK = f"{_VERTEX}/subtasks/{{index:int}}"
ROUTES = (
    Route(f"{_VERTEX}/accumulators", vertex_accumulators),
    Route(f"{_VERTEX}/subtasks/accumulators", accumulators),
    Route(_SUBTASK, subtask),
    Route(f"{_SUBTASK}/metrics", metrics),
    Route(f"{_SUBTASK}/attempts/{{attempt:int}}", attempt),
    Route(f"{_SUBTASK}/attempts/{{attempt:int}}/accumulators", attempt_accumulators),
)
