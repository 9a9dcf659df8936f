"""A clock that a test sets, with the calls that wait for it; timers of operators that follow it. Used by `testing.operator_node`."""

import heapq
from collections.abc import Callable

from penstock.state.contract import SlotBackend
from penstock.taskmanager.timers import OperatorTimers


class ManualClock:
    """Processing time as the test says; calls run while it is being set, in order of time."""

    def __init__(self, now: int = 0) -> None:
        self.now = now
        self._calls: list[tuple[int, int, Callable[[int], None]]] = []
        self._sequence = 0

    def call_at(self, timestamp: int, callback: Callable[[int], None]) -> None:
        """Call back when the clock is set to that time or later, never at once."""
        self._sequence += 1
        heapq.heappush(self._calls, (timestamp, self._sequence, callback))

    def set(self, now: int) -> None:
        """Move on; what is due on the way runs with the clock at its own time."""
        if now < self.now:
            raise ValueError(f"processing time cannot go back from {self.now} to {now}")
        while self._calls and self._calls[0][0] <= now:
            timestamp, _, callback = heapq.heappop(self._calls)
            self.now = max(self.now, timestamp)
            callback(timestamp)
        self.now = now


class ManualTimers(OperatorTimers):
    """An operator's timers by that clock."""

    def __init__(self, name: str, backend: SlotBackend | None, clock: ManualClock) -> None:
        super().__init__(name, backend, clock.call_at)
        self._clock = clock

    def current_processing_time(self) -> int:
        """As the test says."""
        return self._clock.now
