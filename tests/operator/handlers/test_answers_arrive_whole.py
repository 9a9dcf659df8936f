"""An answer that breaks off counts as none, so that kopf asks again; before, its process ended. Watches stream on."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest

from penstock_operator.handlers.connection import whole_answers

_HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 20\r\nConnection: close\r\n\r\n"
)
_WHOLE, _BROKEN = b'{"items": [1, 2, 3]}', b'{"items": '


@asynccontextmanager
async def served(*bodies: bytes) -> AsyncIterator[str]:
    """A server that answers with these, one a connection."""
    left = list(bodies)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(_HEAD + left.pop(0))
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/api"


def test_an_answer_that_breaks_off_is_none() -> None:
    async def ask() -> None:
        async with (
            served(_BROKEN, _WHOLE) as url,
            aiohttp.ClientSession(middlewares=(whole_answers,)) as session,
        ):
            with pytest.raises(aiohttp.ClientConnectionError, match="GET /api broke off"):
                await session.get(url)
            async with await session.get(url) as response:
                assert await response.json() == {"items": [1, 2, 3]}

    asyncio.run(ask())


def test_a_watch_is_not_read_to_its_end() -> None:
    async def ask() -> None:
        async with (
            served(_BROKEN) as url,
            aiohttp.ClientSession(middlewares=(whole_answers,)) as session,
            await session.get(url, params={"watch": "true"}) as response,
        ):
            assert await response.content.readexactly(len(_BROKEN)) == _BROKEN

    asyncio.run(ask())
