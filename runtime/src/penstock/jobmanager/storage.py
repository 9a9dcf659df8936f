"""The job's storage I/O as the effects want it: each call blocks, runs in a worker thread, and returns an event.

Called by `jobmanager.master` only.
"""

import logging
import traceback
from collections.abc import Mapping

from penstock.checkpoint.claim import ClaimMode, claim_mode, dispose_snapshot
from penstock.checkpoint.shared import SharedFiles
from penstock.checkpoint.store import CheckpointStore, Snapshot, SnapshotProblem, Superseded
from penstock.control.messages import Failure
from penstock.filesystems.errors import BucketMissing, FileSystemError, StorageAccessDenied
from penstock.jobmanager.events import MetadataFailed, MetadataWritten, PreparationFailed, Prepared
from penstock_api.manifest import CheckpointMetadata, SnapshotKind

log = logging.getLogger(__name__)


class JobStorage:
    """Snapshots of one job, and the savepoint it was started with."""

    def __init__(
        self, directory: str, job_id: str, configuration: Mapping[str, str], savepoint: str | None
    ) -> None:
        self._directory, self._job_id = directory, job_id
        self._configuration = configuration
        self._savepoint = savepoint
        self._store: CheckpointStore | None = None
        self._shared: SharedFiles | None = None
        self._claimed = savepoint if savepoint and claim_mode(configuration) is ClaimMode.CLAIM else None

    @property
    def store(self) -> CheckpointStore:
        """Opened at first use, for opening may fail."""
        if self._store is None:
            self._store = CheckpointStore(self._directory, self._job_id, self._configuration)
        return self._store

    def prepare(self, known: Snapshot | None = None) -> Prepared | PreparationFailed:
        """Claim the next attempt; find the newest checkpoint of the job, else its savepoint (Decision 11)."""
        try:
            attempt = self.store.claim_attempt()
            if known is not None:
                return Prepared(attempt, known, known.metadata.checkpoint_id + 1)
            highest = self.store.highest_id()
            restored = self.store.newest()
            if restored is None and self._savepoint:
                restored = self.store.load(self._savepoint)
        except SnapshotProblem as error:
            return PreparationFailed(_failure(error, error.reason), is_final=True)
        except FileSystemError as error:
            is_final = isinstance(error, BucketMissing | StorageAccessDenied)
            return PreparationFailed(_failure(error, "CheckpointStorageUnavailable"), is_final)
        except Exception as error:
            # Whatever a store may answer: a job must never wait for an outcome that was dropped in a thread.
            log.exception("the state to restore could not be found")
            return PreparationFailed(_failure(error, "CheckpointStorageUnavailable"), is_final=False)
        restored_id = restored.metadata.checkpoint_id if restored else 0
        return Prepared(attempt, restored, max(highest, restored_id) + 1)

    def write(self, location: str, metadata: CheckpointMetadata) -> MetadataWritten | MetadataFailed:
        """Complete a snapshot."""
        try:
            self.store.write(location, metadata, metadata.kind is SnapshotKind.SAVEPOINT)
        except Superseded as error:
            return MetadataFailed(metadata.checkpoint_id, str(error), is_superseded=True)
        except (FileSystemError, SnapshotProblem) as error:
            return MetadataFailed(metadata.checkpoint_id, f"{location}: {error}", is_superseded=False)
        except Exception as error:
            log.exception("the metadata of checkpoint %d could not be written", metadata.checkpoint_id)
            return MetadataFailed(metadata.checkpoint_id, f"{location}: {error!r}", is_superseded=False)
        return MetadataWritten(metadata.checkpoint_id)

    def prune(self, keep: int) -> None:
        """Delete completed checkpoints but the newest `keep`, shared files that none needs, and what the job claimed."""
        completed = [location for _, location in self.store.completed_locations()]
        dropped = completed[: max(0, len(completed) - keep)]
        for location in dropped:
            self.store.discard(location)
        if self._shared is None:
            self._shared = SharedFiles(self.store.folder, self._configuration)
        try:
            kept = [
                self.store.load(location, verify=False).metadata for location in completed[len(dropped) :]
            ]
        except SnapshotProblem as error:
            log.warning("nothing is swept: %s", error)
            return
        self._shared.sweep(kept)
        if self._claimed is not None and len(completed) >= keep:
            claimed, self._claimed = self._claimed, None
            dispose_snapshot(claimed, self._configuration)


def _failure(error: Exception, reason: str) -> Failure:
    return Failure(
        exception=type(error).__name__,
        message=str(error),
        stacktrace="".join(traceback.format_exception(error)),
        reason=reason,
    )
