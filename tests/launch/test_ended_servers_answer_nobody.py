"""What a server was before it ended, a leader or a standby, nobody hears of afterwards: its connections end with it."""

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from penstock.launch import serving
from penstock.launch.serving import HttpServer, listen_tcp

REQUEST = b"GET / HTTP/1.1\r\nHost: before\r\n\r\n"


async def greet(request: Request) -> Response:
    return PlainTextResponse("the one before")


class Hanging:
    """An endpoint that says when it was asked, and never answers."""

    def __init__(self) -> None:
        self.is_asked = asyncio.Event()

    async def answer(self, request: Request) -> Response:
        self.is_asked.set()
        await asyncio.Event().wait()
        raise AssertionError("nobody sets it")


def with_server(
    endpoint: Callable[[Request], Awaitable[Response]],
    meet: Callable[[HttpServer, tuple[str, int]], Awaitable[None]],
) -> None:
    async def run() -> None:
        listener = listen_tcp("127.0.0.1", 0)
        server = HttpServer(Starlette(routes=[Route("/", endpoint)]), listener)
        address = listener.getsockname()
        await server.start()
        await meet(server, address)

    asyncio.run(asyncio.wait_for(run(), 50))


async def heard(client: socket.socket) -> bytes:
    """What the server says to one more request; empty when it has hung up."""
    loop = asyncio.get_running_loop()
    client.setblocking(False)
    try:
        await loop.sock_sendall(client, REQUEST)
        return await asyncio.wait_for(loop.sock_recv(client, 1000), 30)
    except ConnectionError:
        return b""


def test_a_connection_that_is_accepted_while_the_server_ends_is_not_served(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(serving, "GRACE_SECONDS", 25)

    async def meet(server: HttpServer, address: tuple[str, int]) -> None:
        closing = asyncio.create_task(server.close())
        await asyncio.sleep(0)
        # The loop is late, as on a busy machine: it finds new connections and the end in one round.
        clients = [socket.create_connection(address, timeout=10) for _ in range(3)]
        time.sleep(0.2)  # noqa: ASYNC251 - the loop is to be late
        started = time.monotonic()
        await closing
        taken = time.monotonic() - started
        for client in clients:
            with client:
                assert await heard(client) == b""
        assert taken < 20, f"closing waited {taken:.2f} s for connections that nobody closes"

    with_server(greet, meet)


def test_a_connection_that_was_kept_alive_ends_with_its_server() -> None:
    async def meet(server: HttpServer, address: tuple[str, int]) -> None:
        with socket.create_connection(address, timeout=10) as client:
            assert b"the one before" in await heard(client)
            await server.close()
            assert await heard(client) == b""

    with_server(greet, meet)


def test_a_request_that_never_ends_ends_with_its_server(caplog: pytest.LogCaptureFixture) -> None:
    hanging = Hanging()

    async def meet(server: HttpServer, address: tuple[str, int]) -> None:
        loop = asyncio.get_running_loop()
        with socket.create_connection(address, timeout=10) as client:
            client.setblocking(False)
            await loop.sock_sendall(client, REQUEST)
            await hanging.is_asked.wait()
            await server.close()
            said = await asyncio.wait_for(loop.sock_recv(client, 1000), 30)
            assert b"200" not in said
            assert await heard(client) == b""

    with_server(hanging.answer, meet)
