"""The `file` scheme: a folder of this machine or of a mounted volume.

Opened by `registry.open_filesystem`. Writes go to a hidden temporary file in the same folder, are flushed to
disk and then renamed (or linked, for `put_if_absent`), so a reader never sees half an object; listings leave
those files out.
"""

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

from penstock.filesystems.errors import BadPath, FileMissing, FileSystemError, StorageAccessDenied
from penstock.filesystems.port import FileStatus

_TEMPORARY = ".penstock-tmp-"


def local_path(uri: str) -> Path:
    """The path on this machine that `uri` names: `file:///a`, `file:/a` or a bare path."""
    if not uri.startswith("file:"):
        if "://" in uri:
            raise BadPath(f"{uri!r} is not a file: URI")
        return Path(uri)
    parts = urlsplit(uri)
    if parts.netloc not in ("", "localhost"):
        raise BadPath(f"{uri!r} names the host {parts.netloc!r}: write file:/// with three slashes")
    return Path(unquote(parts.path))


class LocalFileSystem:
    """Files on local paths."""

    @property
    def scheme(self) -> str:
        """`file`."""
        return "file"

    def read(self, path: str) -> bytes:
        """The whole file."""
        with _mapped(path):
            return local_path(path).read_bytes()

    def read_range(self, path: str, start: int, length: int) -> bytes:
        """At most `length` bytes from `start`."""
        with _mapped(path), local_path(path).open("rb") as stream:
            stream.seek(start)
            return stream.read(length)

    def write(self, path: str, data: bytes) -> None:
        """Write beside, flush to disk, rename."""
        target = local_path(path)
        with _mapped(path), _temporary(target, data) as temporary:
            temporary.replace(target)
            _sync_folder(target.parent)

    def put_if_absent(self, path: str, data: bytes) -> bool:
        """Write beside and link under the name, which fails if the name is taken."""
        target = local_path(path)
        with _mapped(path), _temporary(target, data) as temporary:
            try:
                os.link(temporary, target)
            except FileExistsError:
                return False
            _sync_folder(target.parent)
            return True

    def size(self, path: str) -> int | None:
        """The file's size; None for a folder or nothing."""
        target = local_path(path)
        with _mapped(path):
            return target.stat().st_size if target.is_file() else None

    def list(self, prefix: str) -> list[FileStatus]:
        """Files at any depth, sorted; files that vanish meanwhile are left out."""
        root = local_path(prefix)
        as_uri = prefix.startswith("file:")
        found: list[FileStatus] = []
        with _mapped(prefix):
            for folder, _, names in os.walk(root):
                for name in names:
                    if name.startswith(_TEMPORARY):
                        continue
                    file = Path(folder, name)
                    try:
                        stat = file.stat()
                    except FileNotFoundError:
                        continue
                    shown = file.absolute().as_uri() if as_uri else str(file)
                    found.append(FileStatus(shown, stat.st_size, stat.st_mtime_ns // 1_000_000))
        return sorted(found, key=lambda status: status.path)

    def delete(self, path: str) -> None:
        """Remove the file if it is there."""
        with _mapped(path):
            local_path(path).unlink(missing_ok=True)

    def delete_prefix(self, prefix: str) -> None:
        """Remove the folder and all in it, if it is there."""
        root = local_path(prefix)
        with _mapped(prefix):
            try:
                shutil.rmtree(root)
            except FileNotFoundError:
                return

    def rename(self, source: str, target: str) -> None:
        """One atomic rename; the target's folder is made."""
        destination = local_path(target)
        with _mapped(source):
            destination.parent.mkdir(parents=True, exist_ok=True)
            local_path(source).replace(destination)
            _sync_folder(destination.parent)

    def close(self) -> None:
        """Nothing is held open."""


@contextmanager
def _mapped(path: str) -> Iterator[None]:
    try:
        yield
    except FileSystemError:
        raise
    except FileNotFoundError as error:
        raise FileMissing(f"no such file: {path}") from error
    except PermissionError as error:
        raise StorageAccessDenied(f"{path}: this process may not ({error.strerror})") from error
    except OSError as error:
        raise FileSystemError(f"{path}: {error.strerror or error}") from error


@contextmanager
def _temporary(target: Path, data: bytes) -> Iterator[Path]:
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.parent / f"{_TEMPORARY}{uuid.uuid4().hex}"
    try:
        with temporary.open("xb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
