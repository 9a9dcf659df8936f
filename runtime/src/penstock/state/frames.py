"""The canonical form of keyed state: what one key group holds, as frames that any backend writes and reads.

Made and read by the backends, kept as chunks by `checkpoint.keyed_io`, read by tools. A chunk is a row of frames; a frame
is its length, then a pickled (kind, state name, content). Small frames keep the pause between two of them short.
"""

import struct
from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import Any, NamedTuple

from penstock.state.codec import load_state
from penstock.state.errors import StateUnreadable

_LENGTH = struct.Struct("<I")
FRAME_ENTRIES = 500
"""About this many values a frame: less than a millisecond."""


class FrameKind(StrEnum):
    """What a frame's content is."""

    PLAIN = "plain"
    """A dict key → value, of the namespace None."""
    SPACED = "spaced"
    """A list of (namespace, dict key → value)."""
    RAW = "raw"
    """A list of (stored key, stored value) as `state.entries` encodes them."""
    EVENT = "event"
    """A list of event timers (time, key, namespace)."""
    PROCESSING = "processing"
    """A list of processing timers."""


class Frame(NamedTuple):
    """One frame, loaded. `name` is empty for timers."""

    kind: str
    name: str
    content: Any


def framed(data: bytes) -> bytes:
    """The bytes of one frame, given its pickle."""
    return _LENGTH.pack(len(data)) + data


def split_frames(chunk: bytes, where: str) -> Iterator[bytes]:
    """The pickles in a chunk; StateUnreadable if it is cut short."""
    position = 0
    while position < len(chunk):
        try:
            (size,) = _LENGTH.unpack_from(chunk, position)
        except struct.error as error:
            raise StateUnreadable(f"state of {where} is damaged: {error}") from error
        position += _LENGTH.size
        if position + size > len(chunk):
            raise StateUnreadable(f"state of {where} is damaged: a frame of {size} bytes is cut short")
        yield chunk[position : position + size]
        position += size


def load_frame(data: bytes, where: str, load: Callable[[bytes, str], Any] = load_state) -> Frame:
    """One frame with its values; StateIncompatible where a class of theirs is gone or changed."""
    loaded = load(data, where)
    if not isinstance(loaded, tuple) or len(loaded) != len(Frame._fields):
        raise StateUnreadable(f"state of {where} is damaged: it is not in frames")
    return Frame(*loaded)
