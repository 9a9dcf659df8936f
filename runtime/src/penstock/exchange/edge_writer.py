"""One edge of one sending subtask: partitions batches, gathers small ones, keeps control elements in order.

Driven by the chain's outputs and the task, in the task thread. A record waits in a buffer until its batch is full, a
control element follows it, the buffer timeout passes, or the slot has nothing else to do.
"""

from collections.abc import Sequence
from itertools import compress
from operator import not_
from random import randrange
from typing import Any

from penstock.control.barrier import Barrier
from penstock.exchange.elements import Element
from penstock.exchange.in_flight import ChannelCapture, ChannelPlace
from penstock.exchange.partitioners import ChannelChooser
from penstock.exchange.writers import ChannelWriter
from penstock.operators.contract import Batch


class EdgeWriter:
    """Channels of an edge. `chooser` None: every record goes to every channel (one channel, or broadcast)."""

    def __init__(
        self,
        writers: list[ChannelWriter],
        chooser: ChannelChooser | None,
        places: Sequence[ChannelPlace] = (),
    ) -> None:
        self.writers = writers
        self.places = places
        """By writer: the channel, as snapshots name it."""
        self._chooser = chooser if len(writers) > 1 else None
        self._values: list[list[Any]] = [[] for _ in writers]
        self._times: list[list[int]] = [[] for _ in writers]
        self._is_timed = False
        self.records_out = 0
        self.has_pending = False
        """Some records wait in buffers."""

    @property
    def has_room(self) -> bool:
        """Every channel can take another batch."""
        return all(writer.has_room for writer in self.writers)

    @property
    def is_delivered(self) -> bool:
        """The end of the partition has arrived in every receiver's process."""
        return all(writer.is_delivered for writer in self.writers)

    def emit(self, batch: Batch) -> None:
        """Take a batch that is not empty."""
        self.records_out += len(batch.values)
        is_timed = batch.timestamps is not None
        if is_timed != self._is_timed:
            self.flush()
            self._is_timed = is_timed
        if self._chooser is None:
            for channel in range(len(self.writers)):
                self._gather(channel, batch.values, batch.timestamps)
            return
        chosen = self._chooser.choose(batch.values)
        count = len(self.writers)
        parts = split_list(batch.values, chosen, count)
        times = [None] * count if batch.timestamps is None else split_list(batch.timestamps, chosen, count)
        for channel, values in enumerate(parts):
            if values:
                self._gather(channel, values, times[channel])

    def send(self, element: Element) -> None:
        """Send a control element on every channel, behind all records."""
        self.flush()
        for writer in self.writers:
            writer.send(element)

    def send_to_any(self, element: Element) -> None:
        """Send a control element on one channel drawn at random, behind the records of that channel."""
        channel = randrange(len(self.writers))  # noqa: S311 - no secret
        self._flush_channel(channel)
        self.writers[channel].send(element)

    def restore(self, target: int, batch: Batch) -> None:
        """Send a batch that a snapshot held for one target."""
        for place, writer in zip(self.places, self.writers, strict=True):
            if place.target == target:
                writer.send(batch)

    def send_overtaking(self, barrier: Barrier, capture: ChannelCapture, now_ms: int) -> None:
        """Send a barrier that overtakes, now or when its time comes; what it overtakes goes into the capture."""
        self.flush()
        for place, writer in zip(self.places, self.writers, strict=True):
            if barrier.may_overtake(now_ms):
                capture.add_outputs(place, writer.overtake(barrier))
            else:
                writer.send(barrier)
                if writer.is_holding(barrier):
                    capture.await_sending(place, writer)

    def flush(self) -> None:
        """Send what waits in buffers."""
        if self.has_pending:
            self.has_pending = False
            for channel in range(len(self.writers)):
                self._flush_channel(channel)

    def _gather(self, channel: int, values: list[Any], times: list[int] | None) -> None:
        writer = self.writers[channel]
        buffer = self._values[channel]
        limit = writer.batch_limit
        if not buffer and limit // 2 <= len(values) <= limit:
            writer.send(Batch(values, times))
            return
        buffer += values
        if times is not None:
            self._times[channel] += times
        if len(buffer) >= limit:
            self._flush_channel(channel)
        else:
            self.has_pending = True

    def _flush_channel(self, channel: int) -> None:
        values = self._values[channel]
        if not values:
            return
        times = self._times[channel] if self._is_timed else None
        self._values[channel] = []
        self._times[channel] = []
        writer = self.writers[channel]
        limit = writer.batch_limit
        if len(values) <= limit:
            writer.send(Batch(values, times))
            return
        for start in range(0, len(values), limit):
            part = None if times is None else times[start : start + limit]
            writer.send(Batch(values[start : start + limit], part))


def split_list(items: list[Any], chosen: list[int], count: int) -> list[list[Any]]:
    """The items of each of `count` channels, in order; two channels, the common case, are split without a Python loop."""
    if count == 2:
        return [list(compress(items, map(not_, chosen))), list(compress(items, chosen))]
    parts: list[list[Any]] = [[] for _ in range(count)]
    add = [part.append for part in parts]
    for item, channel in zip(items, chosen, strict=True):
        add[channel](item)
    return parts
