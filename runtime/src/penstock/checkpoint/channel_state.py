"""Bytes of the records in flight of one task in an unaligned snapshot: a small object of its own beside the state objects.

Written by `taskmanager.snapshots` in upload threads, read by `taskmanager.restored_channels`. Knows which channel a
batch was in, never what is in it; only snapshots of the same job read it, through `keyed_io`'s packing.
"""

from collections.abc import Iterable

import msgspec

from penstock.state.errors import StateUnreadable


class StoredBatch(msgspec.Struct, frozen=True, array_like=True):
    """A batch with its channel. `is_input`: stored by its receiver, else by its sender."""

    edge: str
    is_input: bool
    source: int
    target: int
    sources: int
    targets: int
    body: bytes


_DECODER = msgspec.msgpack.Decoder(list[StoredBatch])


def dump_channels(batches: Iterable[StoredBatch]) -> bytes:
    """The object's bytes."""
    return msgspec.msgpack.encode(list(batches))


def load_channels(data: bytes, where: str) -> list[StoredBatch]:
    """The batches, in the order in which they were in their channels; `where` names the object in the error."""
    try:
        return _DECODER.decode(data)
    except msgspec.DecodeError as error:
        raise StateUnreadable(f"{where} is damaged: {error}") from error
