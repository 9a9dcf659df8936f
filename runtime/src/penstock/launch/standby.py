"""A JobManager among several: stands by, passing REST calls on to the leader, until it is elected; then it serves.

Called by `launch.jobmanager` where `high-availability.type` is set. A leader whose term ends stops serving at once and
stands by again: what it was doing is fenced by its lost term and by the next attempt's claim (Decision 12).
"""

import asyncio
import contextlib
import logging
import os
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from penstock.ha.contract import HighAvailability, HighAvailabilityDown, LeaderAddress
from penstock.ha.jobs import JobStore
from penstock.ha.opening import connect_ha
from penstock.ha.settings import HaSettings
from penstock.launch.configuration import number_of, starting
from penstock.launch.serving import HttpServer, listen_tcp, tls_of
from penstock.rest.answers import answer

log = logging.getLogger(__name__)
_RETRY_SECONDS = 1.0
_PROXY_SECONDS = 30.0
_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
_OWN_HEADERS = frozenset({"host", "connection", "content-length", "transfer-encoding", "content-encoding"})
_PASSED = "x-penstock-passed-on"
"""Marks a call that a JobManager passed on: the one it reaches answers, and never passes it on again."""
NO_LEADER = "Service temporarily unavailable due to an ongoing leader election. Please refresh."


@dataclass(slots=True)
class LeaderTerm:
    """What a leader is given: where jobs are kept, and the end of its term."""

    jobs: JobStore
    storage: str
    """Folder for checkpoints where none is configured: the next leader must find them."""
    lost: asyncio.Event = field(default_factory=asyncio.Event)


async def stand_by(
    settings: HaSettings,
    configuration: Mapping[str, str],
    ended: asyncio.Event,
    serve: Callable[[LeaderTerm], Awaitable[int]],
) -> int:
    """Campaign, serve, and again, until the process is to end or what was served has ended; the exit status."""
    with starting():
        address = own_address(configuration)
    while not ended.is_set():
        try:
            ha = await asyncio.to_thread(connect_ha, settings, configuration)
        except HighAvailabilityDown as error:
            log.warning("%s", error)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(ended.wait(), _RETRY_SECONDS)
            continue
        try:
            jobs = JobStore(ha, settings.storage, settings.cluster_id, configuration)
            term = LeaderTerm(jobs, f"{settings.storage}/{settings.cluster_id}/checkpoints")
            token = uuid.uuid4().hex
            if await _elected(ha, address.model_copy(update={"token": token}), configuration, ended, term):
                log.info("this JobManager leads, term %s", token)
                status = await serve(term)
                if not term.lost.is_set():
                    return status
        finally:
            await asyncio.to_thread(ha.close)
    return 0


async def _elected(
    ha: HighAvailability,
    address: LeaderAddress,
    configuration: Mapping[str, str],
    ended: asyncio.Event,
    term: LeaderTerm,
) -> bool:
    """Pass REST on until this JobManager leads (True) or the process is to end."""
    loop = asyncio.get_running_loop()
    gained = asyncio.Event()

    def lost(why: str) -> None:
        log.warning("this JobManager does not lead any more: %s", why)
        _call(loop, term.lost.set)

    async with _passing_on(ha, configuration):
        log.info("this JobManager stands by")
        ha.campaign(address, lambda: _call(loop, gained.set), lost)
        waits = [asyncio.create_task(event.wait()) for event in (gained, term.lost, ended)]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
        await asyncio.gather(*waits, return_exceptions=True)
    return gained.is_set() and not ended.is_set()


def _call(loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> None:
    with contextlib.suppress(RuntimeError):  # the loop is closed: the process is ending
        loop.call_soon_threadsafe(call)


def own_address(configuration: Mapping[str, str]) -> LeaderAddress:
    """Where this JobManager is reached when it leads; ValueError if others could not reach it."""
    port = configuration.get("rest.port", configuration.get("rest.bind-port", "8081"))
    # In a pod: its own address, for the Service's name leads to any of the JobManagers.
    host = os.environ.get("POD_IP") or configuration.get("jobmanager.rpc.address") or "127.0.0.1"
    rest_host = os.environ.get("POD_IP") or configuration.get("rest.address") or host
    bound = configuration.get("rest.bind-address", "127.0.0.1").split(",")[0].strip()
    if bound.startswith("127.") or bound == "localhost":
        rest_host = bound
    if tls_of(configuration) is not None:
        internal = f"https://{host}:{configuration.get('jobmanager.rpc.port', '6123')}"
    elif socket := configuration.get("penstock.rpc.socket"):
        internal = f"unix:{socket}"
    else:
        raise ValueError(
            "with high availability, penstock.rpc.socket (each JobManager its own) or penstock.rpc.tls.* must be "
            "set: TaskManagers look up where the leader is"
        )
    return LeaderAddress(token="", internal=internal, rest=f"http://{rest_host}:{port}")


@contextlib.asynccontextmanager
async def _passing_on(ha: HighAvailability, configuration: Mapping[str, str]) -> AsyncIterator[None]:
    hosts = [host.strip() for host in configuration.get("rest.bind-address", "127.0.0.1").split(",")]
    port = number_of(configuration, 8081, "rest.port", "rest.bind-port")
    async with httpx.AsyncClient(timeout=_PROXY_SECONDS) as http:
        app = passing_app(ha, http)
        servers = [HttpServer(app, listen_tcp(host, port)) for host in hosts]
        try:
            for server in servers:
                await server.start()
            yield
        finally:
            for server in servers:
                await server.close()


def passing_app(ha: HighAvailability, http: httpx.AsyncClient) -> Starlette:
    """REST of a JobManager that stands by: every call is the leader's to answer; 503 while there is none."""

    async def pass_on(request: Request) -> Response:
        try:
            # Who led before may still be on record where this JobManager now stands by.
            leader = None if _PASSED in request.headers else await asyncio.to_thread(ha.leader)
            if leader is None:
                return answer({"errors": [NO_LEADER]}, 503)
            found = await http.request(
                request.method,
                leader.rest + request.url.path,
                params=request.url.query,
                content=await request.body(),
                headers=[
                    *((k, v) for k, v in request.headers.items() if k not in _OWN_HEADERS),
                    (_PASSED, "1"),
                ],
            )
        except (HighAvailabilityDown, httpx.HTTPError) as error:
            log.info("the leader cannot be asked: %s", error)
            return answer({"errors": [NO_LEADER]}, 503)
        headers = {k: v for k, v in found.headers.items() if k not in _OWN_HEADERS}
        return Response(found.content, found.status_code, headers)

    return Starlette(routes=[Route("/{path:path}", pass_on, methods=_METHODS)])
