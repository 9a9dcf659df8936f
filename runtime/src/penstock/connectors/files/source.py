"""The file source: reads whole files, or ranges of large ones, one after the other in each subtask.

A position belongs to the format (a byte offset, a number of records), so a restored reader goes on exactly
after the last record it gave. Reading happens in a thread; decoding in the task, batch by batch.
"""

import gzip
import lzma
import zlib
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from penstock.connectors.contract import ReaderContext, SourceBatch, Split
from penstock.connectors.definition import SourceDefinition
from penstock.connectors.feed import Feed
from penstock.connectors.files.input import FileRange
from penstock.filesystems.errors import FileMissing, FileSystemError
from penstock.filesystems.registry import open_filesystem
from penstock.formats.files import FileFormat, LineFormat
from penstock.formats.lines import LineDecoder
from penstock.graph.jobgraph import Boundedness
from penstock.operators.contract import Batch

_QUEUED_CHUNKS = 4
DEFAULT_SPLIT_BYTES = 64 << 20


@dataclass(slots=True)
class _Items:
    """Items of one file with the position after each; no items mean the file's end."""

    split_id: str
    items: list[Any]
    ends: Sequence[int]


class FileReader:
    """A `SourceReader` over files."""

    def __init__(self, form: FileFormat) -> None:
        self._format = form
        self._splits: dict[str, Split] = {}
        self._to_read: deque[Split] = deque()
        self._is_complete = False
        self._ctx: ReaderContext | None = None
        self._feed: Feed[_Items] | None = None
        self._rest: _Items | None = None
        self._last: tuple[str, list[int], int | None] = ("", [], None)
        """Of the batch that `poll` returned last: its file, where each record begins, how many were before it."""
        self._read: dict[str, int] = {}
        """Records that were read of the present file, where that was from its beginning."""

    def open(self, ctx: ReaderContext) -> None:
        """Nothing is read before a split comes."""
        self._ctx = ctx

    def add_splits(self, splits: Sequence[Split]) -> None:
        """Queue the files; the thread starts with the first."""
        for split in splits:
            self._splits[split["id"]] = dict(split)
            self._to_read.append(dict(split))
        self._start_next()

    def no_more_splits(self) -> None:
        """The queue is final."""
        self._is_complete = True
        self._wake()

    def poll(self, max_records: int) -> SourceBatch | None:
        """Records of the file that is being read."""
        while True:
            chunk = self._rest or (self._feed.take() if self._feed else None)
            self._rest = None
            if chunk is None:
                return None
            if not chunk.items:
                del self._splits[chunk.split_id]
                self._stop_feed()
                self._start_next()
                self._wake()
                continue
            items, ends = chunk.items, chunk.ends
            if len(items) > max_records:
                self._rest = _Items(chunk.split_id, items[max_records:], ends[max_records:])
                items, ends = items[:max_records], ends[:max_records]
            values = self._decode(chunk.split_id, items, ends)
            self._note_place(chunk.split_id, ends, is_exact=len(values) == len(items))
            self._splits[chunk.split_id]["position"] = ends[-1]
            if values:
                return SourceBatch(chunk.split_id, Batch(values))

    def where(self, index: int) -> str | None:
        """File and place of a record of the last batch, and its number where the file was read from its beginning."""
        path, starts, number = self._last
        if index >= len(starts):
            return None
        counted = "" if number is None else f", record {number + index + 1}"
        return f"file {path}{counted}, position {starts[index]}"

    def _note_place(self, split_id: str, ends: Sequence[int], is_exact: bool) -> None:
        split = self._splits[split_id]
        position, read = split["position"], self._read.get(split_id)
        if read is None and position == 0:
            read = 0
        if read is not None:
            self._read = {split_id: read + len(ends)}
        starts = [position, *ends[:-1]] if is_exact else []
        self._last = (str(split.get("path", split_id)), starts, read)

    def wants_splits(self) -> bool:
        """True when every file is read and more may come."""
        return not self._splits and not self._is_complete

    def is_finished(self) -> bool:
        """True when every file is read and none will come."""
        return not self._splits and self._is_complete

    def split_ids(self) -> set[str]:
        """The unfinished splits."""
        return set(self._splits)

    def snapshot(self) -> list[Split]:
        """The unfinished files with their positions."""
        return [dict(split) for split in self._splits.values()]

    def notify_complete(self, checkpoint_id: int) -> None:
        """Files stay where they are."""

    def close(self) -> None:
        """Stop the thread."""
        self._stop_feed()

    def _decode(self, split_id: str, items: list[Any], ends: Sequence[int]) -> list[Any]:
        try:
            return self._format.decode(items)
        except ValueError as error:
            position = self._splits[split_id]["position"]
            path = self._splits[split_id].get("path", split_id)
            for item, end in zip(items, ends, strict=True):
                try:
                    self._format.decode([item])
                except ValueError as first:
                    raise ValueError(f"{path}, the record after position {position}: {first}") from first
                position = end
            raise ValueError(f"{path}, between {position} and {ends[-1]}: {error}") from error

    def _start_next(self) -> None:
        if self._feed is not None or not self._to_read or self._ctx is None:
            return
        split, ctx = self._to_read.popleft(), self._ctx
        read = _FileRead(split, self._format, ctx.configuration)
        self._feed = Feed(f"files-{ctx.subtask_index}", read.fill, ctx.wake, _QUEUED_CHUNKS)
        self._feed.start()

    def _stop_feed(self) -> None:
        if self._feed is not None:
            self._feed.stop()
            self._feed = None

    def _wake(self) -> None:
        if self._ctx is not None:
            self._ctx.wake()


