"""Jobs over REST: lists, details, plan, configuration, cancel, result. Bodies as Flink's."""

from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from penstock.control.messages import TaskState
from penstock.graph.jobgraph import JobGraph, VertexSpec
from penstock.jobmanager.clock import now_ms
from penstock.jobmanager.job import Execution, Job
from penstock.jobmanager.status import JobStatus
from penstock.rest.answers import answer, io_metrics, job_of, master_of, running_of
from penstock.rest.owed import owe, told

STATES = (*TaskState, "RECONCILING")


def executions_of(job: Job, vertex: VertexSpec) -> list[Execution]:
    """The vertex's subtasks in the present attempt, in order."""
    keys = ((vertex.id, index) for index in range(vertex.parallelism))
    return [job.executions[key] for key in keys if key in job.executions]


def state_counts(job: Job, vertex: VertexSpec) -> dict[str, int]:
    """How many subtasks are in each state."""
    executions = executions_of(job, vertex)
    counts = {str(state): sum(e.state == state for e in executions) for state in STATES}
    counts["CREATED"] += vertex.parallelism - len(executions)
    return counts


def vertex_status(counts: dict[str, int], parallelism: int) -> str:
    """Flink's state of a vertex, from its subtasks'."""
    for state in ("FAILED", "CANCELING", "CANCELED", "RUNNING", "INITIALIZING", "DEPLOYING", "SCHEDULED"):
        if counts[state] and not (state == "RUNNING" and counts["INITIALIZING"]):
            return state
    return "FINISHED" if counts["FINISHED"] == parallelism else "CREATED"


def overview(job: Job) -> dict[str, Any]:
    """One row of /jobs/overview."""
    counts = dict.fromkeys((str(state).lower() for state in STATES), 0)
    for vertex in job.graph.vertices:
        for state, number in state_counts(job, vertex).items():
            counts[state.lower()] += number
    total = sum(vertex.parallelism for vertex in job.graph.vertices)
    end = job.end
    return {
        "jid": job.id,
        "name": job.graph.name,
        "jobType": "STREAMING",
        "schedulerType": "Default",
        "start-time": job.created,
        "end-time": end,
        "duration": (end if end >= 0 else now_ms()) - job.created,
        "state": str(job.status),
        "last-modification": job.timestamps.get(job.status, job.created),
        "tasks": {"total": total, **counts},
        "pending-operators": 0,
    }


def plan_of(job_id: str, graph: JobGraph) -> dict[str, Any]:
    """Flink's plan."""
    nodes = []
    for vertex in reversed(graph.vertices):
        names = "".join(
            f"{'   ' * max(0, i - 1)}{'+- ' if i else ''}{operator.name}<br/>"
            for i, operator in enumerate(vertex.operators)
        )
        node: dict[str, Any] = {
            "id": vertex.id,
            "operator": "",
            "parallelism": vertex.parallelism,
            "operator_strategy": "",
            "description": names,
            "optimizer_properties": {},
        }
        inputs = [edge for edge in graph.edges if edge.target_vertex == vertex.id]
        if inputs:
            node["inputs"] = [
                {
                    "id": edge.source_vertex,
                    "num": number,
                    "exchange": "pipelined_bounded",
                    "ship_strategy": str(edge.partitioner),
                }
                for number, edge in enumerate(inputs)
            ]
        nodes.append(node)
    return {"jid": job_id, "name": graph.name, "type": "STREAMING", "nodes": nodes}


