"""Watches for a function that blocks its slot: one thread owns all tasks, so what sleeps in one stops them all (Decision 9).

A daemon thread of the slot's process, started by `taskmanager.worker`. Names the task and where it is in the log; with
`penstock.task.stall-timeout` set, a call that takes longer ends the process, and the task is reported as failed first.
"""

import logging
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from penstock.common.durations import parse_duration_ms

_log = logging.getLogger(__name__)
_LOOK_SECONDS = 2.0
WARNING = "penstock.task.stall-warning"
TIMEOUT = "penstock.task.stall-timeout"


class Rounds(Protocol):
    """What is watched."""

    busy_since: float | None
    """When the present round of the mailbox began (monotonic); None while it waits."""


@dataclass(slots=True, frozen=True)
class StallLimits:
    """How long one call may keep the slot."""

    warning_seconds: float = 10.0
    """Then it is named in the log."""
    timeout_seconds: float | None = None
    """Then its task fails and the slot's process ends; None: never."""

    @classmethod
    def from_configuration(cls, configuration: Mapping[str, str]) -> "StallLimits":
        """From `penstock.task.stall-warning` (10 s) and `penstock.task.stall-timeout` (0: none)."""
        warning = parse_duration_ms(configuration.get(WARNING, "10 s")) / 1000
        timeout = parse_duration_ms(configuration.get(TIMEOUT, "0 s")) / 1000
        return cls(warning, timeout or None)


class StallWatch:
    """Watches the thread that made it. `name_task` says which task it is in, `on_timeout` gets the words and never returns."""

    def __init__(
        self,
        rounds: Rounds,
        limits: StallLimits | None = None,
        name_task: Callable[[], str | None] = lambda: None,
        on_timeout: Callable[[str], None] = lambda why: None,
    ) -> None:
        self._rounds = rounds
        self._limits = limits or StallLimits()
        self._name_task = name_task
        self._on_timeout = on_timeout
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
        limits = self._limits
        step = min(_LOOK_SECONDS, limits.warning_seconds, limits.timeout_seconds or _LOOK_SECONDS)
        while not self._stopped.wait(step):
            since = self._rounds.busy_since
            if since is None:
                continue
            passed = time.monotonic() - since
            if limits.timeout_seconds is not None and passed >= limits.timeout_seconds:
                self._on_timeout(self._words(limits.timeout_seconds))
                return
            if since != told and passed >= limits.warning_seconds:
                told = since
                _log.warning("%s", self._words(limits.warning_seconds))

    def _words(self, seconds: float) -> str:
        frame = sys._current_frames().get(self._watched)  # noqa: SLF001 - the documented way to another thread's stack
        stack = "".join(traceback.format_stack(frame)) if frame is not None else "unknown"
        name = self._name_task()
        where = "the slot's task thread" if name is None else f"the task {name!r}"
        return (
            f"{where} has been in one call for more than {seconds:g} s: no other task of this slot can work meanwhile. "
            f"Use asynchronous I/O for calls that wait. It is here:\n{stack}"
        )
