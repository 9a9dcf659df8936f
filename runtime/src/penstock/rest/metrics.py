"""GET /metrics: every job's and task's metrics for Prometheus."""

from collections.abc import Iterator

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from penstock.jobmanager.job import Job
from penstock.metrics.prometheus import Sample, exposition, metric_name
from penstock.rest.answers import master_of
from penstock.rest.jobs import job_metrics


async def metrics(request: Request) -> Response:
    """All samples."""
    master = master_of(request)
    samples = [
        Sample(metric_name("jobmanager", "numRegisteredTaskManagers"), len(master.registry.taskmanagers)),
        Sample(metric_name("jobmanager", "taskSlotsTotal"), master.registry.slot_count),
        Sample(metric_name("jobmanager", "taskSlotsAvailable"), len(master.registry.free_slots())),
    ]
    for running in master.jobs.values():
        samples += _of_job(running.machine.job)
    return PlainTextResponse(exposition(samples), media_type="text/plain; version=0.0.4")


def _of_job(job: Job) -> Iterator[Sample]:
    labels = {"job_id": job.id, "job_name": job.graph.name}
    for name, value in job_metrics(job).items():
        if not isinstance(value, str):
            yield Sample(metric_name("jobmanager_job", name), value, labels)
    names = {vertex.id: vertex.name for vertex in job.graph.vertices}
    for execution in job.executions.values():
        where = {
            **labels,
            "task_id": execution.vertex_id,
            "task_name": names[execution.vertex_id],
            "subtask_index": str(execution.index),
        }
        for name, value in execution.metrics.items():
            yield Sample(metric_name("taskmanager_job_task", name), value, where)


ROUTES = (Route("/metrics", metrics),)
