"""The checkpoint coordinator: when to take a snapshot, who has answered, when it is whole. Pure.

Owned by a job's machine, which feeds it events and carries on the effects it appends. Savepoints and stops that are
asked for go before periodic checkpoints; a stop waits until nothing else is under way, and nothing begins beside it.
"""

from dataclasses import dataclass
from typing import Any, Protocol

from penstock.checkpoint.pending import PendingCheckpoint, RequestState, SnapshotRequest, operator_states
from penstock.checkpoint.records import CheckpointHistory, CheckpointRecord, SubtaskRecord, TaskKey
from penstock.checkpoint.settings import CheckpointSettings
from penstock.control.messages import CheckpointAcknowledged
from penstock.graph.jobgraph import JobGraph
from penstock_api.manifest import CheckpointMetadata, SnapshotKind

KEPT_REQUESTS = 100
"""Requests whose outcome can still be asked for; the oldest that are done are forgotten."""


class CoordinatorActions(Protocol):
    """What the coordinator asks of its job."""

    def snapshot_enumerators(self, checkpoint_id: int) -> None:
        """Answered by `enumerators_snapshotted`."""

    def trigger(self, checkpoint: PendingCheckpoint, now: int) -> None:
        """Send the trigger to every slot."""

    def write(self, checkpoint: PendingCheckpoint, metadata: CheckpointMetadata) -> None:
        """Answered by `metadata_written` or `metadata_failed`."""

    def notify_complete(self, checkpoint_id: int, now: int) -> None:
        """Tell every slot."""

    def notify_aborted(self, checkpoint: PendingCheckpoint, message: str) -> None:
        """Tell every slot, and delete what was written."""

    def prune(self) -> None:
        """Delete checkpoints beyond the retained number."""


@dataclass(slots=True, frozen=True)
class JobIdentity:
    """What the metadata says of the job."""

    job_id: str
    job_name: str
    python_version: str
    penstock_version: str


