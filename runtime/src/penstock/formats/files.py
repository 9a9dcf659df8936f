"""What a format of whole files promises to the file source, and the line formats.

`FileFormat.read` runs in a reader's thread and gives items with the position after each; `decode` runs in the
task. A position is the format's own count (bytes of the decompressed file, or records): a read that begins at
a position goes on with exactly the item after it. Formats never open files: they are handed a `FileInput`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any, BinaryIO, Protocol

from penstock.formats.lines import JsonLines, LineDecoder, TextLines

CHUNK_BYTES = 1 << 20


@dataclass(slots=True)
class Records:
    """Items in order, with the position after each."""

    items: list[Any]
    ends: Sequence[int]


class FileInput(Protocol):
    """One file or a range of one."""

    @property
    def path(self) -> str:
        """The file's name, for messages."""
        ...

    @property
    def start(self) -> int:
        """Where the range begins."""
        ...

    @property
    def end(self) -> int | None:
        """Where the range ends; None for the file's end."""
        ...

    def stream(self, offset: int = 0) -> BinaryIO:
        """Decompressed bytes from `offset` on. The caller closes it."""
        ...

    def random(self) -> BinaryIO:
        """The bytes as they are stored, seekable; an error for a compressed file. The caller closes it."""
        ...


class FileFormat(Protocol):
    """How a file becomes records. Travels by cloudpickle."""

    @property
    def is_splittable(self) -> bool:
        """Whether a large file may be read from its middle."""
        ...

    def read(self, source: FileInput, position: int) -> Iterator[Records]:
        """All items after `position`, in order."""
        ...

    def decode(self, items: list[Any]) -> list[Any]:
        """Items to records, those to be ignored left out; ValueError naming what is wrong."""
        ...


class StreamFormat:
    """A format that is read from its beginning on (PyFlink's `StreamFormat`)."""

    is_splittable = False

    @staticmethod
    def text_line_format(charset_name: str = "UTF-8") -> "StreamFormat":
        """Lines of text."""
        return LineFormat(TextLines(charset_name))

    @staticmethod
    def json_line_format(ignore_parse_errors: bool = False) -> "StreamFormat":
        """Lines of JSON (not in PyFlink)."""
        return LineFormat(JsonLines(ignore_parse_errors))

    def read(self, source: FileInput, position: int) -> Iterator[Records]:
        """Every format reads in its own way."""
        raise TypeError(f"{type(self).__name__} does not override read")

    def decode(self, items: list[Any]) -> list[Any]:
        """Items are records unless told otherwise."""
        return items


class BulkFormat:
    """A format that is read block by block and needs the whole file (PyFlink's `BulkFormat`)."""

    is_splittable = False

    def read(self, source: FileInput, position: int) -> Iterator[Records]:
        """Every format reads in its own way."""
        raise TypeError(f"{type(self).__name__} does not override read")

    def decode(self, items: list[Any]) -> list[Any]:
        """Items are records unless told otherwise."""
        return items


@dataclass(frozen=True)
class LineFormat(StreamFormat):
    """Lines; a position is a byte offset at the start of a line."""

    decoder: LineDecoder = field(default_factory=TextLines)
    is_splittable = True

    def read(self, source: FileInput, position: int) -> Iterator[Records]:
        """The lines that begin at `position` or later and before the range's end."""
        is_inside = position == source.start > 0
        # The line that spans the range's start belongs to the range before: drop up to the first line end.
        offset = position - 1 if is_inside else position
        for lines, end in line_chunks(source, offset):
            begin = offset
            ends = list(accumulate((len(line) + 1 for line in lines), initial=begin))[1:]
            ends[-1] = offset = end
            if is_inside:
                is_inside, begin = False, ends[0]
                lines, ends = lines[1:], ends[1:]
            if source.end is not None and end > source.end:
                kept = sum(1 for start in (begin, *ends[:-1]) if start < source.end)
                lines, ends = lines[:kept], ends[:kept]
            if lines:
                yield Records(lines, ends)
            if source.end is not None and end >= source.end:
                return

    def decode(self, items: list[Any]) -> list[Any]:
        """Decode the lines."""
        return self.decoder(items)


def line_chunks(source: FileInput, offset: int) -> Iterator[tuple[list[bytes], int]]:
    """Whole lines without their ends, and the offset after them."""
    rest: list[bytes] = []
    with source.stream(offset) as stream:
        while data := stream.read(CHUNK_BYTES):
            offset += len(data)
            whole, newline, tail = data.rpartition(b"\n")
            if not newline:
                rest.append(data)
                continue
            lines = b"".join((*rest, whole)).split(b"\n")
            rest = [tail]
            yield lines, offset - len(tail)
    last = b"".join(rest)
    if last:
        yield [last], offset  # the last line of a file may lack its line end
