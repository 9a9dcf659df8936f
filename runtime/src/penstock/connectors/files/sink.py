"""The file sink: rows in part files by bucket, each visible exactly once, when its checkpoint is complete.

Built by the DataStream API, driven by the sink operator through `connectors.contract`. A part ends at every
checkpoint, and before that when it reaches its size.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from penstock.connectors.contract import SinkContext
from penstock.connectors.files.buckets import BasePath, BucketAssigner, PartNames
from penstock.connectors.files.parts import (
    OpenPart,
    PreparedPart,
    commit_part,
    open_part,
    parse_prepared,
    remove_leftovers,
)
from penstock.filesystems.port import FileSystem
from penstock.filesystems.registry import open_filesystem
from penstock.formats.lines import RecordEncoder, SimpleStringEncoder
from penstock.operators.contract import Batch

DEFAULT_PART_BYTES = 128 << 20


@dataclass(frozen=True, slots=True)
class FileSink:
    """A file sink (a `connectors.contract.Sink`)."""

    base_path: str
    encoder: RecordEncoder = field(default_factory=SimpleStringEncoder)
    bucket: BucketAssigner = field(default_factory=BasePath)
    part_prefix: str = "part"
    part_suffix: str = ""
    part_bytes: int = DEFAULT_PART_BYTES

    def create_writer(self) -> "FileWriter":
        """A writer for one subtask."""
        return FileWriter(self)

    def create_committer(self) -> "FileCommitter":
        """The committer."""
        return FileCommitter(self)


class FileWriter:
    """Writes parts; hands them over at the barrier."""

    def __init__(self, sink: FileSink) -> None:
        self._sink = sink
        self._filesystem: FileSystem | None = None
        self._names: PartNames | None = None
        self._open: dict[str, OpenPart] = {}
        self._full: list[PreparedPart] = []
        self._number = 0

    def open(self, ctx: SinkContext, states: Sequence[Mapping[str, Any]], checkpoint_id: int | None) -> None:
        """Remove what earlier attempts left unfinished; their prepared parts were committed before."""
        sink = self._sink
        self._filesystem = open_filesystem(sink.base_path, ctx.configuration)
        self._names = names = PartNames(
            prefix=sink.part_prefix,
            suffix=sink.part_suffix,
            job=ctx.job_id[:8],
            attempt=ctx.attempt,
            subtask=ctx.subtask_index,
            writer=uuid.uuid4().hex[:8],
        )
        remove_leftovers(
            self._filesystem, sink.base_path, lambda name: names.is_leftover(name, ctx.parallelism)
        )

    def write(self, batch: Batch) -> None:
        """Append each record to the part of its bucket."""
        encode, bucket_of = self._sink.encoder, self._sink.bucket
        rows: dict[str, list[bytes]] = {}
        for value in batch.values:
            rows.setdefault(bucket_of(value), []).append(encode(value))
        for bucket, encoded in rows.items():
            part = self._open.get(bucket)
            if part is None:
                part = self._open[bucket] = self._new_part(bucket)
            part.write(b"".join(encoded))
            if part.size >= self._sink.part_bytes:
                self._full.append(self._open.pop(bucket).prepare())

    def flush(self) -> None:
        """Nothing becomes visible before a commit; what is durable before it is of no use."""

    def prepare_commit(self, checkpoint_id: int) -> list[dict[str, Any]]:
        """End every part."""
        prepared = [*self._full, *(part.prepare() for part in self._open.values())]
        self._full, self._open = [], {}
        return [part.model_dump() for part in prepared]

    def snapshot(self) -> list[dict[str, Any]]:
        """No state: parts never outlive a barrier."""
        return []

    def close(self) -> None:
        """Remove open parts; prepared ones belong to their checkpoint. Full ones go at the next start."""
        for part in self._open.values():
            try:
                part.discard()
            except OSError:
                continue  # close must not raise; the next attempt removes leftovers
        self._open = {}

    def _new_part(self, bucket: str) -> OpenPart:
        if self._filesystem is None or self._names is None:
            raise RuntimeError("the file sink's writer is used before open()")
        folder = "/".join(part for part in (self._sink.base_path.rstrip("/"), bucket.strip("/")) if part)
        path = f"{folder}/{self._names.name(self._number)}"
        self._number += 1
        return open_part(self._filesystem, path)


class FileCommitter:
    """Makes prepared parts visible."""

    def __init__(self, sink: FileSink) -> None:
        self._sink = sink
        self._filesystem: FileSystem | None = None

    def open(self, ctx: SinkContext) -> None:
        """Learn how to reach the file system."""
        self._filesystem = open_filesystem(self._sink.base_path, ctx.configuration)

    def commit(self, committables: Sequence[Mapping[str, Any]]) -> None:
        """Commit each part; safe to repeat."""
        if self._filesystem is None:
            raise RuntimeError("the file sink's committer is used before open()")
        for committable in committables:
            commit_part(self._filesystem, parse_prepared(committable))

    def close(self) -> None:
        """File systems are shared by the process: nothing to release."""
