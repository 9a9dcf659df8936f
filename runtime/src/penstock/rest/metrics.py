"""GET /metrics: every metric of cluster, jobs, tasks, operators and TaskManagers for Prometheus, named as Flink's reporter does.

Names are `flink_<scope>_<metric>`, labels the variables of the scope: `host` and `tm_id` of a TaskManager, `job_id` and
`job_name`, `task_id`, `task_name`, `task_attempt_num` and `subtask_index`, `operator_id` and `operator_name`.
"""

from collections.abc import Iterator

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from penstock.graph.jobgraph import VertexSpec
from penstock.jobmanager.job import Execution, Job
from penstock.jobmanager.master import Master
from penstock.metrics.prometheus import Sample, exposition, metric_name
from penstock.rest.answers import master_of
from penstock.rest.job_metrics import LATENCY, job_metrics
from penstock.rest.processes import cluster_metrics, own_figures
from penstock.rest.subtasks import attempt_of, manager_of

Labels = dict[str, str]
_JOB_LABELS = ("host", "tm_id", "job_id", "job_name")
_QUANTILES = {"median": "0.5", "p75": "0.75", "p95": "0.95", "p98": "0.98", "p99": "0.99", "p999": "0.999"}


async def metrics(request: Request) -> Response:
    """All samples."""
    master = master_of(request)
    samples = [*_of_cluster(master, own_figures(request)), *_of_taskmanagers(master)]
    for running in master.jobs.values():
        samples += _of_job(master, running.machine.job)
    return PlainTextResponse(exposition(samples), media_type="text/plain; version=0.0.4")


def _of_cluster(master: Master, own: dict[str, float]) -> Iterator[Sample]:
    labels = {"host": master.configuration.get("jobmanager.rpc.address", "localhost")}
    for name, value in {**cluster_metrics(master), **own}.items():
        yield Sample(metric_name("jobmanager", name), value, labels)


def _host_of(master: Master, resource_id: str) -> Labels:
    manager = master.registry.taskmanagers.get(resource_id)
    host = manager.registration.host_id.partition(":")[0] if manager else resource_id
    return {"host": host, "tm_id": resource_id}


def _of_taskmanagers(master: Master) -> Iterator[Sample]:
    for manager in master.registry.taskmanagers.values():
        labels = _host_of(master, manager.resource_id)
        for name, value in manager.metrics.items():
            yield Sample(metric_name("taskmanager", name), value, labels)


def _of_job(master: Master, job: Job) -> Iterator[Sample]:
    own = {"job_id": job.id, "job_name": job.graph.name}
    host = {"host": master.configuration.get("jobmanager.rpc.address", "localhost")}
    for name, value in job_metrics(job).items():
        if not isinstance(value, str) and not name.startswith(LATENCY):
            yield Sample(metric_name("jobmanager_job", name), value, host | own)
    vertices = {vertex.id: vertex for vertex in job.graph.vertices}
    for execution in job.executions.values():
        vertex = vertices.get(execution.vertex_id)
        if vertex is not None:
            labels = _host_of(master, manager_of(execution)) | own
            yield from _of_task(execution, vertex, labels | {"task_attempt_num": str(attempt_of(execution))})


def _of_task(execution: Execution, vertex: VertexSpec, labels: Labels) -> Iterator[Sample]:
    where = labels | {
        "task_id": vertex.id,
        "task_name": vertex.name,
        "subtask_index": str(execution.index),
    }
    by_name = {operator.name: operator for operator in vertex.operators}
    for name, value in execution.metrics.items():
        if name.startswith(LATENCY):
            yield from _of_latency(name, value, labels)
            continue
        operator = next((each for each in by_name if name.startswith(f"{each}.")), None)
        if operator is None:
            yield Sample(metric_name("taskmanager_job_task", name), value, where)
            continue
        of_operator = where | {"operator_id": by_name[operator].operator_id, "operator_name": operator}
        rest = name.removeprefix(f"{operator}.")
        yield Sample(metric_name("taskmanager_job_task_operator", rest), value, of_operator)


def _of_latency(name: str, value: float, labels: Labels) -> Iterator[Sample]:
    """`latency.<key>.<value>….latency_<statistic>`: keys go into the name, values into labels, as Flink's reporter does."""
    _, *pairs, last = name.split(".")
    keys, values = pairs[::2], pairs[1::2]
    statistic = last.removeprefix("latency_")
    family = metric_name("taskmanager_job", "_".join(["latency", *keys, "latency"]))
    own = {key: labels[key] for key in _JOB_LABELS if key in labels} | dict(zip(keys, values, strict=True))
    if statistic in _QUANTILES:
        yield Sample(family, value, own | {"quantile": _QUANTILES[statistic]})
    elif statistic == "count":
        yield Sample(f"{family}_count", value, own)


ROUTES = (Route("/metrics", metrics),)
