"""The job's storage I/O as the effects want it: each call blocks, runs in a worker thread, and returns an event.

Called by `jobmanager.master` only.
"""

import logging
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from penstock.checkpoint.claim import ClaimMode, claim_mode, dispose_snapshot
from penstock.checkpoint.shared import SharedFiles
from penstock.checkpoint.store import CheckpointStore, Snapshot, SnapshotProblem, Superseded
from penstock.control.messages import Failure
from penstock.filesystems.errors import BucketMissing, FileSystemError, StorageAccessDenied
from penstock.ha.contract import HighAvailabilityDown, NotLeader
from penstock.ha.jobs import CheckpointPointer, JobStore, StoredJob
from penstock.jobmanager.events import MetadataFailed, MetadataWritten, PreparationFailed, Prepared
from penstock_api.manifest import CheckpointMetadata, SnapshotKind

log = logging.getLogger(__name__)


@dataclass(slots=True)
class KeptJob:
    """The job as the next leader finds it."""

    jobs: JobStore
    job: StoredJob
    bundle: Path | None = None
    """What the job's slots need beside its graph, where the next leader cannot make it again."""
    is_stored: bool = False


class JobStorage:
    """Snapshots of one job, the savepoint it was started with, and with high availability the job itself.

    What deletes or completes anything first makes sure that no newer attempt, and no other leader, runs the job.
    """

    def __init__(
        self,
        directory: str,
        job_id: str,
        configuration: Mapping[str, str],
        savepoint: str | None,
        kept: KeptJob | None = None,
    ) -> None:
        self._directory, self._job_id = directory, job_id
        self._configuration = configuration
        self._savepoint = savepoint
        self._kept = kept
        self._attempt = 0
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
            self._check_leader()
            self._keep()
            attempt = self._attempt = self.store.claim_attempt()
            if known is not None:
                return Prepared(attempt, known, known.metadata.checkpoint_id + 1)
            highest = self.store.highest_id()
            restored = self._newest()
            if restored is None and self._savepoint:
                restored = self.store.load(self._savepoint)
        except SnapshotProblem as error:
            return PreparationFailed(_failure(error, error.reason), is_final=True)
        except NotLeader as error:
            return PreparationFailed(_failure(error, "AttemptSuperseded"), is_final=True, has_lost_term=True)
        except HighAvailabilityDown as error:
            return PreparationFailed(_failure(error, "CheckpointStorageUnavailable"), is_final=False)
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
            self._check_leader()
            self.store.write(location, metadata, metadata.kind is SnapshotKind.SAVEPOINT)
            if self._kept is not None:
                pointer = CheckpointPointer(
                    metadata.checkpoint_id, self.store.location(metadata.checkpoint_id)
                )
                self._kept.jobs.point_at(self._job_id, pointer)
        except (Superseded, NotLeader) as error:
            # A leader whose attempt was overtaken by one that had lost its term claims the next one.
            leads = self._kept is not None and self._kept.jobs.is_leader
            lost = self._kept is not None and not leads
            return MetadataFailed(metadata.checkpoint_id, str(error), not leads, has_lost_term=lost)
        except (FileSystemError, SnapshotProblem, HighAvailabilityDown) as error:
            return MetadataFailed(metadata.checkpoint_id, f"{location}: {error}", is_superseded=False)
        except Exception as error:
            log.exception("the metadata of checkpoint %d could not be written", metadata.checkpoint_id)
            return MetadataFailed(metadata.checkpoint_id, f"{location}: {error!r}", is_superseded=False)
        return MetadataWritten(metadata.checkpoint_id)

    def mark_committed(self, location: str, checkpoint_id: int) -> None:
        """What the snapshot's sinks had prepared is committed."""
        self.store.mark_committed(location, checkpoint_id)

    def discard(self, location: str) -> None:
        """Delete what is left of a snapshot, unless a newer attempt may be writing there."""
        self._check_leader()
        self.store.check_attempt(self._attempt)
        self.store.discard(location)

    def write_result(self, status: str) -> None:
        """Record that the job ended for good."""
        self._check_leader()
        self.store.write_result(status)
        self.forget()

    def forget(self) -> None:
        """The job has ended: no later leader runs it."""
        if self._kept is not None:
            self._kept.jobs.forget(self._job_id)

    def keep_requirements(self, wanted: Mapping[str, tuple[int, int]]) -> None:
        """A later leader runs the job as parallel as this one was told to."""
        if self._kept is not None:
            self._kept.job = self._kept.job.model_copy(update={"requirements": dict(wanted)})
            self._kept.jobs.store(self._kept.job)

    def _keep(self) -> None:
        kept = self._kept
        if kept is not None and not kept.is_stored:
            if kept.bundle is not None and kept.job.bundle is None:
                uri = kept.jobs.keep_bundle(self._job_id, kept.bundle)
                kept.job = kept.job.model_copy(update={"bundle": uri})
            kept.jobs.store(kept.job)
            kept.is_stored = True

    def _check_leader(self) -> None:
        if self._kept is not None:
            self._kept.jobs.check()

    def _newest(self) -> Snapshot | None:
        """Found in the job's folder, or pointed at by the last leader, whichever is newer."""
        found = self.store.newest()
        pointer = self._kept.jobs.checkpoint_of(self._job_id) if self._kept is not None else None
        if pointer is None or (found is not None and found.metadata.checkpoint_id >= pointer.checkpoint_id):
            return found
        try:
            return self.store.load(pointer.location)
        except SnapshotProblem as error:
            log.warning("the checkpoint that the last leader pointed at cannot be used: %s", error)
            return found

    def prune(self, keep: int) -> None:
        """Delete completed checkpoints but the newest `keep`, shared files that none needs, and what the job claimed."""
        self._check_leader()
        completed = [location for _, location in self.store.completed_locations()]
        dropped = completed[: max(0, len(completed) - keep)]
        for location in dropped:
            self.store.discard(location)
        if self._shared is None:
            self._shared = SharedFiles(self.store.folder, self._configuration)
        if keep == 0:
            self._shared.delete_all()
        try:
            kept = [
                self.store.load(location, verify=False).metadata for location in completed[len(dropped) :]
            ]
        except SnapshotProblem as error:
            log.warning("nothing is swept: %s", error)
            return
        self._shared.sweep(kept)
        if self._claimed is not None and len(completed) >= max(1, keep):
            claimed, self._claimed = self._claimed, None
            dispose_snapshot(claimed, self._configuration)


def _failure(error: Exception, reason: str) -> Failure:
    return Failure(
        exception=type(error).__name__,
        message=str(error),
        stacktrace="".join(traceback.format_exception(error)),
        reason=reason,
    )
