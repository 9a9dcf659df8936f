"""Finds files: all there are at the start, or for ever, looking again at an interval.

Runs in the JobManager. A file is a split; it must be whole when it appears under its name (written elsewhere
or under a hidden name, then renamed). Names that begin with `.` or `_` are not looked at.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from penstock.connectors.contract import Split, SplitEnumerator
from penstock.connectors.files.input import decompressor
from penstock.connectors.pending import PendingSplits
from penstock.filesystems.errors import FileMissing
from penstock.filesystems.registry import open_filesystem


class FileEnumerator:
    """A `SplitEnumerator` over files. `interval_seconds` None: bounded; `split_bytes` None: whole files."""

    def __init__(
        self,
        paths: Sequence[str],
        interval_seconds: float | None,
        state: Mapping[str, Any] | None,
        configuration: Mapping[str, str],
        split_bytes: int | None = None,
    ) -> None:
        self._split_bytes = split_bytes
        self._paths = list(paths)
        self._interval = interval_seconds
        self._configuration = configuration
        self._seen: set[str] = set(state["seen"]) if state else set()
        self._pending = PendingSplits(state["pending"] if state else ())
        self._is_listed = bool(state and state["is_listed"])

    def discover(self) -> None:
        """List the folders; what was not seen before waits for a reader."""
        if self._is_listed and self._interval is None:
            return
        found: dict[str, int] = {}
        for path in self._paths:
            found.update(self._list(path))
        fresh = sorted(path for path in found if path not in self._seen)
        self._pending.add(split for path in fresh if found[path] for split in self._splits(path, found[path]))
        self._seen.update(fresh)
        self._is_listed = True

    def take_assignments(self, waiting: Sequence[int]) -> dict[int, list[Split]]:
        """A file for each that asks."""
        return self._pending.take(waiting)

    def add_splits_back(self, splits: Sequence[Split]) -> None:
        """Read on where they were."""
        self._seen.update(str(split.get("path", split["id"])) for split in splits)
        self._pending.add_back(splits)

    def has_no_more_splits(self) -> bool:
        """True when a bounded source handed out all its files."""
        return self._interval is None and self._is_listed and not len(self._pending)

    def snapshot(self) -> dict[str, Any]:
        """Files seen and files waiting."""
        return {
            "seen": sorted(self._seen),
            "pending": self._pending.snapshot(),
            "is_listed": self._is_listed,
        }

    def close(self) -> None:
        """File systems are shared by the process: nothing to release."""

    @property
    def discovery_interval_seconds(self) -> float | None:
        """How often to look again."""
        return self._interval

    def _splits(self, path: str, size: int) -> list[Split]:
        if not self._split_bytes or size <= self._split_bytes or decompressor(path) is not None:
            return [{"id": path, "position": 0, "size": size}]
        starts = range(0, size, self._split_bytes)
        return [
            {
                "id": f"{path}#{start}",
                "path": path,
                "position": start,
                "start": start,
                "end": min(start + self._split_bytes, size),
                "size": size,
            }
            for start in starts
        ]

    def _list(self, path: str) -> dict[str, int]:
        filesystem = open_filesystem(path, self._configuration)
        base = path.rstrip("/")
        found = {
            status.path: status.size
            for status in filesystem.list(path)
            if not any(part.startswith((".", "_")) for part in status.path[len(base) :].split("/"))
        }
        if not found:
            size = filesystem.size(path)
            if size is not None:
                return {path: size}
            if self._interval is None and not self._is_folder(path):
                raise FileMissing(f"file source: there is nothing at {path}")
        return found

    def _is_folder(self, path: str) -> bool:
        from penstock.filesystems.local import local_path

        return not path.startswith("s3") and local_path(path).is_dir()


class FileEnumerators:
    """Makes the enumerator; `options` is `{"paths": […], "interval_seconds": number or null, "split_bytes": number or null}`."""

    def create_enumerator(
        self,
        options: Mapping[str, Any],
        parallelism: int,
        state: Mapping[str, Any] | None,
        configuration: Mapping[str, str],
    ) -> SplitEnumerator:
        """The enumerator, going on from its state if there is one."""
        return FileEnumerator(
            options["paths"],
            options.get("interval_seconds"),
            state,
            configuration,
            options.get("split_bytes"),
        )


FACTORY = FileEnumerators()
