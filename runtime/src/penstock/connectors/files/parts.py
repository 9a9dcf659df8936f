"""Files in the making: invisible while they are written, prepared at the barrier, visible in one step at the commit.

Used by `sink`. Locally a hidden file that a rename makes visible; on S3 a multipart upload that its
completion makes visible. Committing is idempotent. A part may stay open over a checkpoint: what it held at the
barrier is then state (`persist`), which `recover_part` makes visible after a restore.
"""

import os
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO, Literal, Protocol

from pydantic import BaseModel, ConfigDict

from penstock.filesystems.errors import FileMissing, FileSystemError
from penstock.filesystems.local import LocalFileSystem, local_path
from penstock.filesystems.port import FileSystem
from penstock.filesystems.s3 import S3FileSystem, UploadedPart

_UPLOAD_BYTES = 8 << 20
_LEAST_BYTES = 5 << 20  # what S3 takes as a part; only the last may be smaller
_HIDDEN_SUFFIX = ".inprogress"


class PreparedPart(BaseModel):
    """A written part as the checkpoint holds it."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    kind: Literal["local", "s3"]
    path: str
    size: int
    upload_id: str | None = None
    parts: list[tuple[int, str]] = []
    tails: list[str] = []
    """S3: objects that held what was not uploaded yet at earlier barriers; removed with the commit."""
    has_tail: bool = False
    """S3: the last of `tails` follows `parts`."""
    is_open: bool = False
    """The part went on after the barrier: `size` is what it held there."""


class OpenPart(Protocol):
    """A part that is being written."""

    size: int
    is_persisted: bool
    """True once a checkpoint holds it: from then on only a later checkpoint's commit or a restore may end it."""

    def write(self, data: bytes) -> None:
        """Append."""
        ...

    def persist(self, checkpoint_id: int) -> PreparedPart:
        """Make all so far durable and go on."""
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
        self.is_persisted = False
        self._path = path
        self._hidden = hidden_name(local_path(path))
        self._hidden.parent.mkdir(parents=True, exist_ok=True)
        self._stream: BinaryIO = self._hidden.open("xb", buffering=1 << 16)

    def write(self, data: bytes) -> None:
        """Append."""
        self._stream.write(data)
        self.size += len(data)

    def persist(self, checkpoint_id: int) -> PreparedPart:
        """Flush to disk."""
        self._stream.flush()
        os.fsync(self._stream.fileno())
        self.is_persisted = True
        return PreparedPart(kind="local", path=self._path, size=self.size, is_open=True)

    def prepare(self) -> PreparedPart:
        """Flush to disk and close."""
        self._stream.flush()
        os.fsync(self._stream.fileno())
        self._stream.close()
        return PreparedPart(kind="local", path=self._path, size=self.size)

    def discard(self) -> None:
        """Remove the hidden file, unless a checkpoint holds it."""
        self._stream.close()
        if not self.is_persisted:
            self._hidden.unlink(missing_ok=True)


class S3Part:
    """A multipart upload; small files have one part."""

    def __init__(self, filesystem: S3FileSystem, path: str) -> None:
        self.size = 0
        self.is_persisted = False
        self._tails: list[str] = []
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

    def persist(self, checkpoint_id: int) -> PreparedPart:
        """Upload what is enough for a part; keep a smaller rest in an object of its own."""
        if len(self._buffer) >= _LEAST_BYTES:
            self._upload()
        if self._buffer:
            tail = tail_name(self._path, checkpoint_id)
            self._filesystem.write(tail, bytes(self._buffer))
            self._tails.append(tail)
        self.is_persisted = True
        return self._described(is_open=True, has_tail=bool(self._buffer))

    def prepare(self) -> PreparedPart:
        """Upload what is left."""
        if self._buffer or not self._parts:
            self._upload()
        return self._described(is_open=False)

    def discard(self) -> None:
        """Abort the upload, unless a checkpoint holds it."""
        if not self.is_persisted:
            self._filesystem.abort_upload(self._path, self._upload_id)

    def _described(self, is_open: bool, has_tail: bool = False) -> PreparedPart:
        return PreparedPart(
            kind="s3",
            path=self._path,
            size=self.size,
            upload_id=self._upload_id,
            parts=[(part.number, part.etag) for part in self._parts],
            tails=list(self._tails),
            has_tail=has_tail,
            is_open=is_open,
        )

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
    for tail in prepared.tails:
        filesystem.delete(tail)


