"""The two HTTP apps of a JobManager: Flink's REST API for people and the operator, and the internal one.

Made by `launch.jobmanager`. The internal app (TaskManagers, job submission) is never served where REST is: it stands on
a unix socket of mode 0600 or behind mTLS, for its callers may make slots run code (Decision 15).
"""

import asyncio
import hmac
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from penstock.control.registration import EventBatch, Poll, Registration
from penstock.graph.jobgraph import JobGraph
from penstock.jobmanager.master import Master
from penstock.rest import (
    applications,
    checkpoints,
    cluster,
    disposal,
    exceptions,
    flamegraph,
    job_metrics,
    jobs,
    load,
    metrics,
    processes,
    programs,
    rescales,
    resource_requirements,
    sources,
    subtasks,
    taskmanagers,
    vertices,
)
from penstock.rest.answers import answer, master_of, on_error
from penstock.rest.application import Application
from penstock.rest.log_tail import LogTail
from penstock.taskmanager.inspection import LogFiles
from penstock.taskmanager.process_figures import ProcessFigures
from penstock_api.rest.trigger import StartWord

M = TypeVar("M", bound=BaseModel)
_HANDLERS = {HTTPException: on_error, Exception: on_error}


class TokenGuard:
    """Refuses REST calls without the configured bearer token. The page's files are free: they say nothing of jobs."""

    def __init__(self, app: ASGIApp, token: str, free: frozenset[str] = frozenset()) -> None:
        self._app, self._expected, self._free = app, f"Bearer {token}".encode(), free

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] == "http" and scope["path"] not in self._free:
            given = dict(scope["headers"]).get(b"authorization", b"")
            if not hmac.compare_digest(given, self._expected):
                await answer({"errors": ["a valid bearer token is needed (penstock.rest.token)"]}, 401)(
                    scope, receive, send
                )
                return
        await self._app(scope, receive, send)


def rest_app(
    master: Master,
    application: Application | None,
    log_folder: Path | None,
    page: Path | None,
    log_tail: LogTail | None = None,
    shut_down: asyncio.Event | None = None,
    session: programs.Programs | None = None,
) -> Starlette:
    """Flink's REST API, also under /v1, and the web page at /.

    `shut_down` is set by DELETE /cluster; `session` takes programs, in a session cluster.
    """
    api: list[BaseRoute] = [
        *cluster.ROUTES,
        *processes.ROUTES,
        *taskmanagers.ROUTES,
        *jobs.ROUTES,
        *applications.ROUTES,
        *exceptions.ROUTES,
        *job_metrics.ROUTES,
        *checkpoints.ROUTES,
        *rescales.ROUTES,
        *resource_requirements.ROUTES,
        *vertices.ROUTES,
        *subtasks.ROUTES,
        *flamegraph.ROUTES,
        *disposal.ROUTES,
        *metrics.ROUTES,
        *programs.ROUTES,
        *sources.ROUTES,
        *load.ROUTES,
        Route("/penstock/application", application_status),
        Route("/penstock/application/word", take_word, methods=["PUT"]),
    ]
    api.sort(key=lambda route: "{" in getattr(route, "path", ""))
    routes: list[BaseRoute] = [Mount("/v1", routes=api), *api]
    if page is not None and page.is_dir():

        async def index(_request: Request) -> Response:
            return FileResponse(page / "index.html")

        routes += [Route("/", index), Mount("/", StaticFiles(directory=page))]
    token = master.configuration.get("penstock.rest.token")
    free = (
        {"/"} | {f"/{path.name}" for path in page.iterdir()} if page is not None and page.is_dir() else set()
    )
    middleware = [Middleware(TokenGuard, token=token, free=frozenset(free))] if token else []
    app = Starlette(routes=routes, exception_handlers=_HANDLERS, middleware=middleware)
    app.state.master, app.state.application = master, application
    app.state.logs = LogFiles("jobmanager.log", log_folder, log_tail)
    app.state.figures = ProcessFigures()
    app.state.sampler, app.state.disposals = flamegraph.Sampler(master), disposal.Disposals()
    app.state.programs = session
    app.state.owed = application.owed if application is not None else None
    app.state.shut_down = shut_down or (application.shut_down if application else asyncio.Event())
    return app


