"""Records in flight that a barrier has overtaken: what an unaligned snapshot holds of a task's channels.

Filled by input channels and edges in the task thread, each batch as bytes at once, for user code may change records
once they are handed on; stored by `taskmanager.snapshots` when it is complete. Holds no control elements: event time
starts anew after a restore.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from penstock.control.barrier import Barrier
from penstock.exchange.frames import dump_records
from penstock.operators.contract import Batch


@dataclass(slots=True, frozen=True)
class ChannelPlace:
    """A channel as a snapshot names it: an edge's id, and subtasks with their numbers."""

    edge: str
    source: int
    target: int
    sources: int
    targets: int


@dataclass(slots=True, frozen=True)
class InFlight:
    """A batch of a channel; `is_input`: it had reached its receiver, who stores it, else its sender does."""

    place: ChannelPlace
    is_input: bool
    body: bytes


class HoldingWriter(Protocol):
    """A sender's end that may hold a barrier behind batches."""

    def is_holding(self, barrier: Barrier) -> bool:
        """It is not sent yet."""

    def pull_forward(self, barrier: Barrier) -> list[Batch]:
        """Send it now; returns the batches that it overtook."""


class ChannelCapture:
    """Records in flight of one task in one snapshot."""

    __slots__ = ("_unsent", "awaited", "barrier", "entries")

    def __init__(self, barrier: Barrier) -> None:
        self.barrier = barrier
        self.entries: list[InFlight] = []
        self.awaited: set[int] = set()
        """Input channels that have not delivered the barrier: what comes on them belongs to the snapshot."""
        self._unsent: list[tuple[ChannelPlace, HoldingWriter]] = []

    @property
    def is_complete(self) -> bool:
        """Every input has delivered the barrier, every output has sent it."""
        return not self.awaited and not self._unsent

    def add_input(self, place: ChannelPlace, batch: Batch) -> None:
        """A batch that has arrived."""
        self.entries.append(InFlight(place, True, dump_records((batch.values, batch.timestamps))))

    def add_outputs(self, place: ChannelPlace, batches: list[Batch]) -> None:
        """Batches that are not sent yet."""
        for batch in batches:
            self.entries.append(InFlight(place, False, dump_records((batch.values, batch.timestamps))))

    def await_sending(self, place: ChannelPlace, writer: HoldingWriter) -> None:
        """The barrier waits behind batches; it may overtake them later."""
        self._unsent.append((place, writer))

    def push_barriers(self, now_ms: int) -> None:
        """See which waiting barriers have left, and let them overtake when it is time."""
        if self._unsent:
            self._unsent = list(self._still_unsent(now_ms))

    def _still_unsent(self, now_ms: int) -> Iterator[tuple[ChannelPlace, HoldingWriter]]:
        for place, writer in self._unsent:
            if not writer.is_holding(self.barrier):
                continue
            if self.barrier.may_overtake(now_ms):
                self.add_outputs(place, writer.pull_forward(self.barrier))
            else:
                yield place, writer