def vertex_row(job: Job, vertex: VertexSpec) -> dict[str, Any]:
    """One vertex of /jobs/:id."""
    executions = executions_of(job, vertex)
    counts = state_counts(job, vertex)
    starts = [execution.start for execution in executions if execution.start >= 0]
    ends = [execution.end for execution in executions]
    start = min(starts, default=-1)
    end = max(ends, default=-1) if ends and min(ends) >= 0 else -1
    return {
        "id": vertex.id,
        "slotSharingGroupId": vertex.slot_sharing_group,
        "name": vertex.name,
        "maxParallelism": vertex.max_parallelism,
        "parallelism": vertex.parallelism,
        "status": vertex_status(counts, vertex.parallelism),
        "start-time": start,
        "end-time": end,
        "duration": -1 if start < 0 else (end if end >= 0 else now_ms()) - start,
        "tasks": counts,
        "metrics": io_metrics(executions),
    }


async def list_ids(request: Request) -> Response:
    """GET /jobs."""
    jobs = master_of(request).jobs.values()
    return answer(
        {"jobs": [{"id": job.machine.job.id, "status": str(job.machine.job.status)} for job in jobs]}
    )


async def list_overview(request: Request) -> Response:
    """GET /jobs/overview."""
    return answer({"jobs": [overview(job.machine.job) for job in master_of(request).jobs.values()]})


async def details(request: Request) -> Response:
    """GET /jobs/:id."""
    job = job_of(request)
    rows = [vertex_row(job, vertex) for vertex in job.graph.vertices]
    now, end = now_ms(), job.end
    if job.status.is_terminal:
        told(request, job.id)
    return answer(
        {
            "jid": job.id,
            "application-id": job.id,
            "name": job.graph.name,
            "isStoppable": False,
            "state": str(job.status),
            "job-type": "STREAMING",
            "schedulerType": "Default",
            "start-time": job.created,
            "end-time": end,
            "duration": (end if end >= 0 else now) - job.created,
            "maxParallelism": -1,
            "now": now,
            "timestamps": {str(status): job.timestamps.get(status, 0) for status in JobStatus},
            "vertices": rows,
            "status-counts": {str(s): sum(row["status"] == s for row in rows) for s in STATES},
            "plan": plan_of(job.id, job.graph),
            "pending-operators": 0,
        }
    )


async def status(request: Request) -> Response:
    """GET /jobs/:id/status."""
    job = job_of(request)
    if job.status.is_terminal:
        told(request, job.id)
    return answer({"status": str(job.status)})


async def plan(request: Request) -> Response:
    """GET /jobs/:id/plan."""
    job = job_of(request)
    return answer({"plan": plan_of(job.id, job.graph)})


async def config(request: Request) -> Response:
    """GET /jobs/:id/config."""
    job = job_of(request)
    settings = job.options.configuration
    execution = {
        "restart-strategy": settings.get("restart-strategy.type", "Cluster level default restart strategy"),
        "job-parallelism": max((v.parallelism for v in job.graph.vertices), default=1),
        "object-reuse-mode": settings.get("pipeline.object-reuse", "false").lower() == "true",
        "user-config": _parameters(settings.get("pipeline.global-job-parameters", "")),
    }
    return answer({"jid": job.id, "name": job.graph.name, "execution-config": execution})


async def cancel(request: Request) -> Response:
    """PATCH /jobs/:id?mode=cancel; the old GET spellings of it too."""
    mode = request.query_params.get("mode", "cancel").lower()
    if mode not in ("cancel", "stop"):
        raise HTTPException(400, f"mode: {mode!r} is not cancel")
    if mode == "stop" and request.method == "PATCH":
        raise HTTPException(
            409,
            'The termination mode "stop" has been removed. For an ungraceful shutdown, please use "cancel" '
            'instead. For a graceful shutdown, please use "jobs/:jobId/stop" instead.',
        )
    job = job_of(request)
    if job.status.is_terminal and job.status is not JobStatus.CANCELED:
        raise HTTPException(
            409,
            f"Job cancellation failed because the job has already reached another terminal state ({job.status}).",
        )
    cancel_job(request, job)
    return answer({}, 202)


def cancel_job(request: Request, job: Job) -> None:
    """End a job that has not ended."""
    if not job.status.is_terminal:
        owe(request, job.id)
        master_of(request).cancel(job.id)


