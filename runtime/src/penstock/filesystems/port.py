"""The file system port: what checkpoints, connectors and program fetching need of a place that keeps bytes.

Called by checkpoint storage, high availability, file connectors and the launcher, from any thread. Paths are
full URIs everywhere (`file:///data/a`, `s3://bucket/a`; a bare `/data/a` means file). Implementations never
keep a half-written object visible under its name, and never raise anything but the errors of
`penstock.filesystems.errors`.
"""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class FileStatus:
    """One object as a listing shows it; `path` is its full URI."""

    path: str
    size: int
    modified_ms: int


class FileSystem(Protocol):
    """A thread-safe store of whole objects. Every call blocks until it is done or has failed."""

    @property
    def scheme(self) -> str:
        """The canonical URI scheme."""
        ...

    def read(self, path: str) -> bytes:
        """The whole object; `FileMissing` if there is none."""
        ...

    def read_range(self, path: str, start: int, length: int) -> bytes:
        """At most `length` bytes from `start`; fewer (or none) only where the object ends."""
        ...

    def write(self, path: str, data: bytes) -> None:
        """Store the object, atomically replacing what was there. Parents come by themselves."""
        ...

    def put_if_absent(self, path: str, data: bytes) -> bool:
        """Store the object only if there is none: true if this call did. Of many racing callers one wins.

        A caller whose connection broke may get false for an object that it stored itself: give each
        caller's data something of its own, and read it back when that matters.
        """
        ...

    def size(self, path: str) -> int | None:
        """The size in bytes, or None where there is no such object (a folder is not one)."""
        ...

    def list(self, prefix: str) -> list[FileStatus]:
        """Every object at any depth under the folder `prefix`, sorted by path; empty if there is none."""
        ...

    def delete(self, path: str) -> None:
        """Remove the object; nothing happens if it is not there."""
        ...

    def delete_prefix(self, prefix: str) -> None:
        """Remove every object under the folder `prefix`, and the folder."""
        ...

    def rename(self, source: str, target: str) -> None:
        """Move an object, replacing the target. Atomic on `file`; a copy and then a delete on `s3`."""
        ...

    def close(self) -> None:
        """Release connections. Later calls may fail."""
        ...
