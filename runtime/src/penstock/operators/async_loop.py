"""One asyncio loop for all async functions of a process, in a thread of its own. Used by `operators.async_io`.

It starts with the first operator that asks for it and ends with the last one that lets go, so a job without async
functions has neither thread nor loop. Nothing of an operator's state is ever touched from its thread.
"""

import asyncio
import threading

_STOP_SECONDS = 5.0


class SharedLoop:
    """A loop that lives while somebody holds it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._holders = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def acquire(self) -> asyncio.AbstractEventLoop:
        """The running loop; every call needs one `release`."""
        with self._lock:
            self._holders += 1
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(
                    target=self._loop.run_forever, name="async-functions", daemon=True
                )
                self._thread.start()
            return self._loop

    def release(self) -> None:
        """Let go; the last one stops the loop and its thread."""
        with self._lock:
            self._holders -= 1
            if self._holders or self._loop is None or self._thread is None:
                return
            loop, thread = self._loop, self._thread
            self._loop = self._thread = None
        loop.call_soon_threadsafe(loop.stop)
        thread.join(_STOP_SECONDS)
        if not thread.is_alive():
            loop.close()


SHARED_LOOP = SharedLoop()