def control_routes() -> tuple[BaseRoute, ...]:
    """What a main may ask of the jobs that it has submitted; the app that has them needs `state.master`."""
    return (*jobs.ROUTES, *checkpoints.ROUTES)


def internal_app(
    master: Master, application: Application | None, bundles: Mapping[str, Path] | None = None
) -> Starlette:
    """TaskManagers and the program's main; `bundles` are what programs of a session need beside themselves."""
    app = Starlette(
        routes=[
            Route("/penstock/taskmanagers", register, methods=["POST"]),
            Route("/penstock/taskmanagers/{manager}/poll", poll, methods=["POST"]),
            Route("/penstock/taskmanagers/{manager}/events", take_events, methods=["POST"]),
            Route("/penstock/jobs", submit, methods=["POST"]),
            Route("/penstock/application", application_status),
            Route("/penstock/dependencies/{digest}", dependencies),
            *control_routes(),
        ],
        exception_handlers=_HANDLERS,
    )
    app.state.master, app.state.application = master, application
    app.state.bundles = bundles if bundles is not None else {}
    return app


async def application_status(request: Request) -> Response:
    """GET /penstock/application."""
    application: Application | None = request.app.state.application
    if application is None:
        raise HTTPException(404, "this is not an application cluster")
    return answer(application.status().model_dump(mode="json"))


async def take_word(request: Request) -> Response:
    """PUT /penstock/application/word: run main, and restore its job from this state; told twice, the first counts."""
    application: Application | None = request.app.state.application
    if application is None:
        raise HTTPException(404, "this is not an application cluster")
    if not application.waits:
        raise HTTPException(409, "this JobManager waits for no word: it was started without --wait-for-word")
    application.tell((await _read(request, StartWord)).from_savepoint)
    return answer({}, 202)


async def dependencies(request: Request) -> Response:
    """GET /penstock/dependencies/:digest: what the program needs beside itself, for a TaskManager's slots."""
    application: Application | None = request.app.state.application
    digest = str(request.path_params["digest"])
    bundles: Mapping[str, Path] = request.app.state.bundles
    bundle = application.bundle if application is not None else bundles.get(digest)
    if bundle is None or bundle.stem != digest:
        raise HTTPException(404, "the program that runs here has no dependencies of this digest")
    return FileResponse(bundle, media_type="application/zip")


async def register(request: Request) -> Response:
    """A TaskManager introduces itself."""
    registration = await _read(request, Registration)
    return answer(master_of(request).register(registration).model_dump(mode="json"))


async def poll(request: Request) -> Response:
    """A TaskManager waits for commands."""
    wanted = await _read(request, Poll)
    if master_of(request).is_closed:
        raise HTTPException(503, "the JobManager is ending")
    found = await master_of(request).poll(str(request.path_params["manager"]), wanted)
    return Response(found.model_dump_json(), media_type="application/json")


async def take_events(request: Request) -> Response:
    """A TaskManager reports."""
    batch = await _read(request, EventBatch)
    known = master_of(request).take_events(str(request.path_params["manager"]), batch)
    return answer({"known": known})


async def submit(request: Request) -> Response:
    """The program's main submits its job."""
    graph = await _read(request, JobGraph)
    application: Application | None = request.app.state.application
    try:
        if application is not None:
            job_id = application.submit(graph)
        else:
            job_id = master_of(request).submit(graph).machine.job.id
    except (ValueError, PermissionError) as error:
        return answer({"errors": [str(error)]}, 409 if isinstance(error, PermissionError) else 400)
    return answer({"job_id": job_id}, 202)


async def _read(request: Request, model: type[M]) -> M:
    try:
        return model.model_validate_json(await request.body())
    except ValidationError as error:
        raise HTTPException(400, f"{model.__name__}: {error}") from None
