"""The cluster over REST: config, overview, TaskManagers, the JobManager's configuration and logs. Bodies as Flink's."""

import os
import platform
import sys
import threading
import traceback
from pathlib import Path
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from penstock.jobmanager.clock import now_ms
from penstock.jobmanager.machine import PENSTOCK_VERSION
from penstock.jobmanager.registry import TaskManager
from penstock.jobmanager.status import JobStatus
from penstock.rest.answers import CORS, answer, job_of, master_of
from penstock.rest.log_tail import LogTail

FLINK_VERSION = "2.3.0"
_SECRET = ("password", "secret", "token", "access-key", "access.key", "credential")
LOG_LIMIT = 1 << 20
"""Bytes of a log file that are shown: its end."""


async def config(_request: Request) -> Response:
    """GET /config."""
    return answer(
        {
            "refresh-interval": 3000,
            "timezone-name": "Coordinated Universal Time",
            "timezone-offset": 0,
            "flink-version": FLINK_VERSION,
            "flink-revision": "",
            "penstock-version": PENSTOCK_VERSION,
            "features": {"web-submit": False, "web-cancel": True, "web-rescale": False, "web-history": False},
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


def manager_row(manager: TaskManager) -> dict[str, Any]:
    """One TaskManager."""
    resource = {
        "cpuCores": 0.0,
        "taskHeapMemory": 0,
        "taskOffHeapMemory": 0,
        "managedMemory": 0,
        "networkMemory": 0,
    }
    hardware = {"cpuCores": os.cpu_count() or 1, "physicalMemory": 0, "freeMemory": 0, "managedMemory": 0}
    return {
        "id": manager.resource_id,
        "path": manager.registration.host_id,
        "dataPort": manager.registration.data_port,
        "jmxPort": -1,
        "timeSinceLastHeartbeat": manager.last_heard,
        "slotsNumber": manager.registration.slots,
        "freeSlots": len(manager.slots) - len(manager.taken),
        "assignedTasks": len(manager.taken),
        "totalResource": resource,
        "freeResource": resource,
        "hardware": hardware,
        "memoryConfiguration": {},
    }


async def taskmanagers(request: Request) -> Response:
    """GET /taskmanagers."""
    found = master_of(request).registry.taskmanagers.values()
    return answer({"taskmanagers": [manager_row(manager) for manager in found]})


async def taskmanager(request: Request) -> Response:
    """GET /taskmanagers/:id."""
    name = str(request.path_params["manager"])
    manager = master_of(request).registry.taskmanagers.get(name)
    if manager is None:
        raise HTTPException(404, f"TaskManager {name} not found")
    return answer({**manager_row(manager), "allocatedSlots": [], "metrics": {}})


def shown_configuration(configuration: dict[str, str]) -> list[dict[str, str]]:
    """Key and value of each setting, secrets hidden."""
    return [
        {"key": key, "value": "******" if any(word in key.lower() for word in _SECRET) else str(value)}
        for key, value in sorted(configuration.items())
    ]


async def jobmanager_config(request: Request) -> Response:
    """GET /jobmanager/config."""
    return answer(shown_configuration(master_of(request).configuration))


async def job_jobmanager_config(request: Request) -> Response:
    """GET /jobs/:id/jobmanager/config."""
    return answer(shown_configuration(job_of(request).options.configuration))


async def environment(_request: Request) -> Response:
    """GET /jobmanager/environment."""
    process = {
        "version": f"{platform.python_implementation()} {platform.python_version()}",
        "arch": platform.machine(),
        "options": [],
    }
    return answer({"jvm": process, "classpath": [entry for entry in sys.path if entry]})


async def thread_dump(_request: Request) -> Response:
    """GET /jobmanager/thread-dump."""
    frames = sys._current_frames()  # noqa: SLF001 - the interpreter's only way to see other threads' stacks
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    return answer(
        {
            "threadInfos": [
                {
                    "threadName": names.get(ident, str(ident)),
                    "stringifiedThreadInfo": "".join(traceback.format_stack(frame)),
                }
                for ident, frame in frames.items()
            ]
        }
    )


def _log_folder(request: Request) -> Path | None:
    folder: Path | None = request.app.state.log_folder
    return folder


async def logs(request: Request) -> Response:
    """GET /jobmanager/logs."""
    folder = _log_folder(request)
    files = sorted(folder.glob("*.log")) + sorted(folder.glob("*.out")) if folder and folder.is_dir() else []
    stats = [(path.name, path.stat()) for path in files]
    tail: LogTail | None = request.app.state.log_tail
    if not stats and tail is not None:
        return answer({"logs": [{"name": "jobmanager.log", "size": len(tail.text()), "mtime": now_ms()}]})
    return answer(
        {
            "logs": [
                {"name": name, "size": stat.st_size, "mtime": int(stat.st_mtime * 1000)}
                for name, stat in stats
            ]
        }
    )


async def log(request: Request) -> Response:
    """GET /jobmanager/log, /jobmanager/stdout and /jobmanager/logs/:name: the end of the file."""
    folder = _log_folder(request)
    default = "jobmanager.out" if request.url.path.endswith("stdout") else "jobmanager.log"
    name = Path(str(request.path_params.get("name", default))).name
    path = folder / name if folder else None
    if path is None or not path.is_file():
        tail: LogTail | None = request.app.state.log_tail
        if tail is not None and name == "jobmanager.log":
            return PlainTextResponse(tail.text(), headers=CORS)
        if "name" in request.path_params:
            raise HTTPException(404, f"Unable to load requested file {name}.")
        return PlainTextResponse("", headers=CORS)
    data = path.read_bytes()[-LOG_LIMIT:]
    return PlainTextResponse(data, headers=CORS)


ROUTES = (
    Route("/config", config),
    Route("/overview", overview),
    Route("/taskmanagers", taskmanagers),
    Route("/taskmanagers/{manager}", taskmanager),
    Route("/jobmanager/config", jobmanager_config),
    Route("/jobs/{job}/jobmanager/config", job_jobmanager_config),
    Route("/jobmanager/environment", environment),
    Route("/jobmanager/thread-dump", thread_dump),
    Route("/jobmanager/logs", logs),
    Route("/jobmanager/logs/{name}", log),
    Route("/jobmanager/log", log),
    Route("/jobmanager/stdout", log),
)
