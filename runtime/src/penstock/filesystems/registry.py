"""Which file system serves a URI. Called by everything that keeps or reads bytes; the only way to get one.

`file` and `s3` come with Penstock; others by an entry point of the group `penstock.filesystems` whose name is
the scheme and whose value is a callable taking the configuration. File systems are shared within a process.
"""

import threading
from collections.abc import Callable, Mapping
from importlib.metadata import entry_points
from urllib.parse import urlsplit

from penstock.filesystems.errors import UnknownScheme
from penstock.filesystems.local import LocalFileSystem
from penstock.filesystems.port import FileSystem

ENTRY_POINTS = "penstock.filesystems"
_lock = threading.Lock()
_opened: dict[tuple[str, frozenset[tuple[str, str]]], FileSystem] = {}


def scheme_of(uri: str) -> str:
    """The canonical scheme: `file` for a bare path, `s3` for each of its spellings."""
    scheme = urlsplit(uri).scheme if ":" in uri else ""
    if scheme in ("", "file"):
        return "file"
    return "s3" if scheme in ("s3", "s3a", "s3p") else scheme


def open_filesystem(uri: str, config: Mapping[str, str]) -> FileSystem:
    """The file system for `uri`; the same object for the same scheme and settings.

    Raises `UnknownScheme` if nothing serves the scheme. Does not touch the store: a wrong endpoint or key
    shows at the first call.
    """
    scheme = scheme_of(uri)
    relevant = frozenset(
        (key, str(value)) for key, value in config.items() if key.startswith((f"{scheme}.", "fs."))
    )
    with _lock:
        found = _opened.get((scheme, relevant))
        if found is None:
            found = _opened[scheme, relevant] = _factory(scheme, uri)(config)
        return found


def close_filesystems() -> None:
    """Close all that this process opened; for the end of a process or a test."""
    with _lock:
        opened = list(_opened.values())
        _opened.clear()
    for filesystem in opened:
        filesystem.close()


def _factory(scheme: str, uri: str) -> Callable[[Mapping[str, str]], FileSystem]:
    if scheme == "file":
        return lambda _config: LocalFileSystem()
    if scheme == "s3":
        from penstock.filesystems.s3 import open_s3  # boto3 costs 100 ms and 30 MB: only for those who use it

        return open_s3
    for entry in entry_points(group=ENTRY_POINTS, name=scheme):
        loaded: Callable[[Mapping[str, str]], FileSystem] = entry.load()
        return loaded
    raise UnknownScheme(f"{uri!r}: nothing serves the scheme {scheme!r}; known are file and s3")