def recover_part(filesystem: FileSystem, persisted: PreparedPart) -> None:
    """Make visible what an open part held at the restored checkpoint; safe to repeat. `PartLost` if it is gone.

    Where the part was finished after that checkpoint, its file is there and holds more: it stays as it is.
    """
    if persisted.kind == "local":
        _recover_local(filesystem, persisted)
        return
    if not isinstance(filesystem, S3FileSystem) or persisted.upload_id is None:
        raise PartLost(f"{persisted.path}: the checkpoint's record of this upload is damaged")
    parts = [UploadedPart(number, etag) for number, etag in persisted.parts]
    tail = tail_of(persisted)
    try:
        if tail is not None or not parts:
            data = filesystem.read(tail) if tail is not None else b""
            number = len(parts) + 1
            parts.append(filesystem.upload_part(persisted.path, persisted.upload_id, number, data))
        filesystem.complete_upload(persisted.path, persisted.upload_id, parts)
    except FileMissing as error:
        _require_committed(filesystem, persisted, error)
    for one in persisted.tails:
        filesystem.delete(one)


def _recover_local(filesystem: FileSystem, persisted: PreparedPart) -> None:
    target = local_path(persisted.path)
    hidden = hidden_name(target)
    copy = hidden.with_name(f"{hidden.name}-{uuid.uuid4().hex[:8]}")
    try:
        # A copy, not the file itself: a slot of the old attempt that is about to die may still append to that.
        with hidden.open("rb") as source, copy.open("xb") as stream:
            left = persisted.size
            while left and (data := source.read(min(left, 1 << 20))):
                stream.write(data)
                left -= len(data)
            stream.flush()
            os.fsync(stream.fileno())
        if left:
            raise PartLost(
                f"{persisted.path}: {left} of the {persisted.size} bytes of the checkpoint are gone"
            )
        filesystem.rename(str(copy), str(target))
        hidden.unlink(missing_ok=True)
    except FileNotFoundError as error:
        _require_committed(filesystem, persisted, FileMissing(str(error)))
    finally:
        copy.unlink(missing_ok=True)


def remove_leftovers(
    filesystem: FileSystem, base: str, is_leftover: Callable[[str], bool], has_tails: bool = False
) -> None:
    """Remove hidden files, abort uploads and (if there may be any) remove tails that `is_leftover` says yes to."""
    if isinstance(filesystem, S3FileSystem):
        for path, upload_id in filesystem.list_uploads(base):
            if is_leftover(path.rsplit("/", 1)[1]):
                filesystem.abort_upload(path, upload_id)
        for status in filesystem.list(base) if has_tails else ():
            owner, mark, _ = status.path.rsplit("/", 1)[1].rpartition(".tail-")
            if mark and is_leftover(owner.removeprefix(".")):
                filesystem.delete(status.path)
        return
    for status in filesystem.list(base):
        name = status.path.rsplit("/", 1)[1]
        is_hidden = name.startswith(".") and name.endswith(_HIDDEN_SUFFIX)
        if is_hidden and is_leftover(name[1 : -len(_HIDDEN_SUFFIX)]):
            filesystem.delete(status.path)


def discard_hidden(filesystem: FileSystem, path: str) -> None:
    """Remove what an interrupted writer of this path left, locally; elsewhere unfinished uploads hinder nobody."""
    if isinstance(filesystem, LocalFileSystem):
        hidden_name(local_path(path)).unlink(missing_ok=True)


def hidden_name(path: Path) -> Path:
    """Where a local part is while it is written."""
    return path.with_name(f".{path.name}{_HIDDEN_SUFFIX}")


def tail_name(path: str, checkpoint_id: int) -> str:
    """The object that holds the rest of an open upload at a barrier."""
    folder, _, name = path.rpartition("/")
    return f"{folder}/.{name}.tail-{checkpoint_id}"


def tail_of(persisted: PreparedPart) -> str | None:
    """The tail that belongs to this state, None if everything was uploaded: the last, if bytes are missing."""
    return persisted.tails[-1] if persisted.has_tail else None


def _require_committed(filesystem: FileSystem, prepared: PreparedPart, error: FileMissing) -> None:
    found = filesystem.size(prepared.path)
    is_there = found is not None and (found >= prepared.size if prepared.is_open else found == prepared.size)
    if not is_there:
        raise PartLost(
            f"{prepared.path}: prepared with {prepared.size} bytes by the checkpoint, but now there is "
            f"{'nothing' if found is None else f'a file of {found} bytes'} and no unfinished part: it was removed"
        ) from error


def parse_prepared(committable: Mapping[str, Any]) -> PreparedPart:
    """A part from a checkpoint's JSON."""
    return PreparedPart.model_validate(committable)
