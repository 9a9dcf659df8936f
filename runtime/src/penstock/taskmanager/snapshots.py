"""A task's part of a checkpoint from the barrier to the acknowledgement: serialise in slices, upload in threads.

Used by `taskmanager.task`; `step` runs in the task thread between batches, storing runs in the slot's upload threads and
comes back as mail. At most one acknowledgement or refusal per checkpoint; an aborted one gives neither.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field

from penstock.checkpoint.channel_state import StoredBatch, dump_channels
from penstock.checkpoint.keyed_io import write_blob
from penstock.checkpoint.keyed_state import StoragePlace, StoredKeyed, store_keyed
from penstock.control.barrier import Barrier
from penstock.control.messages import CheckpointAcknowledged, CheckpointDeclined, Event, SubtaskId
from penstock.exchange.in_flight import ChannelCapture
from penstock.filesystems.registry import open_filesystem
from penstock.taskmanager.chain import OperatorPart
from penstock.taskmanager.failure import restore_failure_of
from penstock_api.manifest import StateObject, SubtaskState

_SLICE_SECONDS = 0.003
"""Time for serialising between two batches: at most this is added to a record's latency."""
TRANSACTION_TIMEOUT = "transaction_timeout_ms"
"""A committable with this key can be committed for so long only."""


@dataclass(slots=True)
class PendingSnapshot:
    """A snapshot that is not acknowledged yet."""

    barrier: Barrier
    parts: Sequence[OperatorPart]
    alignment_seconds: float
    sync_seconds: float
    started: float
    start_delay_ms: int = 0
    is_dropped: bool = False
    channels: ChannelCapture | None = None
    """Records in flight, of an unaligned snapshot: it is stored when they are complete."""
    states: dict[str, SubtaskState] = field(default_factory=dict)


