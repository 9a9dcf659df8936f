"""A job's vertices over REST: subtasks, metrics, backpressure, watermarks, times. Bodies as Flink's."""

from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from penstock.control.messages import TaskState
from penstock.graph.jobgraph import VertexSpec
from penstock.jobmanager.clock import now_ms
from penstock.jobmanager.job import Execution, Job
from penstock.rest.answers import answer, io_metrics, job_of, number_text
from penstock.rest.jobs import executions_of

BUSY, IDLE, PRESSED = "busyTimeMsPerSecond", "idleTimeMsPerSecond", "backPressuredTimeMsPerSecond"


def vertex_of(request: Request) -> tuple[Job, VertexSpec]:
    """The vertex that the path names, or 404."""
    job, vertex_id = job_of(request), str(request.path_params["vertex"])
    try:
        return job, job.graph.vertex(vertex_id)
    except KeyError:
        raise HTTPException(404, f"JobVertex {vertex_id} not found") from None


def subtask_row(job: Job, execution: Execution) -> dict[str, Any]:
    """One subtask."""
    end = execution.end
    start = execution.start
    return {
        "subtask": execution.index,
        "status": str(execution.state),
        "attempt": max(0, job.attempt - 1),
        "endpoint": execution.slot_id,
        "start-time": start,
        "end-time": end,
        "duration": (end if end >= 0 else now_ms()) - start if start >= 0 else -1,
        "metrics": io_metrics([execution]),
        "taskmanager-id": execution.slot_id.rsplit("-", 1)[0],
        "status-duration": {},
        "start_time": start,
    }


async def details(request: Request) -> Response:
    """GET /jobs/:id/vertices/:vid."""
    job, vertex = vertex_of(request)
    return answer(
        {
            "id": vertex.id,
            "name": vertex.name,
            "parallelism": vertex.parallelism,
            "maxParallelism": vertex.max_parallelism,
            "now": now_ms(),
            "subtasks": [subtask_row(job, execution) for execution in executions_of(job, vertex)],
            "aggregated": {"metrics": {}, "status-duration": {}},
        }
    )


async def subtask(request: Request) -> Response:
    """GET /jobs/:id/vertices/:vid/subtasks/:index."""
    job, vertex = vertex_of(request)
    execution = job.executions.get((vertex.id, int(request.path_params["index"])))
    if execution is None:
        raise HTTPException(404, f"No subtask {request.path_params['index']} of {vertex.name}")
    return answer(subtask_row(job, execution))


async def times(request: Request) -> Response:
    """GET /jobs/:id/vertices/:vid/subtasktimes."""
    job, vertex = vertex_of(request)
    rows = [
        {
            "subtask": execution.index,
            "endpoint": execution.slot_id,
            "duration": max(0, now_ms() - execution.start),
            "timestamps": {str(state): execution.timestamps.get(state, 0) for state in TaskState},
        }
        for execution in executions_of(job, vertex)
    ]
    return answer({"id": vertex.id, "name": vertex.name, "now": now_ms(), "subtasks": rows})


async def taskmanagers(request: Request) -> Response:
    """GET /jobs/:id/vertices/:vid/taskmanagers."""
    job, vertex = vertex_of(request)
    by_manager: dict[str, list[Execution]] = {}
    for execution in executions_of(job, vertex):
        by_manager.setdefault(execution.slot_id.rsplit("-", 1)[0], []).append(execution)
    rows = [
        {
            "endpoint": name,
            "status": str(executions[0].state),
            "start-time": min(execution.start for execution in executions),
            "end-time": max(execution.end for execution in executions),
            "duration": max(0, now_ms() - min(execution.start for execution in executions)),
            "metrics": io_metrics(executions),
            "status-counts": {str(s): sum(e.state is s for e in executions) for s in TaskState},
            "taskmanager-id": name,
            "aggregated": {"metrics": {}, "status-duration": {}},
        }
        for name, executions in by_manager.items()
    ]
    return answer({"id": vertex.id, "name": vertex.name, "now": now_ms(), "taskmanagers": rows})


