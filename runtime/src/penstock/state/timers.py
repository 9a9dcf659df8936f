"""Keyed timers of one operator: unique by (time, key, namespace), in order of time, kept by key group.

Owned by the hashmap backend, so that a key group's timers are frozen and restored with its values. The heap holds each
(time, group) once however many keys wait for it, as those of a window all do; a time whose timers were all deleted
leaves the heap when it is reached.
"""

import heapq
from collections.abc import Iterator
from typing import Any, Protocol

Timer = tuple[int, Any, Any]
"""(time, key, namespace)"""


class TimerJournal(Protocol):
    """A snapshot under way."""

    def note_timer(self, group: int, kind: str, timer: Timer, was_there: bool) -> None:
        """This timer is about to come or go."""


class KeyHolder(Protocol):
    """Whose current key a timer that fires becomes."""

    current_key: Any
    group: int


class TimerQueue:
    """Timers of one kind (event or processing time)."""

    __slots__ = ("_groups", "_heap", "_kind", "journal")

    def __init__(self, group_count: int, kind: str = "") -> None:
        self._kind = kind
        self.journal: TimerJournal | None = None
        """The snapshot that wants to know of changes."""
        self._groups: list[dict[int, dict[tuple[Any, Any], None]]] = [{} for _ in range(group_count)]
        self._heap: list[tuple[int, int]] = []

    def add(self, group: int, timestamp: int, key: Any, namespace: Any) -> None:
        """Add a timer unless it is there."""
        if self.journal is not None:
            self._note(self.journal, group, (timestamp, key, namespace))
        timers = self._groups[group].get(timestamp)
        if timers is None:
            self._groups[group][timestamp] = {(key, namespace): None}
            heapq.heappush(self._heap, (timestamp, group))
        else:
            timers[key, namespace] = None

    def discard(self, group: int, timestamp: int, key: Any, namespace: Any) -> None:
        """Remove a timer if it is there."""
        if self.journal is not None:
            self._note(self.journal, group, (timestamp, key, namespace))
        timers = self._groups[group].get(timestamp)
        if timers is not None:
            # Without timers the time stays until its place in the heap is reached: it may get new ones.
            timers.pop((key, namespace), None)

    def next_time(self) -> int | None:
        """Time of the first timer, None if there is none."""
        first = self._first()
        return None if first is None else first[0]

    def peek(self) -> tuple[int, Timer] | None:
        """The first timer and its group; it stays."""
        first = self._first()
        if first is None:
            return None
        timestamp, group = first
        key, namespace = next(iter(self._groups[group][timestamp]))
        return group, (timestamp, key, namespace)

    def pop(self) -> None:
        """Remove the timer that `peek` showed."""
        timestamp, group = self._heap[0]
        timers = self._groups[group][timestamp]
        timer = next(iter(timers))
        if self.journal is not None:
            self._note(self.journal, group, (timestamp, *timer))
        del timers[timer]

    def fire(self, until: int, holder: KeyHolder) -> Iterator[Timer]:
        """Remove and give each timer up to `until`, its key set, earliest first, those too that are added meanwhile."""
        heap, groups = self._heap, self._groups
        while heap:
            first = heap[0]
            timestamp, group = first
            timers = groups[group][timestamp]
            if not timers:
                heapq.heappop(heap)
                del groups[group][timestamp]
                continue
            if timestamp > until:
                return
            for timer in list(timers):
                if timer not in timers:
                    continue
                key, namespace = timer
                holder.current_key, holder.group = key, group
                if self.journal is not None:
                    self._note(self.journal, group, (timestamp, key, namespace))
                del timers[timer]
                yield timestamp, key, namespace
                if heap[0] is not first:
                    break  # an earlier one was added

    def in_group(self, group: int) -> set[Timer]:
        """All timers of a group."""
        return {
            (timestamp, key, namespace)
            for timestamp, timers in self._groups[group].items()
            for key, namespace in timers
        }

    def _note(self, journal: TimerJournal, group: int, timer: Timer) -> None:
        timestamp, key, namespace = timer
        journal.note_timer(
            group, self._kind, timer, (key, namespace) in self._groups[group].get(timestamp, ())
        )

    def _first(self) -> tuple[int, int] | None:
        heap, groups = self._heap, self._groups
        while heap:
            first = heap[0]
            timestamp, group = first
            if groups[group][timestamp]:
                return first
            heapq.heappop(heap)
            del groups[group][timestamp]
        return None

    def __len__(self) -> int:
        return sum(len(timers) for group in self._groups for timers in group.values())
