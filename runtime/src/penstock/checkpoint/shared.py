"""Files that several checkpoints share: deleted when no checkpoint that may still be restored, or made, needs them.

Called by the JobManager's storage after a checkpoint is complete, from its worker thread. A file's name starts with the
id of the checkpoint that stored it, so files of checkpoints under way are left alone.
"""

import re
from collections import deque
from collections.abc import Iterable, Mapping

from penstock.filesystems.port import FileSystem
from penstock.filesystems.registry import open_filesystem
from penstock_api.manifest import CheckpointMetadata

SHARED_FOLDER = "shared"
_NAME = re.compile(r"^(\d+)-")
_REMEMBERED = 3
"""A task may build on the last completed checkpoint but one, until it has heard of the last: its files stay as long."""


def shared_names(metadata: CheckpointMetadata) -> set[str]:
    """Names of the shared files that a checkpoint needs; each is unique for ever."""
    return {
        _name(file.object.path)
        for operator in metadata.operators
        for subtask in operator.subtasks
        for native in subtask.native
        for file in native.files
        if f"/{SHARED_FOLDER}/" in file.object.path
    }


def delete_shared(filesystem: FileSystem, folder: str, needed: set[str], newest_id: int | None = None) -> int:
    """Delete what is not needed; with `newest_id` only what checkpoints up to that one stored. Returns how many."""
    deleted = 0
    for entry in filesystem.list(f"{folder.rstrip('/')}/{SHARED_FOLDER}"):
        name = _name(entry.path)
        match = _NAME.match(name)
        if match is None or name in needed or (newest_id is not None and int(match[1]) > newest_id):
            continue
        filesystem.delete(entry.path)
        deleted += 1
    return deleted


class SharedFiles:
    """The shared files of one job, whose checkpoints are in `folder`."""

    def __init__(self, folder: str, configuration: Mapping[str, str]) -> None:
        self._folder = folder
        self._filesystem = open_filesystem(folder, configuration)
        self._recent: deque[set[str]] = deque(maxlen=_REMEMBERED)

    def sweep(self, retained: Iterable[CheckpointMetadata]) -> int:
        """These checkpoints are complete and kept, and no others: delete what nobody needs. Returns how many."""
        needed: set[str] = set()
        newest = 0
        for metadata in retained:
            needed |= shared_names(metadata)
            newest = max(newest, metadata.checkpoint_id)
        is_used = bool(needed) or any(self._recent)
        self._recent.append(needed)
        if not is_used:
            return 0
        return delete_shared(self._filesystem, self._folder, set().union(*self._recent), newest)

    def delete_all(self) -> None:
        """The job is over and keeps no checkpoint."""
        self._filesystem.delete_prefix(f"{self._folder.rstrip('/')}/{SHARED_FOLDER}")


def _name(path: str) -> str:
    return path.rpartition("/")[2]
