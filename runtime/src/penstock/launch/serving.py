"""HTTP servers of a process: uvicorn on TCP, on a unix socket of mode 0600, or behind mTLS. Used by `launch.jobmanager`."""

import asyncio
import contextlib
import os
import socket
import ssl
import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

START_SECONDS = 60.0
GRACE_SECONDS = 1
"""What a request may still take when its server ends."""
TLS_PREFIX = "penstock.rpc.tls."


@dataclass(slots=True, frozen=True)
class TlsFiles:
    """The job's CA and this process's certificate and key (Decision 15)."""

    ca: str
    cert: str
    key: str


def tls_of(configuration: Mapping[str, str]) -> TlsFiles | None:
    """The mTLS files, if they are configured; ValueError if only some are."""
    found = [configuration.get(TLS_PREFIX + name) for name in ("ca", "cert", "key")]
    if not any(found):
        return None
    ca, cert, key = found
    if not (ca and cert and key):
        raise ValueError(f"{TLS_PREFIX}ca, {TLS_PREFIX}cert and {TLS_PREFIX}key go together: set all three")
    return TlsFiles(ca, cert, key)


class HttpServer:
    """A uvicorn server in this loop, without its signal handlers."""

    def __init__(self, app: Starlette, listener: socket.socket, tls: TlsFiles | None = None) -> None:
        config = uvicorn.Config(
            app,
            http=_Connection,
            log_level="warning",
            access_log=False,
            lifespan="off",
            ws="none",
            timeout_graceful_shutdown=GRACE_SECONDS,
            ssl_certfile=tls.cert if tls else None,
            ssl_keyfile=tls.key if tls else None,
            ssl_ca_certs=tls.ca if tls else None,
            ssl_cert_reqs=ssl.CERT_REQUIRED if tls else ssl.CERT_NONE,
        )
        self._server = _Server(config)
        self._listener = listener
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Return when it answers."""
        self._task = asyncio.create_task(self._server.serve(sockets=[self._listener]))
        deadline = time.monotonic() + START_SECONDS
        while not self._server.started:
            if self._task.done():
                self._task.result()
                raise RuntimeError("the HTTP server ended as it started")
            if time.monotonic() > deadline:
                raise TimeoutError(f"the HTTP server did not start within {START_SECONDS:.0f} s")
            await asyncio.sleep(0.005)

    async def close(self) -> None:
        """End it and release the socket."""
        self._server.should_exit = True
        if self._task is not None:
            await self._task
        self._listener.close()


class _State(ServerState):
    """What a server and its connections know of each other."""

    is_ending = False


class _Connection(H11Protocol):
    """A connection that was accepted as its server stopped listening is closed, not served.

    uvicorn closes the connections that it knows when it shuts down. One that is just being accepted would stay, and be
    answered by the app of before for as long as its peer keeps it alive, though another server has the address by now.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._state = server_state

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Serve it, unless it comes too late."""
        super().connection_made(transport)
        if isinstance(self._state, _State) and self._state.is_ending:
            transport.close()


class _Server(uvicorn.Server):
    """Leaves signals alone: they belong to the process. No connection outlives it."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.server_state: _State = _State()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop listening, let requests end, cancel what does not end; then no connection is left."""
        self.server_state.is_ending = True
        await super().shutdown(sockets)
        if cancelled := set(self.server_state.tasks):
            await asyncio.wait(cancelled, timeout=GRACE_SECONDS)
        for connection in list(self.server_state.connections):
            connection.transport.abort()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Capture none."""
        yield


def listen_tcp(host: str, port: int) -> socket.socket:
    """A listening TCP socket; OSError names the address."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise OSError(error.errno, f"cannot listen on {host}:{port}: {error.strerror}") from error
    return listener


def listen_unix(path: Path) -> socket.socket:
    """A listening unix socket of mode 0600; a stale one of a dead process is replaced."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    previous = os.umask(0o177)
    try:
        listener.bind(str(path))
    except OSError as error:
        listener.close()
        raise OSError(error.errno, f"cannot listen on {path}: {error}") from error
    finally:
        os.umask(previous)
    listener.listen(128)
    return listener
