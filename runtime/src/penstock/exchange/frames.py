"""Bytes of channel elements between slots: a fixed header, then the body. Used by `connection` and `network`.

Bodies of batches are pickles, so frames are only ever read from authenticated peers (Decision 15): a unix socket of
mode 0600, or TCP under mutual TLS.
"""

import pickle
import struct
from enum import IntEnum
from typing import Any

import cloudpickle

from penstock.control.barrier import Barrier
from penstock.exchange.elements import (
    END_OF_PARTITION,
    ChannelId,
    Element,
    EndOfData,
    Idleness,
    LatencyMarker,
    Watermark,
)
from penstock.operators.contract import Batch

HEADER = struct.Struct("<IBHII")
"""Body length, kind, edge, source subtask, target subtask."""
MAX_BODY = 1 << 30
"""A longer body means a broken or foreign peer."""


class FrameKind(IntEnum):
    """The header's second field."""

    HELLO = 1
    """JSON: who opens the connection and for which attempt."""
    BATCH = 2
    WATERMARK = 3
    IDLENESS = 4
    BARRIER = 5
    END_OF_DATA = 6
    END_OF_PARTITION = 7
    CREDIT = 8
    """Receiver to sender: so many more batches may come."""
    END_ACKNOWLEDGED = 9
    """Receiver to sender: all of the channel has arrived."""
    LATENCY_MARKER = 10


class UnsendableRecord(TypeError):
    """A record that cannot travel to another slot."""


_TIME = struct.Struct("<q")
_COUNT = struct.Struct("<I")


def frame(kind: FrameKind, channel: ChannelId, body: bytes = b"") -> bytes:
    """A whole frame."""
    return HEADER.pack(len(body), kind, *channel) + body


def credit_frame(channel: ChannelId, count: int) -> bytes:
    """Grant the sender `count` more batches."""
    return frame(FrameKind.CREDIT, channel, _COUNT.pack(count))


def read_credit(body: bytes) -> int:
    """The count of a credit frame."""
    count: int = _COUNT.unpack(body)[0]
    return count


def element_frame(channel: ChannelId, element: Element) -> bytes:
    """The frame of an element."""
    if isinstance(element, Batch):
        return frame(FrameKind.BATCH, channel, dump_records((element.values, element.timestamps)))
    if isinstance(element, Watermark):
        return frame(FrameKind.WATERMARK, channel, _TIME.pack(element.timestamp))
    if isinstance(element, Idleness):
        return frame(FrameKind.IDLENESS, channel, b"\x01" if element.is_idle else b"\x00")
    if isinstance(element, Barrier):
        return frame(FrameKind.BARRIER, channel, pickle.dumps(element, 5))
    if isinstance(element, LatencyMarker):
        return frame(FrameKind.LATENCY_MARKER, channel, pickle.dumps(element, 5))
    if isinstance(element, EndOfData):
        return frame(FrameKind.END_OF_DATA, channel, b"\x01" if element.is_drain else b"\x00")
    return frame(FrameKind.END_OF_PARTITION, channel)


def read_element(kind: FrameKind, body: bytes) -> Element:
    """The element of a frame; ValueError for a frame that holds none."""
    if kind is FrameKind.BATCH:
        return load_records(body)
    if kind is FrameKind.WATERMARK:
        return Watermark(_TIME.unpack(body)[0])
    if kind is FrameKind.IDLENESS:
        return Idleness(body == b"\x01")
    if kind in (FrameKind.BARRIER, FrameKind.LATENCY_MARKER):
        pickled: Barrier | LatencyMarker = pickle.loads(body)
        return pickled
    if kind is FrameKind.END_OF_DATA:
        return EndOfData(body == b"\x01")
    if kind is FrameKind.END_OF_PARTITION:
        return END_OF_PARTITION
    raise ValueError(f"a frame of kind {kind!r} holds no element")


def load_records(body: bytes) -> Batch:
    """The batch of such bytes."""
    values, timestamps = pickle.loads(body)
    return Batch(values, timestamps)


def dump_records(content: Any) -> bytes:
    """Values and timestamps as bytes; UnsendableRecord for what cannot be."""
    try:
        return pickle.dumps(content, 5)
    except (pickle.PicklingError, AttributeError, TypeError):
        pass
    try:
        # Classes that main defined inside a function have no importable name: they travel by value.
        by_value: bytes = cloudpickle.dumps(content, 5)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise UnsendableRecord(
            f"a record cannot travel to another subtask: {error}. Emit plain values or instances of classes, "
            "no open files, locks or generators"
        ) from error
    return by_value
