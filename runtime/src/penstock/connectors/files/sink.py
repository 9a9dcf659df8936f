"""The file sink: records in part files by bucket, each visible exactly once, when its checkpoint is complete.

Built by the DataStream API, driven by the sink operator through `connectors.contract`. When a part ends is the
rolling policy's to say; a part of rows may stay open over checkpoints, a part of a bulk format ends at each.
"""

import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from penstock.common.serialization import BulkWriterFactory, Encoder
from penstock.common.type_information import TypeInformation
from penstock.connectors.contract import SinkContext
from penstock.connectors.files.buckets import BasePath, BucketAssigner, PartNames
from penstock.connectors.files.compaction import (
    Compaction,
    CompactRequest,
    compact,
    parse_request,
    plain_target,
)
from penstock.connectors.files.content import PartContent, begin_content
from penstock.connectors.files.parts import (
    OpenPart,
    PreparedPart,
    commit_part,
    open_part,
    parse_prepared,
    recover_part,
    remove_leftovers,
)
from penstock.connectors.files.rolling import DEFAULT_PART_BYTES, Rolling
from penstock.filesystems.port import FileSystem
from penstock.filesystems.registry import open_filesystem
from penstock.formats.lines import RecordEncoder, SimpleStringEncoder
from penstock.operators.contract import Batch


@dataclass(frozen=True, slots=True)
class FileSink:
    """A file sink (a `connectors.contract.Sink`)."""

    base_path: str
    encoder: RecordEncoder | None = field(default_factory=SimpleStringEncoder)
    bucket: BucketAssigner = field(default_factory=BasePath)
    part_prefix: str = "part"
    part_suffix: str = ""
    part_bytes: int = DEFAULT_PART_BYTES
    """For the default rolling: parts end at checkpoints and at this size."""
    bulk: BulkWriterFactory | None = None
    """A bulk format, in place of the encoder."""
    rolling: Rolling | None = None
    compaction: Compaction | None = None
    clock: Callable[[], float] = time.monotonic

    def policy(self) -> Rolling:
        """When parts end; those of bulk formats at every checkpoint whatever was asked."""
        asked = self.rolling or Rolling(self.part_bytes)
        if self.bulk is None or asked.is_at_checkpoint:
            return asked
        return Rolling(asked.part_bytes, asked.rollover_ms, asked.inactivity_ms)

    def for_declared_type(self, type_info: TypeInformation) -> "FileSink":
        """The same for a stream whose records have a declared type: text is written as Flink writes it."""
        owner = getattr(self.encoder, "__self__", None)
        if not isinstance(owner, Encoder):
            return self
        return replace(self, encoder=owner.for_declared_type(type_info).encode)

    def create_writer(self) -> "FileWriter":
        """A writer for one subtask."""
        return FileWriter(self)

    def create_committer(self) -> "FileCommitter":
        """The committer."""
        return FileCommitter(self)


@dataclass(slots=True)
class _Writing:
    """A part that is being written, and since when."""

    part: OpenPart
    content: PartContent
    began_ms: float
    written_ms: float


