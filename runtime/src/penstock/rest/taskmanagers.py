"""TaskManagers over REST: list, details, metrics, logs, output, thread dumps. Bodies as Flink's."""

from typing import Any
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from penstock.control.messages import InspectionSubject
from penstock.jobmanager.master import Master
from penstock.jobmanager.registry import TaskManager
from penstock.rest.answers import CORS, answer, job_of, master_of
from penstock.rest.figures import listed_or_aggregated, listed_or_read
from penstock.rest.subtasks import manager_of

_MIB = 1 << 20
_DETAILS = (
    ("heapUsed", "Status.JVM.Memory.Heap.Used"),
    ("heapCommitted", "Status.JVM.Memory.Heap.Committed"),
    ("heapMax", "Status.JVM.Memory.Heap.Max"),
    ("nonHeapUsed", "Status.JVM.Memory.NonHeap.Used"),
    ("nonHeapCommitted", "Status.JVM.Memory.NonHeap.Committed"),
    ("nonHeapMax", "Status.JVM.Memory.NonHeap.Max"),
)
_NOT_MEASURED = (
    "directCount", "directUsed", "directMax", "mappedCount", "mappedUsed", "mappedMax",
    "nettyShuffleMemorySegmentsAvailable", "nettyShuffleMemorySegmentsUsed", "nettyShuffleMemorySegmentsTotal",
    "nettyShuffleMemoryAvailable", "nettyShuffleMemoryUsed", "nettyShuffleMemoryTotal",
)  # fmt: skip
"""Pools that a Java process has and ours has not: 0."""
_MEMORY_PARTS = (
    "frameworkHeap", "taskHeap", "frameworkOffHeap", "taskOffHeap", "networkMemory", "managedMemory",
    "jvmMetaspace", "jvmOverhead",
)  # fmt: skip


def _resource(manager: TaskManager, slots: int) -> dict[str, Any]:
    """A share of the TaskManager: what `slots` of its slots have."""
    all_slots = max(1, manager.registration.slots)
    hardware = manager.registration.hardware
    return {
        "cpuCores": float(hardware.get("cpuCores", 0)) * slots / all_slots,
        "taskHeapMemory": int(hardware.get("physicalMemory", 0)) * slots // all_slots // _MIB,
        "taskOffHeapMemory": 0,
        "managedMemory": 0,
        "networkMemory": 0,
        "extendedResources": {},
    }


def _tasks_of(master: Master, manager: TaskManager) -> dict[str, int]:
    """Job id → how many of its tasks are in this TaskManager's slots."""
    counts: dict[str, int] = {}
    for running in master.jobs.values():
        job = running.machine.job
        number = sum(e.end < 0 and manager_of(e) == manager.resource_id for e in job.executions.values())
        if number:
            counts[job.id] = number
    return counts


def manager_row(master: Master, manager: TaskManager) -> dict[str, Any]:
    """One TaskManager; `timeSinceLastHeartbeat` is, as in Flink, the time of it."""
    free = len(manager.slots) - len(manager.taken)
    memory = int(manager.registration.hardware.get("physicalMemory", 0))
    used = int(manager.metrics.get("Status.JVM.Memory.Heap.Used", 0))
    return {
        "id": manager.resource_id,
        "path": manager.registration.host_id,
        "dataPort": manager.registration.data_port,
        "jmxPort": -1,
        "timeSinceLastHeartbeat": manager.last_heard,
        "slotsNumber": manager.registration.slots,
        "freeSlots": free,
        "assignedTasks": sum(_tasks_of(master, manager).values()),
        "totalResource": _resource(manager, manager.registration.slots),
        "freeResource": _resource(manager, free),
        "hardware": {
            "cpuCores": int(manager.registration.hardware.get("cpuCores", 0)),
            "physicalMemory": memory,
            "freeMemory": max(0, memory - used),
            "managedMemory": 0,
        },
        "memoryConfiguration": dict.fromkeys(_MEMORY_PARTS, 0)
        | {"taskHeap": memory, "totalFlinkMemory": memory, "totalProcessMemory": memory},
    }


def manager_named(request: Request) -> TaskManager:
    """The TaskManager that the path names, or 404."""
    name = str(request.path_params["manager"])
    manager = master_of(request).registry.taskmanagers.get(name)
    if manager is None:
        raise HTTPException(404, f"Could not find TaskExecutor with id {name}.")
    return manager


