"""The timer service of one operator: event and processing timers of its keyed backend, and plain call-backs.

Given to the operator in its context; event time is advanced by `taskmanager.chain`, processing time by the mailbox.
"""

import time
from collections.abc import Callable, Iterator
from typing import Any

from penstock.operators.contract import MIN_TIMESTAMP, Operator
from penstock.state.contract import SlotBackend, TimerSet
from penstock.state.errors import NoCurrentKey
from penstock.state.hashmap import HashMapBackend
from penstock.state.keys import NO_GROUP
from penstock.state.timers import Timer, TimerQueue

CallAt = Callable[[int, Callable[[int], None]], None]
"""As `Mailbox.call_at`, with failures charged to the task."""


class OperatorTimers:
    """Timers of one operator in one subtask."""

    def __init__(self, name: str, backend: SlotBackend | None, call_at: CallAt) -> None:
        self._name = name
        self._backend = backend
        self._call_at = call_at
        self._scheduled: int | None = None
        self._operator: Operator | None = None
        self._watermark = MIN_TIMESTAMP
        self.is_quiet = False
        """No timer fires any more: a stop barrier has passed or all input has ended."""

    def start(self, operator: Operator) -> None:
        """Fire for this operator from now on; restored processing timers that are due fire soon."""
        self._operator = operator
        self._schedule()

    def set_quiet(self, is_quiet: bool) -> None:
        """Hold all timers, or fire them again."""
        self.is_quiet = is_quiet
        if not is_quiet:
            self._schedule()

    def current_processing_time(self) -> int:
        """Milliseconds since the epoch."""
        return time.time_ns() // 1_000_000

    def current_watermark(self) -> int:
        """The operator's event time."""
        return self._watermark

    def register_event_timer(self, timestamp: int, namespace: Any = None) -> None:
        """Fire for the current key when the watermark reaches `timestamp`."""
        backend = self._backend
        if backend is None or backend.group == NO_GROUP:
            backend = self._keyed()
        backend.event_timers.add(backend.group, timestamp, backend.current_key, namespace)

    def register_processing_timer(self, timestamp: int, namespace: Any = None) -> None:
        """Fire for the current key at or after `timestamp`."""
        backend = self._keyed()
        backend.processing_timers.add(backend.group, timestamp, backend.current_key, namespace)
        self._schedule()

    def delete_event_timer(self, timestamp: int, namespace: Any = None) -> None:
        """Forget that timer."""
        backend = self._keyed()
        backend.event_timers.discard(backend.group, timestamp, backend.current_key, namespace)

    def delete_processing_timer(self, timestamp: int, namespace: Any = None) -> None:
        """Forget that timer."""
        backend = self._keyed()
        backend.processing_timers.discard(backend.group, timestamp, backend.current_key, namespace)

    def call_at(self, timestamp: int, callback: Callable[[int], None]) -> None:
        """Call back once at that processing time."""
        self._call_at(timestamp, lambda due: None if self.is_quiet else callback(due))

    def advance(self, watermark: int) -> None:
        """Event time moved: fire what is due, earliest first."""
        self._watermark = watermark
        backend, operator = self._backend, self._operator
        if backend is None or operator is None:
            return
        fire = operator.on_event_timer
        for timestamp, key, namespace in _due(backend.event_timers, watermark, backend):
            fire(timestamp, key, namespace)

    def _schedule(self) -> None:
        backend = self._backend
        if backend is None or self.is_quiet or self._operator is None:
            return
        due = backend.processing_timers.next_time()
        if due is not None and (self._scheduled is None or due < self._scheduled):
            self._scheduled = due
            self._call_at(due, self._on_time)

    def _on_time(self, scheduled: int) -> None:
        backend, operator = self._backend, self._operator
        if backend is None or operator is None or scheduled != self._scheduled:
            return
        self._scheduled = None
        if self.is_quiet:
            return
        now = self.current_processing_time()
        for timestamp, key, namespace in _due(backend.processing_timers, now, backend):
            operator.on_processing_timer(timestamp, key, namespace)
        self._schedule()

    def _keyed(self) -> SlotBackend:
        backend = self._backend
        if backend is None:
            raise NoCurrentKey(
                f"operator {self._name!r} set a timer, but its stream has no key: timers need a KeyedStream"
            )
        if not backend.has_key:
            raise backend.no_key("a timer")
        return backend


def _due(timers: TimerSet, until: int, backend: SlotBackend) -> Iterator[Timer]:
    """Remove and give the timers up to `until`, each with its key set; earliest first."""
    if isinstance(timers, TimerQueue) and isinstance(backend, HashMapBackend):
        return timers.fire(until, backend)
    return _one_by_one(timers, until, backend)


def _one_by_one(timers: TimerSet, until: int, backend: SlotBackend) -> Iterator[Timer]:
    while (first := timers.peek()) is not None and first[1][0] <= until:
        timestamp, key, namespace = first[1]
        backend.set_current_key(key)
        timers.pop()
        yield timestamp, key, namespace