class Coordinator:
    """One for the life of a job; `start` begins an attempt, `stop` ends it, `pause` ends it for a rescale."""

    def __init__(
        self, identity: JobIdentity, settings: CheckpointSettings, actions: CoordinatorActions
    ) -> None:
        self._identity = identity
        self._actions = actions
        self.settings = settings
        self.history = CheckpointHistory()
        self.requests: dict[str, RequestState] = {}
        self.pending: dict[int, PendingCheckpoint] = {}
        self._queue: list[SnapshotRequest] = []
        self._graph: JobGraph | None = None
        self._tasks: set[TaskKey] = set()
        self._attempt = 0
        self._next_id = 1
        self._due: int | None = None
        self._failures_in_a_row = 0
        self._is_paused = False
        self._stopping: SnapshotRequest | None = None

    @property
    def is_stopping(self) -> bool:
        """A stop is wanted or under way: no other snapshot begins."""
        return self._stopping is not None

    # ------------------------------------------------------------------ attempt

    def start(self, graph: JobGraph, attempt: int, next_id: int, now: int) -> None:
        """All tasks of an attempt run."""
        self._graph, self._attempt = graph, attempt
        self._next_id = max(self._next_id, next_id)
        self._tasks = {(vertex.id, i) for vertex in graph.vertices for i in range(vertex.parallelism)}
        self._stopping = None
        self._is_paused = False
        self._failures_in_a_row = 0
        self._due = now + self.settings.interval if self.settings.is_enabled else None
        self._begin_due(now)

    def pause(self) -> None:
        """The attempt ended well and the next one follows at once: requests wait for it."""
        self._graph, self._due = None, None
        self._is_paused = True

    def interrupt(self, message: str, now: int) -> None:
        """Some tasks start again: what is under way fails without blame, unless it is whole; requests wait."""
        for pending in list(self.pending.values()):
            if not pending.is_writing:
                self._fail(pending, message, now, is_blamed=False)
        self.pause()

    def stop(self, message: str, now: int) -> None:
        """The attempt ended: what is under way or wanted fails."""
        for pending in list(self.pending.values()):
            self._fail(pending, message, now)
        for request in self._queue:
            self._conclude(request, failure=message)
        self._queue.clear()
        for state in self.requests.values():
            if state.location is not None and not state.is_done:
                state.is_done = True
                state.failure = (
                    f"A savepoint has been created at: {state.location}, but the corresponding job "
                    f"{self._identity.job_id} didn't terminate successfully: {message}. It goes on from that savepoint."
                )
        self._graph, self._due = None, None
        self._stopping = None
        self._is_paused = False

    def wake_at(self) -> int | None:
        """When `tick` is due next."""
        if self._graph is None:
            return None
        ends = [p.record.triggered + self.settings.timeout for p in self.pending.values() if not p.is_writing]
        if self._due is not None and self._may_begin_periodic:
            ends.append(self._due)
        return min(ends, default=None)

    def tick(self, now: int) -> bool:
        """Begin what is due, end what took too long. False when more checkpoints failed than the job tolerates."""
        if self._graph is None:
            return True
        for pending in list(self.pending.values()):
            if now >= pending.record.triggered + self.settings.timeout and not pending.is_writing:
                self._fail(pending, f"checkpoint expired after {self.settings.timeout} ms", now)
        self._begin_due(now)
        return self._failures_in_a_row <= self.settings.tolerable_failures

    # ------------------------------------------------------------------ events

    def request(self, request: SnapshotRequest, now: int) -> None:
        """Somebody wants a snapshot."""
        if request.request_id is not None:
            self.requests[request.request_id] = RequestState(request)
            self._forget_old_requests()
        is_rescaling = self._is_paused or (self._stopping is not None and self._stopping.is_rescale)
        if self._graph is None and not is_rescaling:
            self._conclude(request, failure="the job is not running")
        elif self.is_stopping and not is_rescaling:
            self._conclude(request, failure="the job is being stopped with a savepoint")
        else:
            self._queue.append(request)
            self._begin_due(now)

    def enumerators_snapshotted(
        self, checkpoint_id: int, states: dict[str, dict[str, Any]], now: int
    ) -> None:
        """The sources' enumerators are snapshotted: the barriers may start."""
        pending = self.pending.get(checkpoint_id)
        if pending is not None and pending.enumerators is None:
            pending.enumerators = states
            self._actions.trigger(pending, now)
            self._complete_if_whole(pending, now)

    def acknowledged(self, event: CheckpointAcknowledged, now: int) -> None:
        """A task has stored its part."""
        pending = self.pending.get(event.checkpoint_id)
        task = (event.subtask.vertex_id, event.subtask.index)
        if pending is None or task not in pending.waiting:
            return
        pending.waiting.discard(task)
        size = pending.take(event)
        pending.record.size += size
        pending.record.subtasks[task] = SubtaskRecord(
            now, size, event.alignment_ms, event.sync_ms, event.async_ms, event.start_delay_ms
        )
        self._complete_if_whole(pending, now)

    def task_finished(self, task: TaskKey, now: int) -> None:
        """A task came to its end: it has no part in snapshots any more."""
        self._tasks.discard(task)
        for pending in list(self.pending.values()):
            if task in pending.waiting:
                pending.waiting.discard(task)
                self._complete_if_whole(pending, now)

    def declined(self, checkpoint_id: int, message: str, now: int) -> None:
        """A task cannot take part."""
        pending = self.pending.get(checkpoint_id)
        if pending is not None and not pending.is_writing:
            self._fail(pending, message, now)

    def metadata_written(self, checkpoint_id: int, now: int) -> None:
        """The snapshot is complete: sinks may commit. Older checkpoints under way are of no more use."""
        pending = self.pending.pop(checkpoint_id, None)
        if pending is None:
            return
        self._failures_in_a_row = 0
        self._plan_next(now)
        self.history.end(pending.record, now)
        for older in [p for number, p in self.pending.items() if number < checkpoint_id]:
            if older.request.request_id is None and not older.is_writing:
                del self.pending[older.record.id]
                why = f"checkpoint {checkpoint_id} was complete before it"
                self.history.end(older.record, now, why)
                self._actions.notify_aborted(older, why)
        self._actions.notify_complete(checkpoint_id, now)
        self._actions.prune()
        if not pending.request.stop:
            self._conclude(pending.request, pending.record)
        elif pending.request.request_id is not None:
            state = self.requests[pending.request.request_id]
            state.checkpoint_id, state.location = checkpoint_id, pending.record.location
        self._begin_due(now)

    def metadata_failed(self, checkpoint_id: int, message: str, now: int) -> None:
        """The snapshot could not be completed."""
        pending = self.pending.get(checkpoint_id)
        if pending is not None:
            self._fail(pending, message, now)

    def stopped(self) -> None:
        """All tasks finished after a stop: the stop is done, its sinks have committed."""
        for state in self.requests.values():
            if state.request.stop and not state.is_done and state.location is not None:
                state.is_done = True

    # ------------------------------------------------------------------ inside

    @property
    def _may_begin_periodic(self) -> bool:
        return not self.is_stopping and not self._queue and len(self.pending) < self.settings.most_at_once

    def _begin_due(self, now: int) -> None:
        """Begin whatever may begin now."""
        if self._graph is None:
            return
        while self._queue and not self.is_stopping:
            limit = 1 if self._queue[0].stop else self.settings.most_at_once
            if len(self.pending) >= limit:
                return
            self._begin(self._queue.pop(0), now)
        if self._due is not None and now >= self._due and self._may_begin_periodic:
            self._due = now + self.settings.interval
            self._begin(SnapshotRequest(None, False), now)

    def _begin(self, request: SnapshotRequest, now: int) -> None:
        checkpoint_id = self._next_id
        location = self._location(request, checkpoint_id)
        if location is None:
            self._conclude(
                request, failure="no target directory: give one, or set execution.checkpointing.savepoint-dir"
            )
            return
        self._next_id += 1
        record = CheckpointRecord(
            checkpoint_id, request.is_savepoint, request.stop, location, now, tuple(sorted(self._tasks))
        )
        record.is_native = request.is_native
        self.history.begin(record)
        overtakes = self.settings.unaligned and not (request.is_savepoint or request.stop)
        pending = PendingCheckpoint(
            request,
            record,
            set(self._tasks),
            unaligned=overtakes,
            alignment_timeout_ms=self.settings.alignment_timeout if overtakes else 0,
        )
        self.pending[checkpoint_id] = pending
        self._stopping = request if request.stop else None
        self._actions.snapshot_enumerators(checkpoint_id)

    def _location(self, request: SnapshotRequest, checkpoint_id: int) -> str | None:
        job_id = self._identity.job_id
        if not request.is_savepoint:
            return f"{self.settings.directory}/{job_id}/chk-{checkpoint_id}"
        directory = request.directory or self.settings.savepoint_directory
        suffix = (request.request_id or f"{checkpoint_id:012x}")[-12:]
        return f"{directory.rstrip('/')}/savepoint-{job_id[:6]}-{suffix}" if directory else None

    def _complete_if_whole(self, pending: PendingCheckpoint, now: int) -> None:
        if not pending.is_whole or self._graph is None:
            return
        pending.is_writing = True
        identity = self._identity
        metadata = CheckpointMetadata(
            kind=SnapshotKind.SAVEPOINT if pending.request.is_savepoint else SnapshotKind.CHECKPOINT,
            job_id=identity.job_id,
            job_name=identity.job_name,
            checkpoint_id=pending.record.id,
            attempt=self._attempt,
            trigger_timestamp=pending.record.triggered,
            completed_timestamp=now,
            python_version=identity.python_version,
            penstock_version=identity.penstock_version,
            operators=operator_states(self._graph, pending.states, pending.enumerators or {}),
            transaction_timeout_ms=pending.transaction_timeout_ms,
        )
        self._actions.write(pending, metadata)

    def _fail(self, pending: PendingCheckpoint, message: str, now: int, is_blamed: bool = True) -> None:
        self.pending.pop(pending.record.id, None)
        if pending.request.stop:
            self._stopping = None
        self.history.end(pending.record, now, message)
        if is_blamed and pending.request.request_id is None and not pending.request.is_rescale:
            self._failures_in_a_row += 1
        self._plan_next(now)
        self._actions.notify_aborted(pending, message)
        self._conclude(pending.request, failure=message)

    def _plan_next(self, now: int) -> None:
        if self._due is not None:
            self._due = max(self._due, now + self.settings.min_pause)

    def _conclude(
        self, request: SnapshotRequest, record: CheckpointRecord | None = None, failure: str | None = None
    ) -> None:
        if request.request_id is None:
            return
        state = self.requests[request.request_id]
        state.is_done, state.failure = True, failure
        if record is not None:
            state.checkpoint_id, state.location = record.id, record.location

    def _forget_old_requests(self) -> None:
        done = [key for key, state in self.requests.items() if state.is_done]
        for key in done[: max(0, len(self.requests) - KEPT_REQUESTS)]:
            del self.requests[key]
