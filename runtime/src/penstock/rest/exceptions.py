"""GET /jobs/:id/exceptions: what failed, newest first, with Flink's filters; each entry carries our reason as a label."""

from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from penstock.jobmanager.job import FailureRecord
from penstock.rest.answers import answer, job_of

DEFAULT_LIMIT = 20


def _own(record: FailureRecord) -> dict[str, Any]:
    failure = record.failure
    return {
        "exceptionName": failure.exception,
        "stacktrace": failure.stacktrace or f"{failure.exception}: {failure.message}",
        "timestamp": record.timestamp,
        "failureLabels": record.labels,
        "taskName": record.task_name,
        "endpoint": record.slot_id,
        "taskManagerId": record.taskmanager_id,
    }


def entry(record: FailureRecord) -> dict[str, Any]:
    """One root cause, with what failed in consequence."""
    return {**_own(record), "concurrentExceptions": [_own(other) for other in record.concurrent]}


def _wanted_labels(request: Request) -> dict[str, str]:
    """`?failureLabelFilter=key:value,key:value`."""
    found = {}
    for pair in request.query_params.get("failureLabelFilter", "").split(","):
        key, colon, value = pair.partition(":")
        if pair and not (colon and key and value):
            raise HTTPException(400, f"failureLabelFilter: {pair!r} is not key:value")
        if pair:
            found[key] = value
    return found


async def exceptions(request: Request) -> Response:
    """GET /jobs/:id/exceptions, with `?maxExceptions=` and `?failureLabelFilter=`."""
    job = job_of(request)
    text = request.query_params.get("maxExceptions", str(DEFAULT_LIMIT))
    if not text.isdigit() or not int(text):
        raise HTTPException(400, f"maxExceptions: {text!r} is no positive number")
    wanted = _wanted_labels(request)
    found = [record for record in job.failures if wanted.items() <= record.labels.items()]
    history = {
        "entries": [entry(record) for record in found[: int(text)]],
        "truncated": len(found) > int(text),
    }
    body: dict[str, Any] = {"exceptionHistory": history}
    if job.failure is not None and job.failures:
        record = job.failures[0]
        body["root-exception"] = record.failure.stacktrace or record.failure.message
        body["timestamp"] = record.timestamp
    return answer(body)


ROUTES = (Route("/jobs/{job}/exceptions", exceptions),)
