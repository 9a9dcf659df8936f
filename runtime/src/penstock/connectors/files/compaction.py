"""Many small parts become one file: when (the strategy), how (the compactor), and the act itself.

The writer holds finished parts back until the strategy says enough; the committer then makes one file of them.
Compacting is idempotent: the target's name is unique and it appears whole, so its existence means that it was
done. Runs in the task's thread.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from penstock.common.serialization import BulkWriterFactory
from penstock.connectors.files.content import begin_content
from penstock.connectors.files.input import FileRange
from penstock.connectors.files.parts import (
    OpenPart,
    PartLost,
    PreparedPart,
    commit_part,
    discard_hidden,
    open_part,
)
from penstock.filesystems.errors import FileMissing
from penstock.filesystems.port import FileSystem
from penstock.formats.files import FileFormat

_COPY_BYTES = 4 << 20


@dataclass(frozen=True, slots=True)
class CompactStrategy:
    """Compact when the parts of a bucket reach this size, or after so many checkpoints; at least one is set."""

    size_threshold: int | None = None
    checkpoints: int | None = None

    def __post_init__(self) -> None:
        if self.size_threshold is None and self.checkpoints is None:
            raise ValueError(
                "the compact strategy has no condition: call set_size_threshold() or enable_compaction_on_checkpoint()"
            )


@dataclass(frozen=True, slots=True)
class Compactor:
    """`concat`: bytes after bytes with `delimiter` between; `identical`: as they are; `records`: read and written anew."""

    mode: Literal["concat", "identical", "records"] = "concat"
    delimiter: bytes = b""
    format: FileFormat | None = None
    """What reads the parts, for `records`."""


@dataclass(frozen=True, slots=True)
class Compaction:
    """How a sink compacts."""

    strategy: CompactStrategy
    compactor: Compactor
    encode: Callable[[Any], bytes] | None = None
    factory: BulkWriterFactory | None = None
    """How records are written anew; one of the two."""


class CompactRequest(BaseModel):
    """Parts of one bucket that become `target`, as the checkpoint holds them."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    kind: Literal["compact"] = "compact"
    target: str
    parts: list[PreparedPart]


def compact(filesystem: FileSystem, request: CompactRequest, compaction: Compaction) -> None:
    """Make the target of the parts, then remove them; safe to repeat."""
    if filesystem.size(request.target) is None:
        for part in request.parts:
            commit_part(filesystem, part)
        if len(request.parts) == 1 and compaction.compactor.mode != "records":
            filesystem.rename(request.parts[0].path, request.target)
        else:
            _merge(filesystem, request, compaction)
    for part in request.parts:
        filesystem.delete(part.path)


def plain_target(part: PreparedPart) -> str:
    """The visible name of a part that was held back."""
    folder, _, name = part.path.rpartition("/")
    return f"{folder}/{name.removeprefix('.')}"


def parse_request(committable: Mapping[str, Any]) -> CompactRequest:
    """A request from a checkpoint's JSON."""
    return CompactRequest.model_validate(committable)


def _merge(filesystem: FileSystem, request: CompactRequest, compaction: Compaction) -> None:
    discard_hidden(filesystem, request.target)
    target = open_part(filesystem, request.target)
    try:
        if compaction.compactor.mode == "records":
            _rewrite(filesystem, request.parts, target, compaction)
        else:
            _concatenate(filesystem, request.parts, target, compaction.compactor.delimiter)
    except BaseException:
        target.discard()
        raise
    commit_part(filesystem, target.prepare())


def _concatenate(
    filesystem: FileSystem, parts: Sequence[PreparedPart], target: OpenPart, delimiter: bytes
) -> None:
    for number, part in enumerate(parts):
        if number and delimiter:
            target.write(delimiter)
        offset = 0
        while data := filesystem.read_range(part.path, offset, _COPY_BYTES):
            target.write(data)
            offset += len(data)
        if offset != part.size:
            raise PartLost(f"{part.path}: {offset} bytes where the checkpoint wrote {part.size}")


def _rewrite(
    filesystem: FileSystem, parts: Sequence[PreparedPart], target: OpenPart, compaction: Compaction
) -> None:
    form = compaction.compactor.format
    if form is None:
        raise ValueError("compaction record by record needs a format that reads the parts")
    content = begin_content(target, compaction.encode, compaction.factory)
    for part in parts:
        size = filesystem.size(part.path)
        if size is None:
            raise FileMissing(f"{part.path}: a part to be compacted is gone")
        for records in form.read(FileRange(filesystem, part.path, size), 0):
            content.add(form.decode(records.items))
    content.finish()