async def backpressure(request: Request) -> Response:
    """GET /jobs/:id/vertices/:vid/backpressure."""
    job, vertex = vertex_of(request)
    rows = []
    for execution in executions_of(job, vertex):
        ratio = execution.metrics.get(PRESSED, 0.0) / 1000
        level = "high" if ratio > 0.5 else "low" if ratio > 0.1 else "ok"
        rows.append(
            {
                "subtask": execution.index,
                "backpressureLevel": level,
                "ratio": ratio,
                "idleRatio": execution.metrics.get(IDLE, 0.0) / 1000,
                "busyRatio": execution.metrics.get(BUSY, 0.0) / 1000,
                "backpressure-level": level,
            }
        )
    worst = max((row["backpressureLevel"] for row in rows), key=("ok", "low", "high").index, default="ok")
    return answer(
        {
            "status": "ok",
            "backpressureLevel": worst,
            "end-timestamp": now_ms(),
            "subtasks": rows,
            "backpressure-level": worst,
        }
    )


async def watermarks(request: Request) -> Response:
    """GET /jobs/:id/vertices/:vid/watermarks."""
    job, vertex = vertex_of(request)
    name = "currentInputWatermark"
    return answer(
        [
            {"id": f"{execution.index}.{name}", "value": number_text(execution.metrics[name])}
            for execution in executions_of(job, vertex)
            if name in execution.metrics
        ]
    )


async def metrics(request: Request) -> Response:
    """GET /jobs/:id/vertices/:vid/metrics."""
    job, vertex = vertex_of(request)
    found = {
        f"{execution.index}.{name}": value
        for execution in executions_of(job, vertex)
        for name, value in execution.metrics.items()
    }
    return _listed_or_read(request, found)


async def subtask_metrics(request: Request) -> Response:
    """GET /jobs/:id/vertices/:vid/subtasks/:index/metrics."""
    job, vertex = vertex_of(request)
    execution = job.executions.get((vertex.id, int(request.path_params["index"])))
    return _listed_or_read(request, execution.metrics if execution else {})


async def aggregated_metrics(request: Request) -> Response:
    """GET /jobs/:id/vertices/:vid/subtasks/metrics."""
    job, vertex = vertex_of(request)
    executions = executions_of(job, vertex)
    names = sorted({name for execution in executions for name in execution.metrics})
    wanted = request.query_params.get("get")
    if not wanted:
        return answer([{"id": name} for name in names])
    kinds = request.query_params.get("agg", "min,max,avg,sum").split(",")
    rows = []
    for name in wanted.split(","):
        values = [e.metrics[name] for e in executions if name in e.metrics]
        if values:
            all_kinds = {
                "min": min(values),
                "max": max(values),
                "avg": sum(values) / len(values),
                "sum": sum(values),
            }
            rows.append({"id": name, **{kind: all_kinds[kind] for kind in kinds if kind in all_kinds}})
    return answer(rows)


def _listed_or_read(request: Request, found: dict[str, float]) -> Response:
    wanted = request.query_params.get("get")
    if not wanted:
        return answer([{"id": name} for name in found])
    return answer(
        [{"id": name, "value": number_text(found[name])} for name in wanted.split(",") if name in found]
    )


_VERTEX = "/jobs/{job}/vertices/{vertex}"
ROUTES = (
    Route(_VERTEX, details),
    Route(f"{_VERTEX}/metrics", metrics),
    Route(f"{_VERTEX}/backpressure", backpressure),
    Route(f"{_VERTEX}/watermarks", watermarks),
    Route(f"{_VERTEX}/subtasktimes", times),
    Route(f"{_VERTEX}/taskmanagers", taskmanagers),
    Route(f"{_VERTEX}/subtasks/metrics", aggregated_metrics),
    Route(f"{_VERTEX}/subtasks/{{index:int}}", subtask),
    Route(f"{_VERTEX}/subtasks/{{index:int}}/metrics", subtask_metrics),
)
