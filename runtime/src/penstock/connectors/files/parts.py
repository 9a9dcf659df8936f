"""Files in the making: invisible while they are written, prepared at the barrier, visible in one step at the commit.

Used by `sink`. Locally a hidden file that a rename makes visible; on S3 a multipart upload that its
completion makes visible. Committing is idempotent. A part ends at every checkpoint, so nothing of an open
part is ever state.
"""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO, Literal, Protocol

from pydantic import BaseModel, ConfigDict

from penstock.filesystems.errors import FileMissing, FileSystemError
from penstock.filesystems.local import LocalFileSystem, local_path
from penstock.filesystems.port import FileSystem
from penstock.filesystems.s3 import S3FileSystem, UploadedPart

_UPLOAD_BYTES = 8 << 20  # S3 takes parts from 5 MiB; the last may be smaller
_HIDDEN_SUFFIX = ".inprogress"


class PreparedPart(BaseModel):
    """A written part as the checkpoint holds it."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    kind: Literal["local", "s3"]
    path: str
    size: int
    upload_id: str | None = None
    parts: list[tuple[int, str]] = []


class OpenPart(Protocol):
    """A part that is being written."""

    size: int

    def write(self, data: bytes) -> None:
        """Append."""
        ...

    def prepare(self) -> PreparedPart:
        """Make all of it durable, still invisible."""
        ...

    def discard(self) -> None:
        """Remove it."""
        ...


class LocalPart:
    """A hidden file beside its final name."""

    def __init__(self, path: str) -> None:
        self.size = 0
        self._path = path
        self._hidden = hidden_name(local_path(path))
        self._hidden.parent.mkdir(parents=True, exist_ok=True)
        self._stream: BinaryIO = self._hidden.open("xb", buffering=1 << 16)

    def write(self, data: bytes) -> None:
        """Append."""
        self._stream.write(data)
        self.size += len(data)

    def prepare(self) -> PreparedPart:
        """Flush to disk and close."""
        self._stream.flush()
        os.fsync(self._stream.fileno())
        self._stream.close()
        return PreparedPart(kind="local", path=self._path, size=self.size)

    def discard(self) -> None:
        """Remove the hidden file."""
        self._stream.close()
        self._hidden.unlink(missing_ok=True)


class S3Part:
    """A multipart upload; small files have one part."""

    def __init__(self, filesystem: S3FileSystem, path: str) -> None:
        self.size = 0
        self._filesystem = filesystem
        self._path = path
        self._upload_id = filesystem.start_upload(path)
        self._buffer = bytearray()
        self._parts: list[UploadedPart] = []

    def write(self, data: bytes) -> None:
        """Append; blocks for an upload each time enough has come together."""
        self._buffer += data
        self.size += len(data)
        if len(self._buffer) >= _UPLOAD_BYTES:
            self._upload()

    def prepare(self) -> PreparedPart:
        """Upload what is left."""
        if self._buffer or not self._parts:
            self._upload()
        return PreparedPart(
            kind="s3",
            path=self._path,
            size=self.size,
            upload_id=self._upload_id,
            parts=[(part.number, part.etag) for part in self._parts],
        )

    def discard(self) -> None:
        """Abort the upload."""
        self._filesystem.abort_upload(self._path, self._upload_id)

    def _upload(self) -> None:
        data, self._buffer = bytes(self._buffer), bytearray()
        number = len(self._parts) + 1
        self._parts.append(self._filesystem.upload_part(self._path, self._upload_id, number, data))


class PartLost(FileSystemError):
    """What a checkpoint prepared is neither there to be committed nor committed."""


def open_part(filesystem: FileSystem, path: str) -> OpenPart:
    """A new part on the file system of its path."""
    if isinstance(filesystem, S3FileSystem):
        return S3Part(filesystem, path)
    if isinstance(filesystem, LocalFileSystem):
        return LocalPart(path)
    raise FileSystemError(f"{path}: the file sink writes to file and s3 only, not to {filesystem.scheme!r}")


def commit_part(filesystem: FileSystem, prepared: PreparedPart) -> None:
    """Make a part visible; safe to repeat. `PartLost` if it is gone for good."""
    if prepared.kind == "local":
        source, target = hidden_name(local_path(prepared.path)), local_path(prepared.path)
        try:
            filesystem.rename(str(source), str(target))
        except FileMissing as error:
            _require_committed(filesystem, prepared, error)
        return
    if not isinstance(filesystem, S3FileSystem) or prepared.upload_id is None:
        raise PartLost(f"{prepared.path}: the checkpoint's record of this upload is damaged")
    try:
        parts = [UploadedPart(number, etag) for number, etag in prepared.parts]
        filesystem.complete_upload(prepared.path, prepared.upload_id, parts)
    except FileMissing as error:
        _require_committed(filesystem, prepared, error)


def remove_leftovers(filesystem: FileSystem, base: str, is_leftover: Callable[[str], bool]) -> None:
    """Remove hidden files and abort uploads under `base` whose name `is_leftover` says yes to."""
    if isinstance(filesystem, S3FileSystem):
        for path, upload_id in filesystem.list_uploads(base):
            if is_leftover(path.rsplit("/", 1)[1]):
                filesystem.abort_upload(path, upload_id)
        return
    for status in filesystem.list(base):
        name = status.path.rsplit("/", 1)[1]
        is_hidden = name.startswith(".") and name.endswith(_HIDDEN_SUFFIX)
        if is_hidden and is_leftover(name[1 : -len(_HIDDEN_SUFFIX)]):
            filesystem.delete(status.path)


def hidden_name(path: Path) -> Path:
    """Where a local part is while it is written."""
    return path.with_name(f".{path.name}{_HIDDEN_SUFFIX}")


def _require_committed(filesystem: FileSystem, prepared: PreparedPart, error: FileMissing) -> None:
    found = filesystem.size(prepared.path)
    if found != prepared.size:
        raise PartLost(
            f"{prepared.path}: prepared with {prepared.size} bytes by the checkpoint, but now there is "
            f"{'nothing' if found is None else f'a file of {found} bytes'} and no unfinished part: it was removed"
        ) from error


def parse_prepared(committable: Mapping[str, Any]) -> PreparedPart:
    """A part from a checkpoint's JSON."""
    return PreparedPart.model_validate(committable)
