"""Keyed timers of one operator: unique by (time, key, namespace), in order of time, kept by key group.

Owned by the hashmap backend, so that a key group's timers are frozen and restored with its values. Deleted timers
leave the heap lazily: the sets are the truth.
"""

import heapq
from typing import Any

Timer = tuple[int, Any, Any]
"""(time, key, namespace)"""


class TimerQueue:
    """Timers of one kind (event or processing time)."""

    __slots__ = ("_groups", "_heap", "_sequence")

    def __init__(self, group_count: int) -> None:
        self._groups: list[set[Timer]] = [set() for _ in range(group_count)]
        self._heap: list[tuple[int, int, int, Timer]] = []
        self._sequence = 0

    def add(self, group: int, timestamp: int, key: Any, namespace: Any) -> None:
        """Add a timer unless it is there."""
        timer = (timestamp, key, namespace)
        timers = self._groups[group]
        if timer not in timers:
            timers.add(timer)
            # The sequence keeps keys, which may not be ordered, out of the comparison.
            self._sequence += 1
            heapq.heappush(self._heap, (timestamp, self._sequence, group, timer))

    def discard(self, group: int, timestamp: int, key: Any, namespace: Any) -> None:
        """Remove a timer if it is there."""
        self._groups[group].discard((timestamp, key, namespace))

    def next_time(self) -> int | None:
        """Time of the first timer, None if there is none."""
        first = self.peek()
        return None if first is None else first[1][0]

    def peek(self) -> tuple[int, Timer] | None:
        """The first timer and its group; it stays."""
        heap, groups = self._heap, self._groups
        while heap:
            _, _, group, timer = heap[0]
            if timer in groups[group]:
                return group, timer
            heapq.heappop(heap)
        return None

    def pop(self) -> None:
        """Remove the timer that `peek` showed."""
        _, _, group, timer = heapq.heappop(self._heap)
        self._groups[group].discard(timer)

    def in_group(self, group: int) -> set[Timer]:
        """All timers of a group; not to be changed."""
        return self._groups[group]

    def __len__(self) -> int:
        return sum(map(len, self._groups))
