"""A thread that fills a bounded queue for a source reader. Used by the Kafka and the file reader.

The thread runs `fill(feed)`, which calls `put` until it returns or `put` raises `FeedStopped`. The task takes
without blocking; what the thread raised is raised to the task. A full queue holds the thread back, and so the
memory.
"""

import queue
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")
_PATIENCE_SECONDS = 0.2


class FeedStopped(Exception):
    """The reader was closed."""


class Feed(Generic[T]):
    """One thread and its queue."""

    def __init__(
        self, name: str, fill: Callable[["Feed[T]"], None], wake: Callable[[], None], capacity: int
    ) -> None:
        self._fill = fill
        self._wake = wake
        self._queue: queue.Queue[T] = queue.Queue(capacity)
        self._failure: BaseException | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    @property
    def is_stopping(self) -> bool:
        """True once the reader closes; a thread that waits for I/O looks at this."""
        return self._stopping.is_set()

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def put(self, item: T, meanwhile: Callable[[], None] | None = None) -> None:
        """Queue an item (called in the thread); waits for room; `FeedStopped` when the reader closes.

        `meanwhile` is called now and then while it waits.
        """
        while not self._stopping.is_set():
            try:
                self._queue.put(item, timeout=_PATIENCE_SECONDS)
            except queue.Full:
                if meanwhile is not None:
                    meanwhile()
                continue
            self._wake()
            return
        raise FeedStopped

    def wait(self, seconds: float) -> None:
        """Pause the thread; returns at once, raising `FeedStopped`, when the reader closes."""
        if self._stopping.wait(seconds):
            raise FeedStopped

    def take(self) -> T | None:
        """The next item, None if there is none; raises what ended the thread."""
        try:
            return self._queue.get_nowait()
        except queue.Empty:
            if self._failure is not None:
                raise self._failure from None
            return None

    def stop(self) -> None:
        """End the thread and wait for it."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout=30)

    def _run(self) -> None:
        try:
            self._fill(self)
        except FeedStopped:
            return
        except BaseException as failure:  # noqa: BLE001 - handed to the task, which fails with it
            self._failure = failure
            self._wake()
