"""State objects of one subtask: written from frozen state by upload threads, read back by key-group range at restore.

Called by `taskmanager.snapshots` (any thread) and `taskmanager.restored` (task thread). Knows bytes and offsets, never
values. A chunk is a byte that says how it is packed, then the bytes of one key group; an empty group has no bytes.
"""

import zlib
from collections.abc import Iterator, Mapping

from penstock.filesystems.port import FileSystem
from penstock.state.errors import StateUnreadable
from penstock_api.manifest import KeyedObject, StateObject

_PLAIN, _DEFLATED = b"\x00", b"\x01"
_WORTH_PACKING = 512
"""Shorter chunks are stored as they are."""


def join(location: str, path: str) -> str:
    """An object's full path: `path` itself when absolute, else under the folder `location`."""
    return path if "://" in path or path.startswith("/") else f"{location.rstrip('/')}/{path}"


def pack(data: bytes) -> bytes:
    """A chunk of these bytes."""
    if len(data) >= _WORTH_PACKING:
        packed = zlib.compress(data, 1)
        if len(packed) < len(data):
            return _DEFLATED + packed
    return _PLAIN + data


def unpack(chunk: bytes, where: str) -> bytes:
    """The bytes of a chunk; `where` names its object in the error."""
    kind, body = chunk[:1], chunk[1:]
    if kind == _PLAIN:
        return body
    if kind == _DEFLATED:
        try:
            return zlib.decompress(body)
        except zlib.error as error:
            raise StateUnreadable(f"{where} is damaged: {error}") from error
    raise StateUnreadable(f"{where} is damaged: it has no known packing")


def write_keyed(
    filesystem: FileSystem, location: str, path: str, groups: tuple[int, int], chunks: Mapping[int, bytes]
) -> KeyedObject | None:
    """Store the chunks (by key group minus the first) as one object; None, and nothing is written, without any."""
    if not chunks:
        return None
    first, last = groups
    parts: list[bytes] = []
    offsets: list[int] = []
    position = 0
    for index in range(last - first + 1):
        offsets.append(position)
        data = chunks.get(index)
        if data is not None:
            parts.append(pack(data))
            position += len(parts[-1])
    filesystem.write(join(location, path), b"".join(parts))
    return KeyedObject(object=StateObject(path=path, size=position), first=first, last=last, offsets=offsets)


def read_keyed(
    filesystem: FileSystem, location: str, stored: KeyedObject, first: int, last: int
) -> Iterator[tuple[int, bytes]]:
    """The bytes of each key group of the object that lies in `first` to `last` and is not empty."""
    low, high = max(first, stored.first), min(last, stored.last)
    if low > high:
        return
    ends = [*stored.offsets[1:], stored.object.size]
    start = stored.offsets[low - stored.first]
    length = ends[high - stored.first] - start
    if length == 0:
        return
    path = join(location, stored.object.path)
    data = filesystem.read_range(path, start, length)
    if len(data) != length:
        raise StateUnreadable(f"{path} is too short: {len(data)} bytes from {start} instead of {length}")
    for group in range(low, high + 1):
        begin, end = stored.offsets[group - stored.first] - start, ends[group - stored.first] - start
        if end > begin:
            yield group, unpack(data[begin:end], path)


def write_blob(filesystem: FileSystem, location: str, path: str, data: bytes) -> StateObject:
    """Store operator state."""
    chunk = pack(data)
    filesystem.write(join(location, path), chunk)
    return StateObject(path=path, size=len(chunk))


def read_blob(filesystem: FileSystem, location: str, stored: StateObject) -> bytes:
    """Read operator state."""
    path = join(location, stored.path)
    return unpack(filesystem.read(path), path)
