"""The JobManager's own process over REST: configuration, environment, metrics, logs, threads. Bodies as Flink's."""

import os
import platform
import sys
from collections.abc import Mapping

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from penstock.jobmanager.master import Master
from penstock.rest.answers import CORS, answer, job_of, master_of
from penstock.rest.figures import listed_or_read
from penstock.taskmanager.inspection import LogFiles, thread_stacks
from penstock.taskmanager.process_figures import ProcessFigures

_SECRET = ("password", "secret", "token", "access-key", "access.key", "credential", "apikey", "sasl.jaas")


def shown_configuration(configuration: Mapping[str, str]) -> list[dict[str, str]]:
    """Key and value of each setting, secrets hidden."""
    return [
        {"key": key, "value": "******" if any(word in key.lower() for word in _SECRET) else str(value)}
        for key, value in sorted(configuration.items())
    ]


def cluster_metrics(master: Master) -> dict[str, float]:
    """The JobManager's metrics about its cluster."""
    running = sum(not job.machine.job.status.is_terminal for job in master.jobs.values())
    return {
        "numRegisteredTaskManagers": float(len(master.registry.taskmanagers)),
        "numRunningJobs": float(running),
        "taskSlotsTotal": float(master.registry.slot_count),
        "taskSlotsAvailable": float(len(master.registry.free_slots())),
    }


async def config(request: Request) -> Response:
    """GET /jobmanager/config."""
    return answer(shown_configuration(master_of(request).configuration))


async def job_config(request: Request) -> Response:
    """GET /jobs/:id/jobmanager/config."""
    return answer(shown_configuration(job_of(request).options.configuration))


def _environment() -> Response:
    process = {
        "version": f"{platform.python_implementation()} {platform.python_version()}",
        "arch": platform.machine(),
        "options": sys.orig_argv[1:2],
    }
    return answer({"jvm": process, "classpath": [entry for entry in sys.path if entry]})


async def environment(_request: Request) -> Response:
    """GET /jobmanager/environment."""
    return _environment()


async def job_environment(request: Request) -> Response:
    """GET /jobs/:id/jobmanager/environment."""
    job_of(request)
    return _environment()


async def metrics(request: Request) -> Response:
    """GET /jobmanager/metrics."""
    return listed_or_read(request, {**cluster_metrics(master_of(request)), **own_figures(request)})


def own_figures(request: Request) -> dict[str, float]:
    """Memory, CPU and threads of this process."""
    figures: ProcessFigures = request.app.state.figures
    return figures.read([os.getpid()])


async def thread_dump(_request: Request) -> Response:
    """GET /jobmanager/thread-dump."""
    return answer({"threadInfos": thread_stacks()})


def _files(request: Request) -> LogFiles:
    files: LogFiles = request.app.state.logs
    return files


async def logs(request: Request) -> Response:
    """GET /jobmanager/logs."""
    return answer({"logs": _files(request).listed()})


async def log(request: Request) -> Response:
    """GET /jobmanager/log and /jobmanager/logs/:name: the end of the file."""
    name = str(request.path_params.get("name", ""))
    text = _files(request).text(name)
    if text is None:
        raise HTTPException(404, f"Unable to load requested file {name}.")
    return PlainTextResponse(text, headers=CORS)


async def stdout(request: Request) -> Response:
    """GET /jobmanager/stdout."""
    return PlainTextResponse(_files(request).output(), headers=CORS)


async def log_url(request: Request) -> Response:
    """GET /jobs/:id/jobmanager/log-url: where the page shows the log."""
    job_of(request)
    return answer({"url": f"{str(request.base_url).rstrip('/')}/#/jobmanager/logs"})


ROUTES = (
    Route("/jobmanager/config", config),
    Route("/jobmanager/environment", environment),
    Route("/jobmanager/metrics", metrics),
    Route("/jobmanager/thread-dump", thread_dump),
    Route("/jobmanager/logs", logs),
    Route("/jobmanager/logs/{name}", log),
    Route("/jobmanager/log", log),
    Route("/jobmanager/stdout", stdout),
    Route("/jobs/{job}/jobmanager/config", job_config),
    Route("/jobs/{job}/jobmanager/environment", job_environment),
    Route("/jobs/{job}/jobmanager/log-url", log_url),
)
