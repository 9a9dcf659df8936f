"""The sending end of one channel: to a task of this slot by reference, or to another slot as frames under credits.

Used by `edge_writer`, in the task thread. `send` always takes the element; a sender looks at `has_room` first, so what
piles up is at most the output of one input batch.
"""

from collections import deque
from collections.abc import Callable
from typing import Protocol

from penstock.control.barrier import Barrier
from penstock.exchange.channels import InputChannel
from penstock.exchange.elements import EXCHANGE_BATCH, ChannelId, Element
from penstock.exchange.frames import element_frame
from penstock.operators.contract import Batch

_GOOD_FRAME = 1 << 19
"""Bytes. Batches of large records are cut so that frames stay near it, for memory's sake."""


class ChannelWriter(Protocol):
    """Where an edge puts a channel's elements."""

    batch_limit: int
    """Records in a batch, at most."""

    @property
    def has_room(self) -> bool:
        """The receiver can take another batch."""

    @property
    def is_delivered(self) -> bool:
        """The end of the partition has arrived in the receiver's process."""

    @property
    def bytes_out(self) -> int:
        """Bytes sent so far; nothing for a local channel."""

    def send(self, element: Element) -> None:
        """Add an element."""

    def overtake(self, barrier: Barrier) -> list[Batch]:
        """Send a barrier before all that waits here; returns the batches that it overtook."""

    def is_holding(self, barrier: Barrier) -> bool:
        """It is not sent yet."""

    def pull_forward(self, barrier: Barrier) -> list[Batch]:
        """Send a barrier that waits here; returns the batches that it overtook."""


class LocalWriter:
    """To a task of this slot: the element itself."""

    __slots__ = ("_channel", "batch_limit")
    is_delivered = True
    bytes_out = 0

    def __init__(self, channel: InputChannel) -> None:
        self._channel = channel
        self.batch_limit = EXCHANGE_BATCH

    @property
    def has_room(self) -> bool:
        """The receiver can take another batch."""
        return self._channel.has_room

    def send(self, element: Element) -> None:
        """Add an element."""
        self._channel.push(element)

    def overtake(self, barrier: Barrier) -> list[Batch]:
        """Nothing waits here: the receiver holds all."""
        self._channel.push(barrier)
        return []

    def is_holding(self, barrier: Barrier) -> bool:
        """Never."""
        return False

    def pull_forward(self, barrier: Barrier) -> list[Batch]:
        """Nothing waits here."""
        return []


class RemoteWriter:
    """To a task of another slot. Control elements need no credit but keep their place behind waiting batches."""

    __slots__ = ("_channel", "_credits", "_is_delivered", "_transmit", "_waiting", "batch_limit", "bytes_out")

    def __init__(self, channel: ChannelId, transmit: Callable[[bytes], None]) -> None:
        self._channel = channel
        self._transmit = transmit
        self._credits = 0
        self._waiting: deque[Element] = deque()
        self._is_delivered = False
        self.batch_limit = EXCHANGE_BATCH
        self.bytes_out = 0

    @property
    def has_room(self) -> bool:
        """The receiver can take another batch."""
        return self._credits > 0 and not self._waiting

    @property
    def is_delivered(self) -> bool:
        """The end of the partition has arrived in the receiver's process."""
        return self._is_delivered

    def send(self, element: Element) -> None:
        """Add an element."""
        if self._waiting or (self._credits == 0 and isinstance(element, Batch)):
            self._waiting.append(element)
        else:
            self._put(element)

    def overtake(self, barrier: Barrier) -> list[Batch]:
        """Send a barrier before all that waits here; returns the batches that it overtook."""
        self._put(barrier)
        return [element for element in self._waiting if isinstance(element, Batch)]

    def is_holding(self, barrier: Barrier) -> bool:
        """It is not sent yet."""
        return barrier in self._waiting

    def pull_forward(self, barrier: Barrier) -> list[Batch]:
        """Send a barrier that waits here; returns the batches that it overtook."""
        elements = list(self._waiting)
        self._waiting.remove(barrier)
        self._put(barrier)
        before = elements[: elements.index(barrier)]
        return [element for element in before if isinstance(element, Batch)]

    def grant(self, count: int) -> None:
        """The receiver takes so many more batches."""
        self._credits += count
        waiting = self._waiting
        while waiting and (self._credits > 0 or not isinstance(waiting[0], Batch)):
            self._put(waiting.popleft())

    def acknowledge_end(self) -> None:
        """The receiver has everything."""
        self._is_delivered = True

    def _put(self, element: Element) -> None:
        data = element_frame(self._channel, element)
        self.bytes_out += len(data)
        if isinstance(element, Batch):
            self._credits -= 1
            self._fit(len(data), len(element))
        self._transmit(data)

    def _fit(self, size: int, count: int) -> None:
        if size > 2 * _GOOD_FRAME:
            self.batch_limit = max(1, count * _GOOD_FRAME // size)
        elif self.batch_limit < EXCHANGE_BATCH and size < _GOOD_FRAME // 2:
            self.batch_limit = min(EXCHANGE_BATCH, self.batch_limit * 2)
