"""A job's vertices over REST: details, times, TaskManagers, backpressure, watermarks, metrics. Bodies as Flink's."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from penstock.control.messages import TaskState
from penstock.jobmanager.clock import now_ms
from penstock.jobmanager.job import Execution
from penstock.rest.answers import answer, io_metrics, number_text
from penstock.rest.figures import listed_or_aggregated, listed_or_read, numbers_of, spread
from penstock.rest.jobs import STATES, executions_of
from penstock.rest.subtasks import manager_of, status_durations, subtask_row, vertex_of

BUSY, IDLE, PRESSED = "busyTimeMsPerSecond", "idleTimeMsPerSecond", "backPressuredTimeMsPerSecond"
_SUMMED = (
    "read-bytes",
    "write-bytes",
    "read-records",
    "write-records",
    "accumulated-backpressured-time",
    "accumulated-idle-time",
    "accumulated-busy-time",
)
_WATERMARK = "currentInputWatermark"


def aggregated(executions: list[Execution]) -> dict[str, Any]:
    """Spread of every figure over subtasks."""
    figures = [io_metrics([execution]) for execution in executions]
    durations = [status_durations(execution) for execution in executions]
    states = sorted({state for duration in durations for state in duration})
    return {
        "metrics": {name: spread(float(figure[name]) for figure in figures) for name in _SUMMED},
        "status-duration": {state: spread(d[state] for d in durations if state in d) for state in states},
    }


async def details(request: Request) -> Response:
    """GET /jobs/:id/vertices/:vid."""
    job, vertex = vertex_of(request)
    executions = executions_of(job, vertex)
    return answer(
        {
            "id": vertex.id,
            "name": vertex.name,
            "parallelism": vertex.parallelism,
            "maxParallelism": vertex.max_parallelism,
            "now": now_ms(),
            "subtasks": [subtask_row(execution) for execution in executions],
            "aggregated": aggregated(executions),
        }
    )


async def times(request: Request) -> Response:
    """GET /jobs/:id/vertices/:vid/subtasktimes."""
    job, vertex = vertex_of(request)
    rows = [
        {
            "subtask": execution.index,
            "endpoint": execution.slot_id,
            "duration": max(0, (execution.end if execution.end >= 0 else now_ms()) - execution.start),
            "timestamps": {str(state): execution.timestamps.get(state, 0) for state in TaskState}
            | {"RECONCILING": 0},
        }
        for execution in executions_of(job, vertex)
    ]
    return answer({"id": vertex.id, "name": vertex.name, "now": now_ms(), "subtasks": rows})


async def taskmanagers(request: Request) -> Response:
    """GET /jobs/:id/vertices/:vid/taskmanagers."""
    job, vertex = vertex_of(request)
    by_manager: dict[str, list[Execution]] = {}
    for execution in executions_of(job, vertex):
        by_manager.setdefault(manager_of(execution), []).append(execution)
    rows = [_manager_row(name, executions) for name, executions in by_manager.items()]
    return answer({"id": vertex.id, "name": vertex.name, "now": now_ms(), "taskmanagers": rows})


def _manager_row(name: str, executions: list[Execution]) -> dict[str, Any]:
    start = min(execution.start for execution in executions)
    ends = [execution.end for execution in executions]
    end = max(ends) if min(ends) >= 0 else -1
    counts = {str(state): sum(e.state == state for e in executions) for state in STATES}
    return {
        "endpoint": name,
        "status": next((s for s in counts if counts[s] == len(executions)), str(executions[0].state)),
        "start-time": start,
        "end-time": end,
        "duration": max(0, (end if end >= 0 else now_ms()) - start),
        "metrics": io_metrics(executions),
        "status-counts": counts,
        "taskmanager-id": name,
        "aggregated": aggregated(executions),
    }


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
    """GET /jobs/:id/vertices/:vid/watermarks; a source has none of its input."""
    job, vertex = vertex_of(request)
    return answer(
        [
            {"id": f"{execution.index}.{_WATERMARK}", "value": number_text(execution.metrics[_WATERMARK])}
            for execution in executions_of(job, vertex)
            if _WATERMARK in execution.metrics
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
    return listed_or_read(request, found)


async def aggregated_metrics(request: Request) -> Response:
    """GET /jobs/:id/vertices/:vid/subtasks/metrics."""
    job, vertex = vertex_of(request)
    executions = executions_of(job, vertex)
    wanted = request.query_params.get("subtasks")
    if wanted:
        indices = numbers_of(wanted, "subtasks")
        executions = [execution for execution in executions if execution.index in indices]
    return listed_or_aggregated(request, [execution.metrics for execution in executions])


async def coordinator_metrics(request: Request) -> Response:
    """GET /jobs/:id/vertices/:vid/jm-operator-metrics: enumerators publish none."""
    vertex_of(request)
    return listed_or_read(request, {})


_VERTEX = "/jobs/{job}/vertices/{vertex}"
ROUTES = (
    Route(_VERTEX, details),
    Route(f"{_VERTEX}/metrics", metrics),
    Route(f"{_VERTEX}/jm-operator-metrics", coordinator_metrics),
    Route(f"{_VERTEX}/backpressure", backpressure),
    Route(f"{_VERTEX}/watermarks", watermarks),
    Route(f"{_VERTEX}/subtasktimes", times),
    Route(f"{_VERTEX}/taskmanagers", taskmanagers),
    Route(f"{_VERTEX}/subtasks/metrics", aggregated_metrics),
)
