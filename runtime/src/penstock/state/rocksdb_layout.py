"""How keyed state lies in a database: key group, table, then the entry; and a stored database read in canonical form.

A key is group (2 bytes) + table id (2) + entry; of a timer the entry starts with its time, so that timers lie in order.
Table ids are given out per database: their names stand under `TABLE_IDS`. Used by the backend, by checkpoints that turn
a database into canonical chunks, and by tools.
"""

import struct
from collections.abc import Callable, Iterator, Mapping
from itertools import groupby
from typing import Any, Protocol

from penstock.state.codec import dump_state, dump_value, load_state
from penstock.state.entries import (
    decode_namespace,
    decode_plain_key,
    decode_value,
    encode_namespace,
    is_plain_key,
    split_stored_key,
    stored_key,
)
from penstock.state.frames import FRAME_ENTRIES, FrameKind, framed
from penstock.state.timers import Timer

TABLE_IDS = b"\xff\xff"
"""Prefix, above every key group, of the entries name → table id."""
EVENT_TIMERS, PROCESSING_TIMERS = 0xFFFE, 0xFFFF
"""Table ids of timers."""
FIRST_TABLE = 1
_GROUP = struct.Struct(">H")
_PREFIX = struct.Struct(">HH")
_TIME = struct.Struct(">Q")
_SIGN = 1 << 63
Raw = tuple[bytes, bytes]


class Ordered(Protocol):
    """Raw content in order: an open database or a stored one."""

    def items(self, start: bytes, end: bytes) -> Iterator[Raw]:
        """From `start` to `end`, which is excluded."""


def group_prefix(group: int) -> bytes:
    """What all keys of a key group start with; of the group above the last one: where they end."""
    return _GROUP.pack(group)


def table_prefix(group: int, table_id: int) -> bytes:
    """What all keys of a table in a group start with."""
    return _PREFIX.pack(group, table_id)


def table_end(group: int, table_id: int) -> bytes:
    """The first key behind a table in a group."""
    return _PREFIX.pack(group, table_id + 1) if table_id < PROCESSING_TIMERS else _GROUP.pack(group + 1)


def read_table_ids(database: Ordered) -> dict[str, int]:
    """Name → table id."""
    found = database.items(TABLE_IDS, TABLE_IDS + b"\xff" * 8)
    return {key[len(TABLE_IDS) :].decode(): _GROUP.unpack(value)[0] for key, value in found}


def table_id_entry(name: str, table_id: int) -> Raw:
    """What records a table's id."""
    return TABLE_IDS + name.encode(), _GROUP.pack(table_id)


def timer_entry(timestamp: int, canonical: bytes, namespace: Any) -> bytes:
    """A timer's key within its group and kind; in order of time."""
    return _TIME.pack(timestamp + _SIGN) + stored_key(canonical, encode_namespace(namespace))


def timer_value(key: Any) -> bytes:
    """What is stored for a timer: its key, unless the entry says it."""
    return b"" if is_plain_key(key) else dump_value(key)


def decode_timer(entry: bytes, value: bytes, where: str) -> Timer:
    """The timer of an entry."""
    canonical, namespace = split_stored_key(entry[_TIME.size :], where)
    key = load_state(value, where) if value else decode_plain_key(canonical)
    return _TIME.unpack_from(entry)[0] - _SIGN, key, decode_namespace(namespace, where)


def canonical_chunks(
    database: Ordered, first: int, last: int, where: str, filters: Mapping[str, Callable[[Any], bool]]
) -> Iterator[tuple[int, bytes]]:
    """(key group, chunk) of each group from `first` to `last` that is not empty; without values that are not live."""
    names = {table_id: name for name, table_id in read_table_ids(database).items()}
    for group in range(first, last + 1):
        parts = list(_group_frames(database, group, names, where, filters))
        if parts:
            yield group, b"".join(parts)


def _group_frames(
    database: Ordered,
    group: int,
    names: Mapping[int, str],
    where: str,
    filters: Mapping[str, Callable[[Any], bool]],
) -> Iterator[bytes]:
    found = database.items(group_prefix(group), group_prefix(group + 1))
    for table_id, items in groupby(found, key=_table_of):
        name = names.get(table_id, "")
        kind = FrameKind.RAW
        read: Callable[[bytes, bytes, str], Any] = _entry
        if table_id in (EVENT_TIMERS, PROCESSING_TIMERS):
            kind = FrameKind.EVENT if table_id == EVENT_TIMERS else FrameKind.PROCESSING
            read = _timer
        is_live = filters.get(name)
        some: list[Any] = []
        for key, value in items:
            if is_live is not None and not is_live(decode_value(value, where)):
                continue
            some.append(read(key, value, where))
            if len(some) == FRAME_ENTRIES:
                yield framed(dump_state((str(kind), name, some)))
                some = []
        if some:
            yield framed(dump_state((str(kind), name, some)))


def _table_of(item: Raw) -> int:
    table_id: int = _PREFIX.unpack_from(item[0])[1]
    return table_id


def _entry(key: bytes, value: bytes, _where: str) -> Any:
    return key[_PREFIX.size :], value


def _timer(key: bytes, value: bytes, where: str) -> Any:
    return decode_timer(key[_PREFIX.size :], value, where)
