"""What an async operator has taken and not yet given back, in one of two orders. Used by `operators.async_io`; pure.

Ordered: results leave in the order of their records. Unordered: as they come, but none passes a watermark, so a record
is late behind the operator only if it was late before it.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

from penstock.operators.collector import Collector
from penstock.operators.contract import Output


@dataclass(slots=True, eq=False)
class Entry:
    """A record and, once it is done, its results."""

    value: Any
    timestamp: int
    results: list[Any] = field(default_factory=list)
    is_done: bool = False
    segment: "Segment | None" = None


class AsyncQueue(Protocol):
    """Entries and watermarks in the order of arrival."""

    def __len__(self) -> int:
        """How many entries have not been emitted."""

    def add(self, entry: Entry) -> None:
        """Take a record."""

    def add_watermark(self, timestamp: int) -> None:
        """Event time reached that after all records so far."""

    def complete(self, entry: Entry) -> None:
        """The results of a record are here."""

    def emit(self, output: Output) -> None:
        """Pass on all that may leave now."""

    def entries(self) -> Iterator[Entry]:
        """The records whose results have not been emitted, in order."""


class OrderedQueue:
    """Results in the order of their records."""

    def __init__(self) -> None:
        self._items: deque[Entry | int] = deque()
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, entry: Entry) -> None:
        """Behind all others."""
        self._items.append(entry)
        self._count += 1

    def add_watermark(self, timestamp: int) -> None:
        """Behind all others; one that follows another directly replaces it."""
        if self._items and isinstance(self._items[-1], int):
            self._items.pop()
        self._items.append(timestamp)

    def complete(self, entry: Entry) -> None:
        """It may leave when it is the first."""
        entry.is_done = True

    def emit(self, output: Output) -> None:
        """All that is done up to the first that is not."""
        collector = Collector()
        while self._items:
            first = self._items[0]
            if isinstance(first, int):
                collector.flush(output)
                output.emit_watermark(first)
            elif first.is_done:
                collector.take(first.results, first.timestamp)
                self._count -= 1
            else:
                break
            self._items.popleft()
        collector.flush(output)

    def entries(self) -> Iterator[Entry]:
        """As they came."""
        return (item for item in self._items if isinstance(item, Entry))


@dataclass(slots=True, eq=False)
class Segment:
    """The records between two watermarks; `watermark` ends it."""

    pending: dict[int, Entry] = field(default_factory=dict)
    done: list[Entry] = field(default_factory=list)
    watermark: int | None = None


class UnorderedQueue:
    """Results as they come, between two watermarks."""

    def __init__(self) -> None:
        self._segments: deque[Segment] = deque([Segment()])

    def __len__(self) -> int:
        return sum(len(segment.pending) + len(segment.done) for segment in self._segments)

    def add(self, entry: Entry) -> None:
        """Into the newest segment."""
        entry.segment = self._segments[-1]
        entry.segment.pending[id(entry)] = entry

    def add_watermark(self, timestamp: int) -> None:
        """End the newest segment; one without records takes the later watermark."""
        newest = self._segments[-1]
        if len(self._segments) > 1 and not newest.pending and not newest.done:
            self._segments[-2].watermark = timestamp
            return
        newest.watermark = timestamp
        self._segments.append(Segment())

    def complete(self, entry: Entry) -> None:
        """It may leave when its segment is the first."""
        assert entry.segment is not None  # noqa: S101 - set by add
        del entry.segment.pending[id(entry)]
        entry.segment.done.append(entry)

    def emit(self, output: Output) -> None:
        """What is done of the first segment, and of the next if that one is over."""
        while True:
            first = self._segments[0]
            collector = Collector()
            for entry in first.done:
                collector.take(entry.results, entry.timestamp)
            first.done.clear()
            collector.flush(output)
            if first.pending or first.watermark is None:
                return
            self._segments.popleft()
            output.emit_watermark(first.watermark)

    def entries(self) -> Iterator[Entry]:
        """Segment by segment, as they came."""
        for segment in self._segments:
            yield from segment.done
            yield from segment.pending.values()