class TaskSnapshots:
    """Snapshots under way in one task."""

    def __init__(
        self,
        subtask: SubtaskId,
        configuration: Mapping[str, str],
        uploads: Executor,
        post: Callable[[Callable[[], None]], None],
        send_event: Callable[[Event], None],
    ) -> None:
        self._subtask = subtask
        self._configuration = configuration
        self._uploads = uploads
        self._post = post
        self._send_event = send_event
        self._freezing: list[PendingSnapshot] = []
        self._uploading: list[PendingSnapshot] = []
        self._awaiting: list[PendingSnapshot] = []

    @property
    def is_serialising(self) -> bool:
        """`step` has something to do."""
        return bool(self._freezing)

    @property
    def is_settled(self) -> bool:
        """Nothing that is wanted is under way: whatever the task took part in is acknowledged or declined."""
        under_way = [*self._freezing, *self._awaiting, *self._uploading]
        return all(snapshot.is_dropped for snapshot in under_way)

    def begin(self, snapshot: PendingSnapshot) -> None:
        """Take what the operators gave at the barrier."""
        self._freezing.append(snapshot)
        self.step()

    def step(self) -> None:
        """Serialise a slice; hand what is complete to the upload threads."""
        snapshot = self._freezing[0]
        for part in snapshot.parts:
            if part.frozen is not None and not part.frozen.step(_SLICE_SECONDS):
                return
        self._freezing.pop(0)
        if snapshot.channels is not None and not snapshot.channels.is_complete:
            self._awaiting.append(snapshot)
        else:
            self._upload(snapshot)

    def check_channels(self) -> None:
        """Let waiting barriers overtake in outputs when it is time; store what has become complete."""
        if not self._awaiting:
            return
        now = time.time_ns() // 1_000_000
        for snapshot in list(self._awaiting):
            channels = snapshot.channels
            assert channels is not None  # noqa: S101 - others do not wait
            channels.push_barriers(now)
            if channels.is_complete:
                self._awaiting.remove(snapshot)
                self._upload(snapshot)

    def _upload(self, snapshot: PendingSnapshot) -> None:
        self._uploading.append(snapshot)
        future = self._uploads.submit(self._store, snapshot)
        future.add_done_callback(lambda done: self._post(lambda: self._stored(snapshot, done)))

    def decline(self, checkpoint_id: int, error: BaseException) -> None:
        """This task cannot take part."""
        failure = restore_failure_of(error)
        self._send_event(
            CheckpointDeclined(subtask=self._subtask, checkpoint_id=checkpoint_id, failure=failure)
        )

    def abort(self, checkpoint_id: int) -> None:
        """Forget that snapshot, if it is under way."""
        for snapshot in [*self._freezing, *self._awaiting, *self._uploading]:
            if snapshot.barrier.checkpoint_id == checkpoint_id:
                self._drop(snapshot)

    def drop_all(self) -> None:
        """The task ends: acknowledge nothing more."""
        for snapshot in [*self._freezing, *self._awaiting, *self._uploading]:
            self._drop(snapshot)

    def _drop(self, snapshot: PendingSnapshot) -> None:
        snapshot.is_dropped = True
        if snapshot in self._awaiting:
            self._awaiting.remove(snapshot)
        if snapshot in self._freezing:
            self._freezing.remove(snapshot)
            for part in snapshot.parts:
                if part.frozen is not None:
                    part.frozen.abandon()

    def _store(self, snapshot: PendingSnapshot) -> None:
        """In an upload thread: write every object of the snapshot."""
        location = snapshot.barrier.location
        filesystem = open_filesystem(location, self._configuration)
        subtask = self._subtask
        for part in snapshot.parts:
            if snapshot.is_dropped:
                return
            name = f"{part.operator_id}-{subtask.index}-{subtask.attempt}"
            stored = (
                StoredKeyed()
                if part.frozen is None
                else store_keyed(part.frozen, StoragePlace(location, name, self._configuration))
            )
            blob = part.snapshot.operator
            snapshot.states[part.operator_id] = SubtaskState(
                index=subtask.index,
                keyed=stored.keyed,
                native=stored.native,
                states=list(part.states),
                operator=[] if blob is None else [write_blob(filesystem, location, f"{name}-operator", blob)],
                splits=[dict(split) for split in part.snapshot.splits],
                writer=[dict(state) for state in part.snapshot.writer],
                committables=[dict(committable) for committable in part.snapshot.committables],
                channels=self._store_channels(snapshot, name) if part is snapshot.parts[0] else [],
            )

    def _store_channels(self, snapshot: PendingSnapshot, name: str) -> list[StateObject]:
        if snapshot.channels is None or not snapshot.channels.entries:
            return []
        batches = (
            StoredBatch(
                entry.place.edge,
                entry.is_input,
                entry.place.source,
                entry.place.target,
                entry.place.sources,
                entry.place.targets,
                entry.body,
            )
            for entry in snapshot.channels.entries
        )
        location = snapshot.barrier.location
        filesystem = open_filesystem(location, self._configuration)
        return [write_blob(filesystem, location, f"{name}-channels", dump_channels(batches))]

    def _stored(self, snapshot: PendingSnapshot, done: "Future[None]") -> None:
        """Back in the task thread."""
        if snapshot in self._uploading:
            self._uploading.remove(snapshot)
        if snapshot.is_dropped:
            return
        error = done.exception()
        checkpoint_id = snapshot.barrier.checkpoint_id
        if error is not None:
            self.decline(checkpoint_id, error)
            return
        timeouts = [
            int(committable[TRANSACTION_TIMEOUT])
            for state in snapshot.states.values()
            for committable in state.committables
            if committable.get(TRANSACTION_TIMEOUT) is not None
        ]
        passed = time.monotonic() - snapshot.started
        self._send_event(
            CheckpointAcknowledged(
                subtask=self._subtask,
                checkpoint_id=checkpoint_id,
                states=snapshot.states,
                transaction_timeout_ms=min(timeouts, default=None),
                alignment_ms=round(snapshot.alignment_seconds * 1000),
                sync_ms=round(snapshot.sync_seconds * 1000),
                async_ms=round(passed * 1000),
                start_delay_ms=snapshot.start_delay_ms,
            )
        )
