"""What every REST route shares: JSON as Flink writes it, errors, the job of a path. Called by the route modules."""

import json
import re
from collections.abc import Iterable
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from penstock.jobmanager.job import Execution, Job
from penstock.jobmanager.master import Master
from penstock.jobmanager.running import RunningJob

_ID = re.compile(r"^[0-9a-fA-F]{32}$")
CORS = {"access-control-allow-origin": "*"}


def answer(body: Any, status: int = 200) -> Response:
    """A JSON answer."""
    return Response(
        json.dumps(body, separators=(",", ":")), status, CORS, media_type="application/json; charset=UTF-8"
    )


async def on_error(_request: Request, error: Exception) -> Response:
    """Errors in Flink's shape."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    text = error.detail if isinstance(error, HTTPException) else f"{type(error).__name__}: {error}"
    return answer({"errors": [text]}, status)


def master_of(request: Request) -> Master:
    """The JobManager behind the app."""
    master: Master = request.app.state.master
    return master


def running_of(request: Request, parameter: str = "job") -> RunningJob:
    """The job that the path names; 400 for what is no id, 404 for one unknown."""
    job_id = str(request.path_params[parameter])
    if not _ID.match(job_id):
        raise HTTPException(
            400,
            f'Bad request, could not parse parameters: Cannot resolve path parameter ({parameter}id) from value "{job_id}".',
        )
    found = master_of(request).jobs.get(job_id)
    if found is None:
        raise HTTPException(404, f"{parameter.capitalize()} {job_id} not found")
    return found


def job_of(request: Request) -> Job:
    """The job that the path names, to read."""
    return running_of(request).machine.job


async def body_of(request: Request) -> dict[str, Any]:
    """The JSON body, {} if there is none; unknown fields are for the caller to ignore."""
    raw = await request.body()
    if not raw.strip():
        return {}
    try:
        found = json.loads(raw)
    except ValueError as error:
        raise HTTPException(400, f"Request did not match expected format: {error}") from None
    if not isinstance(found, dict):
        raise HTTPException(400, "Request did not match expected format: not an object")
    return found


def metric_sum(executions: Iterable[Execution], *names: str) -> float:
    """Sum of the first known of `names` over subtasks."""
    total = 0.0
    for execution in executions:
        for name in names:
            if name in execution.metrics:
                total += execution.metrics[name]
                break
    return total


def number_text(value: float) -> str:
    """A metric's value as text: whole numbers without a point, NaN as Flink's word."""
    if value != value:  # NaN
        return "NaN"
    return str(int(value)) if float(value).is_integer() else str(value)


def io_metrics(executions: list[Execution]) -> dict[str, Any]:
    """Flink's io metrics over subtasks."""
    complete = bool(executions) and all(execution.metrics for execution in executions)
    found: dict[str, Any] = {}
    for key, name in (
        ("read-bytes", "numBytesIn"),
        ("write-bytes", "numBytesOut"),
        ("read-records", "numRecordsIn"),
        ("write-records", "numRecordsOut"),
    ):
        found[key] = int(metric_sum(executions, name))
        found[f"{key}-complete"] = complete
    found["accumulated-backpressured-time"] = int(metric_sum(executions, "accumulateBackPressuredTimeMs"))
    found["accumulated-idle-time"] = int(metric_sum(executions, "accumulateIdleTimeMs"))
    found["accumulated-busy-time"] = metric_sum(executions, "accumulateBusyTimeMs")
    return found
