"""The file source: reads lines of whole files, one file after the other in each subtask.

A position is a byte offset at the start of a line, so a restored reader goes on exactly after the last record
it gave. Reading and splitting happen in a thread; decoding in the task, batch by batch.
"""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

from penstock.connectors.contract import ReaderContext, SourceBatch, Split
from penstock.connectors.definition import SourceDefinition
from penstock.connectors.feed import Feed
from penstock.filesystems.registry import open_filesystem
from penstock.formats.lines import LineDecoder, TextLines
from penstock.graph.jobgraph import Boundedness
from penstock.operators.contract import Batch

_CHUNK_BYTES = 1 << 20
_QUEUED_CHUNKS = 4


@dataclass(slots=True)
class _Lines:
    """Lines of one file with the offset after each; no lines mean the file's end."""

    split_id: str
    lines: list[bytes]
    ends: list[int]


class FileReader:
    """A `SourceReader` over files."""

    def __init__(self, decode: LineDecoder) -> None:
        self._decode = decode
        self._splits: dict[str, Split] = {}
        self._to_read: deque[Split] = deque()
        self._is_complete = False
        self._ctx: ReaderContext | None = None
        self._feed: Feed[_Lines] | None = None
        self._rest: _Lines | None = None

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
            if not chunk.lines:
                del self._splits[chunk.split_id]
                self._stop_feed()
                self._start_next()
                self._wake()
                continue
            lines, ends = chunk.lines, chunk.ends
            if len(lines) > max_records:
                self._rest = _Lines(chunk.split_id, lines[max_records:], ends[max_records:])
                lines, ends = lines[:max_records], ends[:max_records]
            try:
                values = self._decode(lines)
            except ValueError as error:
                start = self._splits[chunk.split_id]["position"]
                raise ValueError(
                    f"{chunk.split_id}, between bytes {start} and {ends[-1]}: {error}"
                ) from error
            self._splits[chunk.split_id]["position"] = ends[-1]
            return SourceBatch(chunk.split_id, Batch(values))

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
        """The unfinished files with their offsets."""
        return [dict(split) for split in self._splits.values()]

    def notify_complete(self, checkpoint_id: int) -> None:
        """Files stay where they are."""

    def close(self) -> None:
        """Stop the thread."""
        self._stop_feed()

    def _start_next(self) -> None:
        if self._feed is not None or not self._to_read or self._ctx is None:
            return
        split, ctx = self._to_read.popleft(), self._ctx
        read = _FileRead(split["id"], split["position"], ctx.configuration)
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
    path: str
    start: int
    configuration: Mapping[str, str]

    def fill(self, feed: Feed[_Lines]) -> None:
        """Read the file to its end, chunk by chunk."""
        position = self.start
        for lines, end in self._chunks():
            ends = list(accumulate((len(line) + 1 for line in lines), initial=position))[1:]
            ends[-1] = position = end
            feed.put(_Lines(self.path, lines, ends))
        feed.put(_Lines(self.path, [], []))

    def _chunks(self) -> Iterator[tuple[list[bytes], int]]:
        filesystem = open_filesystem(self.path, self.configuration)
        offset, rest = self.start, b""
        while True:
            data = filesystem.read_range(self.path, offset, _CHUNK_BYTES)
            offset += len(data)
            if not data:
                if rest:
                    yield [rest], offset  # the last line of a file may lack its line end
                return
            whole, newline, tail = data.rpartition(b"\n")
            if not newline:
                rest += data
                continue
            lines = (rest + whole).split(b"\n")
            rest = tail
            yield lines, offset - len(rest)


@dataclass(frozen=True, slots=True)
class _FileReaderFactory:
    decode: LineDecoder

    def __call__(self) -> FileReader:
        return FileReader(self.decode)


def file_source(
    paths: Sequence[str], decode: LineDecoder | None = None, monitor_interval_seconds: float | None = None
) -> SourceDefinition:
    """A source of the lines of files: what is there, or with an interval also what comes."""
    return SourceDefinition(
        "files",
        {"paths": list(paths), "interval_seconds": monitor_interval_seconds},
        Boundedness.BOUNDED if monitor_interval_seconds is None else Boundedness.CONTINUOUS_UNBOUNDED,
        _FileReaderFactory(decode or TextLines()),
    )
