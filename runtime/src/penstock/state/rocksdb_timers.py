"""Timers in the database, by key group: the first ones of each group also in memory, so that `peek` costs no read.

Owned by the rocksdb backend, which keeps the changes that are not written yet. Of each group the head holds every timer
up to its bound (all of them where it is complete); behind the bound only the database knows.
"""

import heapq
from bisect import bisect_left, insort
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Protocol

from penstock.state.rocksdb_layout import (
    Ordered,
    decode_timer,
    table_end,
    table_prefix,
    timer_entry,
    timer_value,
)
from penstock.state.timers import Timer

_HEAD = 256
"""A head is filled with so many timers and cut back to as many when it has twice as many."""


class TimerStore(Protocol):
    """The backend as its timers see it."""

    first: int
    operator_name: str
    pending: dict[bytes, bytes | None]
    """Changes that are not in the database yet."""

    def canonical(self, key: Any) -> bytes:
        """The key's canonical bytes."""

    def written(self) -> Ordered:
        """The database, with all pending changes in it."""


@dataclass(slots=True)
class _Head:
    entries: list[bytes] = field(default_factory=list)
    timers: dict[bytes, Timer] = field(default_factory=dict)
    bound: bytes = b""
    is_complete: bool = True

    def holds(self, entry: bytes) -> bool:
        """Whether such an entry, if there is one, is in this head."""
        return self.is_complete or entry <= self.bound


class RocksDBTimers:
    """Timers of one kind."""

    __slots__ = ("_heads", "_heap", "_starved", "_store", "_table_id")

    def __init__(self, store: TimerStore, table_id: int, group_count: int) -> None:
        self._store = store
        self._table_id = table_id
        self._heads = [_Head() for _ in range(group_count)]
        self._heap: list[tuple[bytes, int]] = []
        self._starved: set[int] = set()
        """Groups whose head is empty while the database may have more."""

    def forget_heads(self) -> None:
        """The database got another content."""
        self._heads = [_Head(is_complete=False) for _ in self._heads]
        self._heap.clear()
        self._starved = set(range(len(self._heads)))

    def add(self, group: int, timestamp: int, key: Any, namespace: Any) -> None:
        """Add a timer unless it is there."""
        entry = timer_entry(timestamp, self._store.canonical(key), namespace)
        head = self._heads[group]
        if head.holds(entry):
            if entry in head.timers:
                return
            insort(head.entries, entry)
            head.timers[entry] = (timestamp, key, namespace)
            if head.entries[0] is entry:
                heapq.heappush(self._heap, (entry, group))
            if len(head.entries) > 2 * _HEAD:
                self._cut(head)
        self._store.pending[self._place(group) + entry] = timer_value(key)

    def discard(self, group: int, timestamp: int, key: Any, namespace: Any) -> None:
        """Remove a timer if it is there."""
        entry = timer_entry(timestamp, self._store.canonical(key), namespace)
        head = self._heads[group]
        if head.holds(entry):
            if entry not in head.timers:
                return
            self._drop(group, head, entry)
        self._store.pending[self._place(group) + entry] = None

    def next_time(self) -> int | None:
        """Time of the first timer, None if there is none."""
        first = self.peek()
        return None if first is None else first[1][0]

    def peek(self) -> tuple[int, Timer] | None:
        """The first timer and its group; it stays."""
        if self._starved:
            self._refill()
        heap, heads = self._heap, self._heads
        while heap:
            entry, group = heap[0]
            head = heads[group]
            if head.entries and head.entries[0] == entry:
                return group, head.timers[entry]
            heapq.heappop(heap)
        return None

    def pop(self) -> None:
        """Remove the timer that `peek` showed."""
        entry, group = heapq.heappop(self._heap)
        self._drop(group, self._heads[group], entry)
        self._store.pending[self._place(group) + entry] = None

    def _drop(self, group: int, head: _Head, entry: bytes) -> None:
        place = bisect_left(head.entries, entry)
        del head.entries[place]
        del head.timers[entry]
        if head.entries:
            if place == 0:
                heapq.heappush(self._heap, (head.entries[0], group))
        elif not head.is_complete:
            self._starved.add(group)

    def _cut(self, head: _Head) -> None:
        for entry in head.entries[_HEAD:]:
            del head.timers[entry]
        del head.entries[_HEAD:]
        head.bound = head.entries[-1]
        head.is_complete = False

    def _refill(self) -> None:
        database = self._store.written()
        for group in self._starved:
            head = self._heads[group]
            prefix = self._place(group)
            start = prefix + head.bound + (b"\x00" if head.bound else b"")
            end = table_end(self._store.first + group, self._table_id)
            found = list(islice(database.items(start, end), _HEAD))
            head.is_complete = len(found) < _HEAD
            where = f"timers of operator {self._store.operator_name!r}"
            for key, value in found:
                entry = key[len(prefix) :]
                head.entries.append(entry)
                head.timers[entry] = decode_timer(entry, value, where)
            if head.entries:
                head.bound = head.entries[-1]
                heapq.heappush(self._heap, (head.entries[0], group))
        self._starved.clear()

    def _place(self, group: int) -> bytes:
        return table_prefix(self._store.first + group, self._table_id)