class FileWriter:
    """Writes parts; hands them over at the barrier."""

    def __init__(self, sink: FileSink) -> None:
        self._sink = sink
        self._policy = sink.policy()
        self._filesystem: FileSystem | None = None
        self._names: PartNames | None = None
        self._open: dict[str, _Writing] = {}
        self._full: list[PreparedPart] = []
        self._held: dict[str, list[PreparedPart]] = {}
        self._barriers = 0
        self._persisted: list[PreparedPart] = []
        self._number = 0

    def open(self, ctx: SinkContext, states: Sequence[Mapping[str, Any]], checkpoint_id: int | None) -> None:
        """Make visible what the restored checkpoint holds of open parts; remove what is left of later ones."""
        sink = self._sink
        self._filesystem = filesystem = open_filesystem(sink.base_path, ctx.configuration)
        self._names = names = PartNames(
            prefix=sink.part_prefix,
            suffix=sink.part_suffix,
            job=ctx.job_id[:8],
            attempt=ctx.attempt,
            subtask=ctx.subtask_index,
            writer=uuid.uuid4().hex[:8],
        )
        for state in states:
            self._recover(filesystem, state)
        remove_leftovers(
            filesystem,
            sink.base_path,
            lambda name: names.is_leftover(name.removeprefix("."), ctx.parallelism),
            has_tails=not self._policy.is_at_checkpoint,
        )

    def write(self, batch: Batch) -> None:
        """Append each record to the part of its bucket."""
        bucket_of = self._sink.bucket
        rows: dict[str, list[Any]] = {}
        for value in batch.values:
            rows.setdefault(bucket_of(value), []).append(value)
        now = self._sink.clock() * 1000
        self._roll(now)
        for bucket, values in rows.items():
            writing = self._open.get(bucket)
            if writing is None:
                part = self._new_part(bucket)
                content = begin_content(part, self._sink.encoder, self._sink.bulk)
                writing = self._open[bucket] = _Writing(part, content, now, now)
            writing.content.add(values)
            writing.written_ms = now
            if self._policy.is_full(writing.part.size):
                self._finish(bucket)

    def flush(self) -> None:
        """End every part: called at the end of input, after which no policy would."""
        for bucket in list(self._open):
            self._finish(bucket)
        self._barriers = 1 << 30  # nothing is held back for compaction any longer

    def prepare_commit(self, checkpoint_id: int) -> list[dict[str, Any]]:
        """End the parts whose time has come; the others become state."""
        self._barriers += 1
        if self._policy.is_at_checkpoint:
            for bucket in list(self._open):
                self._finish(bucket)
        else:
            self._roll(self._sink.clock() * 1000)
        self._persisted = [writing.part.persist(checkpoint_id) for writing in self._open.values()]
        prepared, self._full = self._full, []
        return [part.model_dump() for part in prepared] + self._requests()

    def snapshot(self) -> list[dict[str, Any]]:
        """Parts that stay open, and those held back for compaction."""
        held = [part.model_dump() for parts in self._held.values() for part in parts]
        if not self._persisted and not held:
            return []
        return [{"open": [part.model_dump() for part in self._persisted], "held": held}]

    def close(self) -> None:
        """Remove open parts that no checkpoint holds; prepared ones belong to theirs. Full ones go at the next start."""
        for writing in self._open.values():
            try:
                writing.part.discard()
            except OSError:
                continue  # close must not raise; the next attempt removes leftovers
        self._open = {}

    def _recover(self, filesystem: FileSystem, state: Mapping[str, Any]) -> None:
        compaction = self._sink.compaction
        for item in state.get("held", ()):
            part = parse_prepared(item)
            if filesystem.size(plain_target(part)) is None:
                commit_part(filesystem, part)
                filesystem.rename(part.path, plain_target(part))
        for item in state.get("open", ()):
            part = parse_prepared(item)
            recover_part(filesystem, part)
            if compaction is not None and part.path != plain_target(part):
                filesystem.rename(part.path, plain_target(part))

    def _roll(self, now: float) -> None:
        old = [
            bucket
            for bucket, writing in self._open.items()
            if self._policy.is_old(now, writing.began_ms, writing.written_ms)
        ]
        for bucket in old:
            self._finish(bucket)

    def _finish(self, bucket: str) -> None:
        writing = self._open.pop(bucket)
        writing.content.finish()
        prepared = writing.part.prepare()
        if self._sink.compaction is None:
            self._full.append(prepared)
        else:
            self._held.setdefault(bucket, []).append(prepared)

    def _requests(self) -> list[dict[str, Any]]:
        """What is to be compacted with this checkpoint."""
        if self._sink.compaction is None:
            return []
        strategy = self._sink.compaction.strategy
        is_time = self._barriers >= (strategy.checkpoints or 1 << 30)
        made: list[dict[str, Any]] = []
        for bucket, parts in list(self._held.items()):
            is_large = sum(part.size for part in parts) >= (strategy.size_threshold or 1 << 62)
            if not (is_time or is_large):
                continue
            del self._held[bucket]
            groups = (
                [[part] for part in parts] if self._sink.compaction.compactor.mode == "identical" else [parts]
            )
            for group in groups:
                folder, _, name = plain_target(group[0]).rpartition("/")
                made.append(CompactRequest(target=f"{folder}/compacted-{name}", parts=group).model_dump())
        if is_time:
            self._barriers = 0
        return made

    def _new_part(self, bucket: str) -> OpenPart:
        if self._filesystem is None or self._names is None:
            raise RuntimeError("the file sink's writer is used before open()")
        folder = "/".join(part for part in (self._sink.base_path.rstrip("/"), bucket.strip("/")) if part)
        hidden = "" if self._sink.compaction is None else "."
        path = f"{folder}/{hidden}{self._names.name(self._number)}"
        self._number += 1
        return open_part(self._filesystem, path)


class FileCommitter:
    """Makes prepared parts visible, compacted where the sink says so."""

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
            if committable.get("kind") != "compact":
                commit_part(self._filesystem, parse_prepared(committable))
            elif self._sink.compaction is not None:
                compact(self._filesystem, parse_request(committable), self._sink.compaction)
            else:
                # Compaction was switched off since: the parts become visible one by one.
                for part in parse_request(committable).parts:
                    self._show(self._filesystem, part)

    def close(self) -> None:
        """File systems are shared by the process: nothing to release."""

    def _show(self, filesystem: FileSystem, part: PreparedPart) -> None:
        if filesystem.size(plain_target(part)) is None:
            commit_part(filesystem, part)
            filesystem.rename(part.path, plain_target(part))
