"""What travels in a channel, in order: batches of records and control elements. Made by `edge_writer`, read by the task."""

from dataclasses import dataclass

from penstock.control.barrier import Barrier
from penstock.operators.contract import Batch


@dataclass(slots=True, frozen=True)
class Watermark:
    """Event time of the channel has reached `timestamp`."""

    timestamp: int


@dataclass(slots=True, frozen=True)
class Idleness:
    """The channel is idle (it holds no watermark back), or active again."""

    is_idle: bool


@dataclass(slots=True, frozen=True)
class EndOfData:
    """No more records; barriers may follow. `is_drain`: a stop barrier follows, so do not finish yet."""

    is_drain: bool = False


@dataclass(slots=True, frozen=True)
class EndOfPartition:
    """The channel is closed; it counts as aligned from now on."""


@dataclass(slots=True, frozen=True)
class LatencyMarker:
    """Left a source at `marked_ms`, the wall clock's milliseconds; keeps its place among the records of one channel."""

    marked_ms: int
    source_id: str
    source_subtask: int


Element = Batch | Watermark | Idleness | Barrier | EndOfData | EndOfPartition | LatencyMarker
ChannelId = tuple[int, int, int]
"""Edge (its place in the deployment's list), source subtask, target subtask."""
END_OF_PARTITION = EndOfPartition()
"""The only one that is needed."""
EXCHANGE_BATCH = 2048
"""Records in a full batch; measured: the cost per batch is then well under one percent of the cost per record."""
CHANNEL_CREDITS = 4
"""Batches that a channel may hold at its receiver: enough to overlap two processes, few enough to keep memory flat."""
