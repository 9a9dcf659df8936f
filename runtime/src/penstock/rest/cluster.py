"""The cluster over REST: config, overview, data sets. Bodies as Flink's."""

from collections.abc import Mapping
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from penstock.jobmanager.machine import PENSTOCK_VERSION
from penstock.jobmanager.status import JobStatus
from penstock.rest.answers import answer, master_of
from penstock.rest.features import features_of, is_on

FLINK_VERSION = "2.3.0"


def refresh_interval(configuration: Mapping[str, str]) -> int:
    """Milliseconds between two looks of a page (`web.refresh-interval`)."""
    text = configuration.get("web.refresh-interval", "3000").removesuffix("ms").strip()
    return int(text) if text.isdigit() else 3000


async def config(request: Request) -> Response:
    """GET /config."""
    configuration = master_of(request).configuration
    return answer(
        {
            "refresh-interval": refresh_interval(configuration),
            "timezone-name": "Coordinated Universal Time",
            "timezone-offset": 0,
            "flink-version": FLINK_VERSION,
            "flink-revision": "",
            "penstock-version": PENSTOCK_VERSION,
            "features": features_of(configuration, request.app.state.programs is not None),
        }
    )


async def overview(request: Request) -> Response:
    """GET /overview."""
    master = master_of(request)
    statuses = [job.machine.job.status for job in master.jobs.values()]
    ended = {status: statuses.count(status) for status in JobStatus}
    return answer(
        {
            "taskmanagers": len(master.registry.taskmanagers),
            "slots-total": master.registry.slot_count,
            "slots-available": len(master.registry.free_slots()),
            "jobs-running": sum(not status.is_terminal for status in statuses),
            "jobs-finished": ended[JobStatus.FINISHED],
            "jobs-cancelled": ended[JobStatus.CANCELED],
            "jobs-failed": ended[JobStatus.FAILED],
            "flink-version": FLINK_VERSION,
            "flink-commit": "",
            "penstock-version": PENSTOCK_VERSION,
        }
    )


async def datasets(_request: Request) -> Response:
    """GET /datasets: results are never cached in the cluster."""
    return answer({"dataSets": []})


async def no_dataset(request: Request) -> Response:
    """DELETE /datasets/:id and its status: there is none to delete."""
    name: Any = request.path_params.get("dataset") or request.path_params.get("trigger")
    raise HTTPException(404, f"Operation not found under key: {name}: this cluster caches no data sets")


async def shut_down(request: Request) -> Response:
    """DELETE /cluster: end the JobManager, and what it runs."""
    if not is_on(master_of(request).configuration, "penstock.rest.shutdown.enabled"):
        raise HTTPException(
            403, "penstock.rest.shutdown.enabled is false: end the JobManager's process instead"
        )
    request.app.state.shut_down.set()
    return answer({})


ROUTES = (
    Route("/config", config),
    Route("/overview", overview),
    Route("/datasets", datasets),
    Route("/datasets/delete/{trigger}", no_dataset),
    Route("/datasets/{dataset}", no_dataset, methods=["DELETE"]),
    Route("/cluster", shut_down, methods=["DELETE"]),
)
