"""Names a function that blocks its slot: one thread owns all tasks, so what sleeps in one stops them all (Decision 9).

A daemon thread of the slot's process, started by `taskmanager.worker`. Only looks and logs; never interrupts anything.
"""

import logging
import sys
import threading
import time
import traceback
from typing import Protocol

_log = logging.getLogger(__name__)
_LOOK_SECONDS = 2.0


class Rounds(Protocol):
    """What is watched."""

    busy_since: float | None
    """When the present round of the mailbox began (monotonic); None while it waits."""


class StallWatch:
    """Watches the thread that made it."""

    def __init__(self, rounds: Rounds, limit_seconds: float = 10.0) -> None:
        self._rounds = rounds
        self._limit = limit_seconds
        self._watched = threading.get_ident()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="stall-watch", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._stopped.set()
        self._thread.join()

    def _watch(self) -> None:
        told: float | None = None
        while not self._stopped.wait(min(_LOOK_SECONDS, self._limit)):
            since = self._rounds.busy_since
            if since is None or since == told or time.monotonic() - since < self._limit:
                continue
            told = since
            frame = sys._current_frames().get(self._watched)  # noqa: SLF001 - the documented way to another thread's stack
            stack = "".join(traceback.format_stack(frame)) if frame is not None else "unknown"
            _log.warning(
                "the slot's task thread has been in one call for more than %.0f s: no other task of this slot can work "
                "meanwhile. Use asynchronous I/O for calls that wait. It is here:\n%s",
                self._limit,
                stack,
            )
