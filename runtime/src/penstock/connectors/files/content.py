"""What a part of the file sink is filled by: rows one after the other, or a bulk format's writer. Used by the writer."""

import io
from collections.abc import Callable, Sequence
from typing import Any, BinaryIO, Protocol, cast

from penstock.common.serialization import BulkWriter, BulkWriterFactory
from penstock.connectors.files.parts import OpenPart


class PartContent(Protocol):
    """Records into one part."""

    def add(self, values: Sequence[Any]) -> None:
        """Take records; a bulk format may hold them back."""
        ...

    def finish(self) -> None:
        """All of it is in the part."""
        ...


class RowContent:
    """Encoded rows."""

    def __init__(self, part: OpenPart, encode: Callable[[Any], bytes]) -> None:
        self._part = part
        self._encode = encode

    def add(self, values: Sequence[Any]) -> None:
        """Append their bytes with one write."""
        self._part.write(b"".join(map(self._encode, values)))

    def finish(self) -> None:
        """Rows need no end."""


class BulkContent:
    """A bulk format's file."""

    def __init__(self, part: OpenPart, factory: BulkWriterFactory) -> None:
        self._writer: BulkWriter = factory.create(cast(BinaryIO, _PartStream(part)))

    def add(self, values: Sequence[Any]) -> None:
        """Hand them to the format."""
        self._writer.add(values)

    def finish(self) -> None:
        """The format writes its end."""
        self._writer.finish()


class _PartStream(io.RawIOBase):
    """A part as a stream that can only be written to."""

    def __init__(self, part: OpenPart) -> None:
        super().__init__()
        self._part = part

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        plain = bytes(data)
        self._part.write(plain)
        return len(plain)

    def tell(self) -> int:
        return self._part.size


def begin_content(
    part: OpenPart, encode: Callable[[Any], bytes] | None, factory: BulkWriterFactory | None
) -> PartContent:
    """Content for an empty part, by the encoder or the bulk format."""
    if factory is not None:
        return BulkContent(part, factory)
    if encode is None:
        raise ValueError("the file sink has neither an encoder nor a bulk format")
    return RowContent(part, encode)