async def listed(request: Request) -> Response:
    """GET /taskmanagers."""
    master = master_of(request)
    return answer({"taskmanagers": [manager_row(master, m) for m in master.registry.taskmanagers.values()]})


async def details(request: Request) -> Response:
    """GET /taskmanagers/:id."""
    master, manager = master_of(request), manager_named(request)
    held: list[dict[str, Any]] = []
    for running in master.jobs.values():
        job = running.machine.job
        for slot_id in sorted(set(job.slots) & manager.taken):
            number = sum(e.slot_id == slot_id and e.end < 0 for e in job.executions.values())
            held.append({"jobId": job.id, "resource": _resource(manager, 1), "assignedTasks": number})
    figures = {name: int(manager.metrics.get(metric, 0)) for name, metric in _DETAILS}
    pools = dict.fromkeys(_NOT_MEASURED, 0)
    metrics = {**figures, **pools, "garbageCollectors": []}
    return answer({**manager_row(master, manager), "allocatedSlots": held, "metrics": metrics})


async def metrics(request: Request) -> Response:
    """GET /taskmanagers/:id/metrics."""
    return listed_or_read(request, manager_named(request).metrics)


async def aggregated_metrics(request: Request) -> Response:
    """GET /taskmanagers/metrics, of all or of `?taskmanagers=`."""
    found = master_of(request).registry.taskmanagers
    wanted = request.query_params.get("taskmanagers")
    names = wanted.split(",") if wanted else list(found)
    return listed_or_aggregated(request, [found[name].metrics for name in names if name in found])


async def _ask(request: Request, subject: InspectionSubject, name: str = "") -> dict[str, Any]:
    manager = manager_named(request)
    found = await master_of(request).inspections.ask_manager(manager.resource_id, subject, name)
    if found is None:
        raise HTTPException(504, f"TaskManager {manager.resource_id} does not answer")
    return found


async def thread_dump(request: Request) -> Response:
    """GET /taskmanagers/:id/thread-dump: its own threads and those of its slots."""
    manager, inspections = manager_named(request), master_of(request).inspections
    own = await _ask(request, InspectionSubject.THREADS)
    threads = list(own.get("threads", []))
    for slot_id, found in (await inspections.ask_slots(manager.slots, InspectionSubject.THREADS)).items():
        threads += [
            {**thread, "threadName": f"{slot_id} {thread['threadName']}"} for thread in found["threads"]
        ]
    return answer({"threadInfos": threads})


async def logs(request: Request) -> Response:
    """GET /taskmanagers/:id/logs."""
    return answer({"logs": (await _ask(request, InspectionSubject.LOGS)).get("logs", [])})


async def log(request: Request) -> Response:
    """GET /taskmanagers/:id/log and /taskmanagers/:id/logs/:name: the end of the file."""
    name = str(request.path_params.get("name", ""))
    text = (await _ask(request, InspectionSubject.LOG, name)).get("text")
    if text is None:
        raise HTTPException(404, f"The file {name} does not exist on the TaskExecutor.")
    return PlainTextResponse(text, headers=CORS)


async def stdout(request: Request) -> Response:
    """GET /taskmanagers/:id/stdout."""
    text = (await _ask(request, InspectionSubject.STDOUT)).get("text", "")
    return PlainTextResponse(text, headers=CORS)


async def log_url(request: Request) -> Response:
    """GET /jobs/:id/taskmanagers/:id/log-url: where the page shows its logs."""
    job_of(request)
    name = quote(str(request.path_params["manager"]))
    return answer({"url": f"{str(request.base_url).rstrip('/')}/#/taskmanagers/{name}/logs"})


_MANAGER = "/taskmanagers/{manager}"
ROUTES = (
    Route("/taskmanagers", listed),
    Route("/taskmanagers/metrics", aggregated_metrics),
    Route(_MANAGER, details),
    Route(f"{_MANAGER}/metrics", metrics),
    Route(f"{_MANAGER}/thread-dump", thread_dump),
    Route(f"{_MANAGER}/logs", logs),
    Route(f"{_MANAGER}/logs/{{name}}", log),
    Route(f"{_MANAGER}/log", log),
    Route(f"{_MANAGER}/stdout", stdout),
    Route("/jobs/{job}/taskmanagers/{manager}/log-url", log_url),
)