async def result(request: Request) -> Response:
    """GET /jobs/:id/execution-result."""
    running = running_of(request)
    job = running.machine.job
    if not running.ended.is_set():
        return answer({"status": {"id": "IN_PROGRESS"}})
    outcome = {JobStatus.FINISHED: "SUCCEEDED", JobStatus.CANCELED: "CANCELED"}.get(job.status, "FAILED")
    found: dict[str, Any] = {
        "id": job.id,
        "name": job.graph.name,
        "application-status": outcome,
        "accumulator-results": {},
        "net-runtime": job.end - job.created,
        "application-id": job.id,
        "start-time": job.created,
        "end-time": job.end,
    }
    if outcome == "FAILED" and job.failure is not None:
        found["failure-cause"] = failure_cause(
            job.failure.exception, job.failure.stacktrace or job.failure.message
        )
    return answer({"status": {"id": "COMPLETED"}, "job-execution-result": found})


def failure_cause(name: str, trace: str) -> dict[str, Any]:
    """A failure as Flink serialises it."""
    return {"class": name, "stack-trace": trace, "serialized-throwable": ""}


async def accumulators(request: Request) -> Response:
    """GET /jobs/:id/accumulators: there are none."""
    job_of(request)
    return answer(
        {"job-accumulators": [], "user-task-accumulators": [], "serialized-user-task-accumulators": {}}
    )


async def heartbeat(request: Request) -> Response:
    """PATCH /jobs/:id/clientHeartbeat: jobs here never depend on the client that submitted them."""
    job_of(request)
    return answer({}, 202)


async def rescaling(request: Request) -> Response:
    """PATCH /jobs/:id/rescaling: Flink's old way, switched off there too."""
    job_of(request)
    raise HTTPException(
        503, "Rescaling is temporarily disabled. See FLINK-12312. Use PUT /jobs/:jobid/resource-requirements."
    )


def _parameters(text: str) -> dict[str, str]:
    """Flink's way to write a map in a setting: `key:value,key:value`."""
    pairs = (pair.partition(":") for pair in text.split(",") if ":" in pair)
    return {key.strip(): value.strip() for key, _, value in pairs}


async def submit(_request: Request) -> Response:
    """POST /jobs: Flink's client sends a graph of serialised Java objects, which only Flink can read."""
    raise HTTPException(
        400,
        "this JobManager runs Python programs: it cannot read the Java-serialised graph of `flink run`. Use "
        "`penstock run -m HOST:PORT program.py`, or POST /jars/upload and /jars/:jarid/run in a session cluster",
    )


async def coordinate(request: Request) -> Response:
    """POST /jobs/:id/coordinators/:operator: no operator of ours takes requests of clients."""
    job_of(request)
    raise HTTPException(404, f"operator {request.path_params['operator']} takes no requests of clients")


ROUTES = (
    Route("/jobs", list_ids),
    Route("/jobs", submit, methods=["POST"]),
    Route("/jobs/{job}/coordinators/{operator}", coordinate, methods=["POST"]),
    Route("/jobs/overview", list_overview),
    Route("/jobs/{job}", details),
    Route("/jobs/{job}", cancel, methods=["PATCH"]),
    Route("/jobs/{job}/yarn-cancel", cancel),
    Route("/jobs/{job}/yarn-stop", cancel),
    Route("/jobs/{job}/clientHeartbeat", heartbeat, methods=["PATCH"]),
    Route("/jobs/{job}/rescaling", rescaling, methods=["PATCH"]),
    Route("/jobs/{job}/rescaling/{trigger}", rescaling),
    Route("/jobs/{job}/status", status),
    Route("/jobs/{job}/plan", plan),
    Route("/jobs/{job}/config", config),
    Route("/jobs/{job}/execution-result", result),
    Route("/jobs/{job}/accumulators", accumulators),
)
