"""A TCP proxy on loopback that can slow calls, cut connections in their middle, or answer HTTP requests with 503.

For faults that a real server does not produce on demand. Its event loop runs in a thread of its own.
"""

import asyncio
import contextlib
import enum
import random
import threading
from types import TracebackType
from typing import Self

_CHUNK = 64 * 1024
_SERVICE_UNAVAILABLE = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nRetry-After: 1\r\nConnection: close\r\n\r\n"
)


class Mood(enum.Enum):
    """How the proxy treats what passes."""

    PASS = "pass"
    SLOW = "slow"
    CUT = "cut"
    REFUSE = "refuse"


class Proxy:
    """Forwards 127.0.0.1:`port` to 127.0.0.1:`target`; `mood` may be changed at any time."""

    def __init__(self, port: int, target: int, seed: int) -> None:
        self.port = port
        self.mood = Mood.PASS
        self._target = target
        self._choose = random.Random(seed)
        self._loop = asyncio.new_event_loop()
        self._up = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"proxy-{port}", daemon=True)
        self._end = asyncio.Event()

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._up.wait(10):
            raise RuntimeError(f"the proxy at port {self.port} did not come up")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(10)

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._serve())
        finally:
            self._loop.close()

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._handle, "127.0.0.1", self.port)
        self._up.set()
        await self._end.wait()
        server.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream = None
        try:
            answers, upstream = await asyncio.open_connection("127.0.0.1", self._target)
            ways = {
                asyncio.ensure_future(self._copy(reader, upstream, writer)),
                asyncio.ensure_future(self._copy(answers, writer, None)),
            }
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)
        except (OSError, asyncio.CancelledError):
            pass  # the server behind is down, or the proxy ends: so does this connection
        finally:
            for end in (writer, upstream):
                if end is not None:
                    end.close()
                    with contextlib.suppress(OSError):
                        await end.wait_closed()

    async def _copy(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        refusal: asyncio.StreamWriter | None,
    ) -> None:
        """One way of a connection, to its end. `refusal`: where a request is answered without passing it on."""
        while data := await reader.read(_CHUNK):
            if self.mood is Mood.SLOW:
                await asyncio.sleep(self._choose.uniform(0.01, 0.4))
            elif self.mood is Mood.CUT and self._choose.random() < 0.2:
                writer.write(data[: self._choose.randrange(len(data) + 1)])
                await writer.drain()
                return
            elif self.mood is Mood.REFUSE and refusal is not None:
                refusal.write(_SERVICE_UNAVAILABLE)
                await refusal.drain()
                return
            writer.write(data)
            await writer.drain()