@dataclass(frozen=True, slots=True)
class _FileRead:
    split: Split
    format: FileFormat
    configuration: Mapping[str, str]

    def fill(self, feed: Feed[_Items]) -> None:
        """Read the file to its end, chunk by chunk."""
        split = self.split
        path = str(split.get("path", split["id"]))
        filesystem = open_filesystem(path, self.configuration)
        size = split.get("size")
        if size is None:
            size = filesystem.size(path)
        if size is None:
            raise FileMissing(f"file source: {path} was found, but is not there any more")
        source = FileRange(filesystem, path, size, split.get("start", 0), split.get("end"))
        try:
            for records in self.format.read(source, split["position"]):
                if records.items:
                    feed.put(_Items(split["id"], records.items, records.ends))
        except (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile) as error:
            raise FileSystemError(f"{path}: the compressed data are damaged or cut short: {error}") from error
        feed.put(_Items(split["id"], [], []))


@dataclass(frozen=True, slots=True)
class _FileReaderFactory:
    format: FileFormat

    def __call__(self) -> FileReader:
        return FileReader(self.format)


@dataclass(frozen=True, slots=True)
class FileSourceSettings:
    """What a file source is built of."""

    paths: Sequence[str]
    format: FileFormat = field(default_factory=LineFormat)
    monitor_interval_seconds: float | None = None
    """How often to look for new files; None: those of the start, then the end."""
    split_bytes: int | None = None
    """Files of a splittable format above this are read in ranges; None: whole files."""

    def definition(self) -> SourceDefinition:
        """The source."""
        interval = self.monitor_interval_seconds
        return SourceDefinition(
            "files",
            {
                "paths": list(self.paths),
                "interval_seconds": interval,
                "split_bytes": self.split_bytes if self.format.is_splittable else None,
            },
            Boundedness.BOUNDED if interval is None else Boundedness.CONTINUOUS_UNBOUNDED,
            _FileReaderFactory(self.format),
        )


def file_source(
    paths: Sequence[str], decode: LineDecoder | None = None, monitor_interval_seconds: float | None = None
) -> SourceDefinition:
    """A source of the lines of files: what is there, or with an interval also what comes."""
    form = LineFormat(decode) if decode is not None else LineFormat()
    return FileSourceSettings(paths, form, monitor_interval_seconds).definition()
