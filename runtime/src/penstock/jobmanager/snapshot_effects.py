"""What a job's coordinator asks for, as effects of the job: commands to its slots, work for its storage. Pure.

Made by `jobmanager.machine`, called by `checkpoint.coordinator`.
"""

from penstock.checkpoint.pending import PendingCheckpoint, SnapshotRequest
from penstock.checkpoint.store import Snapshot
from penstock.control.messages import CheckpointAborted, CheckpointCompleted, TriggerCheckpoint
from penstock.jobmanager import effects
from penstock.jobmanager.job import Job
from penstock.jobmanager.states import executing, rescaling
from penstock_api.manifest import CheckpointMetadata


class SnapshotEffects:
    """Implements CoordinatorActions on a job."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._written: dict[int, tuple[Snapshot, SnapshotRequest]] = {}

    def snapshot_enumerators(self, checkpoint_id: int) -> None:
        """See CoordinatorActions."""
        self._job.emit(effects.SnapshotEnumerators(self._job.base_attempt, checkpoint_id))

    def trigger(self, checkpoint: PendingCheckpoint, now: int) -> None:
        """See CoordinatorActions."""
        record, request = checkpoint.record, checkpoint.request
        command = TriggerCheckpoint(
            job_id=self._job.id,
            attempt=self._job.attempt,
            checkpoint_id=record.id,
            timestamp=record.triggered,
            location=record.location,
            is_savepoint=request.is_savepoint,
            stop=request.stop,
            drain=request.drain,
            is_native=request.is_native,
            unaligned=checkpoint.unaligned,
            alignment_timeout_ms=checkpoint.alignment_timeout_ms,
        )
        self._send_all(command)

    def write(self, checkpoint: PendingCheckpoint, metadata: CheckpointMetadata) -> None:
        """See CoordinatorActions."""
        location = checkpoint.record.location
        self._written[metadata.checkpoint_id] = (Snapshot(location, metadata), checkpoint.request)
        holders = {
            (vertex.id, subtask.index)
            for vertex in self._job.graph.vertices
            for operator in metadata.operators
            if operator.operator_id in {spec.operator_id for spec in vertex.operators}
            for subtask in operator.subtasks
            if subtask.committables
        }
        if holders:
            self._job.uncommitted[metadata.checkpoint_id] = (location, holders)
        self._job.emit(effects.WriteMetadata(location, metadata))

    def notify_complete(self, checkpoint_id: int, now: int) -> None:
        """See CoordinatorActions."""
        snapshot, request = self._written.pop(checkpoint_id)
        self._job.latest = snapshot
        self._job.handed_out.completed(checkpoint_id)
        if request.is_rescale:
            rescaling.snapshot_written(self._job, snapshot, now)
        elif request.stop:
            executing.stop_written(self._job, snapshot.location, now)
        self._send_all(
            CheckpointCompleted(job_id=self._job.id, attempt=self._job.attempt, checkpoint_id=checkpoint_id)
        )

    def notify_aborted(self, checkpoint: PendingCheckpoint, message: str) -> None:
        """See CoordinatorActions."""
        job, record = self._job, checkpoint.record
        job.uncommitted.pop(record.id, None)
        self._written.pop(record.id, None)
        if checkpoint.request.is_rescale and job.rescale is not None:
            job.rescale.checkpoint_failure = message
        self._send_all(CheckpointAborted(job_id=job.id, attempt=job.attempt, checkpoint_id=record.id))
        job.emit(effects.Discard(record.location))

    def prune(self) -> None:
        """See CoordinatorActions."""
        self._job.emit(effects.Prune(max(1, self._job.coordinator.settings.retained)))

    def _send_all(self, command: TriggerCheckpoint | CheckpointCompleted | CheckpointAborted) -> None:
        for slot_id in self._job.slots:
            own = command.model_copy(update={"attempt": self._job.attempt_in(slot_id)})
            self._job.emit(effects.Send(slot_id, own))
