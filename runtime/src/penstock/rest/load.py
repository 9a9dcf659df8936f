"""GET /penstock/jobs/:job/load: how parallel a job was and how many records waited, over the last hour. Ours, not Flink's."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from penstock.rest.answers import answer, job_of, master_of


async def load(request: Request) -> Response:
    """Points, oldest first; `lag` is null where no source says."""
    job, history = job_of(request), master_of(request).load
    points = [
        {"at": one.at, "status": one.status.value, "parallelism": one.parallelism, "lag": one.lag}
        for one in history.of(job.id)
    ]
    return answer({"interval": history.interval, "points": points})


ROUTES = (Route("/penstock/jobs/{job}/load", load),)
