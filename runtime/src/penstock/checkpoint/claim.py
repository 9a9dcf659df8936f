"""Who owns the snapshot that a job was started from, and how a snapshot is deleted with all that is its own.

Called by the JobManager's storage, by REST's savepoint disposal and by tools, from worker threads. Never deletes a file
that another snapshot beside it needs, nor anything outside the snapshot's folder and the shared files beside it.
"""

import re
from collections.abc import Mapping
from enum import StrEnum

from penstock.checkpoint.shared import delete_shared, shared_names
from penstock.filesystems.errors import FileMissing
from penstock.filesystems.port import FileSystem
from penstock.filesystems.registry import open_filesystem
from penstock_api.manifest import METADATA_FILE, CheckpointMetadata

_KEYS = ("execution.state-recovery.claim-mode", "execution.savepoint-restore-mode")
_SIBLING = re.compile(rf"/chk-\d+/{METADATA_FILE}$")


class ClaimMode(StrEnum):
    """What becomes of the snapshot that a job was started from."""

    CLAIM = "CLAIM"
    """The job owns it: it is deleted when enough checkpoints of the job's own are complete."""
    NO_CLAIM = "NO_CLAIM"
    """It stays its owner's: the job never deletes it and its checkpoints never refer to its files."""
    LEGACY = "LEGACY"
    """Nobody cares for it: as NO_CLAIM here, for the job's checkpoints never refer to foreign files."""


def claim_mode(configuration: Mapping[str, str]) -> ClaimMode:
    """The configured mode; ValueError names the key."""
    for key in _KEYS:
        text = str(configuration.get(key, "")).strip().upper().replace("-", "_")
        if text:
            try:
                return ClaimMode(text)
            except ValueError:
                raise ValueError(
                    f"{key} is {configuration[key]!r}: use one of {', '.join(ClaimMode)}"
                ) from None
    return ClaimMode.NO_CLAIM


def dispose_snapshot(path: str, configuration: Mapping[str, str]) -> bool:
    """Delete the savepoint or checkpoint at a folder or its `_metadata`; False if there is none.

    The metadata goes first, so that what is left of a failed attempt is no snapshot any more.
    """
    location = path.rstrip("/").removesuffix(f"/{METADATA_FILE}")
    filesystem = open_filesystem(location, configuration)
    try:
        metadata = CheckpointMetadata.model_validate_json(filesystem.read(f"{location}/{METADATA_FILE}"))
    except FileMissing:
        return False
    filesystem.delete(f"{location}/{METADATA_FILE}")
    own = shared_names(metadata)
    if own:
        parent = location.rpartition("/")[0]
        delete_shared(filesystem, parent, _needed_beside(filesystem, parent), metadata.checkpoint_id)
    filesystem.delete_prefix(location)
    return True


def _needed_beside(filesystem: FileSystem, parent: str) -> set[str]:
    needed: set[str] = set()
    for entry in filesystem.list(parent):
        if _SIBLING.search(entry.path):
            needed |= shared_names(CheckpointMetadata.model_validate_json(filesystem.read(entry.path)))
    return needed
