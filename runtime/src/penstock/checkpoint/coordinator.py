"""The checkpoint coordinator: when to take a snapshot, who has answered, when it is whole. Pure.

Owned by a job's machine, which feeds it events and carries on the effects it appends. One snapshot at a time;
savepoints and stops that are asked for meanwhile wait their turn, and go before periodic checkpoints.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from penstock.checkpoint.records import CheckpointHistory, CheckpointRecord, SubtaskRecord, TaskKey
from penstock.checkpoint.settings import CheckpointSettings
from penstock.control.messages import CheckpointAcknowledged
from penstock.graph.jobgraph import JobGraph
from penstock_api.manifest import CheckpointMetadata, OperatorState, SnapshotKind, SubtaskState


@dataclass(slots=True, frozen=True)
class SnapshotRequest:
    """A snapshot that somebody wants. `request_id` None: a periodic or final one."""

    request_id: str | None
    is_savepoint: bool
    directory: str | None = None
    stop: bool = False
    drain: bool = False


@dataclass(slots=True)
class RequestState:
    """What came of a request: a location or a failure, neither while it runs."""

    request: SnapshotRequest
    checkpoint_id: int | None = None
    location: str | None = None
    failure: str | None = None
    is_done: bool = False


@dataclass(slots=True)
class PendingCheckpoint:
    """The snapshot under way."""

    request: SnapshotRequest
    record: CheckpointRecord
    waiting: set[TaskKey]
    enumerators: dict[str, dict[str, Any]] | None = None
    states: dict[str, dict[int, SubtaskState]] = field(default_factory=dict)
    transaction_timeout_ms: int | None = None
    is_writing: bool = False


class CoordinatorActions(Protocol):
    """What the coordinator asks of its job."""

    def snapshot_enumerators(self, checkpoint_id: int) -> None:
        """Answered by `enumerators_snapshotted`."""

    def trigger(self, checkpoint: PendingCheckpoint, now: int) -> None:
        """Send the trigger to every slot."""

    def write(self, location: str, metadata: CheckpointMetadata) -> None:
        """Answered by `metadata_written` or `metadata_failed`."""

    def notify_complete(self, checkpoint_id: int) -> None:
        """Tell every slot."""

    def notify_aborted(self, checkpoint_id: int, location: str) -> None:
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
    """One for the life of a job; `start` begins an attempt, `stop` ends it."""

    def __init__(
        self, identity: JobIdentity, settings: CheckpointSettings, actions: CoordinatorActions
    ) -> None:
        self._identity = identity
        self._actions = actions
        self.settings = settings
        self.history = CheckpointHistory()
        self.requests: dict[str, RequestState] = {}
        self.pending: PendingCheckpoint | None = None
        self._queue: list[SnapshotRequest] = []
        self._graph: JobGraph | None = None
        self._tasks: set[TaskKey] = set()
        self._attempt = 0
        self._next_id = 1
        self._due: int | None = None
        self._last_end = 0
        self._failures_in_a_row = 0
        self.is_stopping = False

    # ------------------------------------------------------------------ attempt

    def start(self, graph: JobGraph, attempt: int, next_id: int, now: int) -> None:
        """All tasks of an attempt run."""
        self._graph, self._attempt = graph, attempt
        self._next_id = max(self._next_id, next_id)
        self._tasks = {(vertex.id, i) for vertex in graph.vertices for i in range(vertex.parallelism)}
        self.is_stopping = False
        self._failures_in_a_row = 0
        self._due = now + self.settings.interval if self.settings.is_enabled else None

    def stop(self, message: str, now: int) -> None:
        """The attempt ended: what is under way or wanted fails."""
        if self.pending is not None:
            self._fail(self.pending, message, now)
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
        self.is_stopping = False

    def wake_at(self) -> int | None:
        """When `tick` is due next."""
        if self._graph is None:
            return None
        if self.pending is not None:
            return None if self.pending.is_writing else self.pending.record.triggered + self.settings.timeout
        return None if self.is_stopping else self._due

    def tick(self, now: int) -> bool:
        """Begin what is due, end what took too long. False when more checkpoints failed than the job tolerates."""
        if self._graph is None:
            return True
        pending = self.pending
        expired = pending is not None and now >= pending.record.triggered + self.settings.timeout
        if pending is not None and expired and not pending.is_writing:
            self._fail(pending, f"checkpoint expired after {self.settings.timeout} ms", now)
        if self.pending is None and not self.is_stopping:
            if self._queue:
                self._begin(self._queue.pop(0), now)
            elif self._due is not None and now >= self._due:
                self._begin(SnapshotRequest(None, False), now)
        return self._failures_in_a_row <= self.settings.tolerable_failures

    # ------------------------------------------------------------------ events

    def request(self, request: SnapshotRequest, now: int) -> None:
        """Somebody wants a snapshot."""
        if request.request_id is not None:
            self.requests[request.request_id] = RequestState(request)
        if self._graph is None:
            self._conclude(request, failure="the job is not running")
            return
        if self.is_stopping:
            self._conclude(request, failure="the job is being stopped with a savepoint")
            return
        self._queue.append(request)
        self.tick(now)

    def enumerators_snapshotted(
        self, checkpoint_id: int, states: dict[str, dict[str, Any]], now: int
    ) -> None:
        """The sources' enumerators are snapshotted: the barriers may start."""
        pending = self._current(checkpoint_id)
        if pending is not None and pending.enumerators is None:
            pending.enumerators = states
            self._actions.trigger(pending, now)
            self._complete_if_whole(pending, now)

    def acknowledged(self, event: CheckpointAcknowledged, now: int) -> None:
        """A task has stored its part."""
        pending = self._current(event.checkpoint_id)
        task = (event.subtask.vertex_id, event.subtask.index)
        if pending is None or task not in pending.waiting:
            return
        pending.waiting.discard(task)
        size = 0
        for operator_id, state in event.states.items():
            pending.states.setdefault(operator_id, {})[event.subtask.index] = state
            size += sum(stored.size for stored in state.objects())
        pending.record.size += size
        pending.record.subtasks[task] = SubtaskRecord(
            now, size, event.alignment_ms, event.sync_ms, event.async_ms, event.start_delay_ms
        )
        timeouts = [
            t for t in (pending.transaction_timeout_ms, event.transaction_timeout_ms) if t is not None
        ]
        pending.transaction_timeout_ms = min(timeouts, default=None)
        self._complete_if_whole(pending, now)

    def task_finished(self, task: TaskKey, now: int) -> None:
        """A task came to its end: it has no part in snapshots any more."""
        self._tasks.discard(task)
        if self.pending is not None and task in self.pending.waiting:
            self.pending.waiting.discard(task)
            self._complete_if_whole(self.pending, now)

    def declined(self, checkpoint_id: int, message: str, now: int) -> None:
        """A task cannot take part."""
        pending = self._current(checkpoint_id)
        if pending is not None and not pending.is_writing:
            self._fail(pending, message, now)

    def metadata_written(self, checkpoint_id: int, now: int) -> None:
        """The snapshot is complete: sinks may commit."""
        pending = self._current(checkpoint_id)
        if pending is None:
            return
        self.pending = None
        self._failures_in_a_row = 0
        self._plan_next(now)
        self.history.end(pending.record, now)
        self._actions.notify_complete(checkpoint_id)
        self._actions.prune()
        if not pending.request.stop:
            self._conclude(pending.request, pending.record)
        elif pending.request.request_id is not None:
            state = self.requests[pending.request.request_id]
            state.checkpoint_id, state.location = checkpoint_id, pending.record.location

    def metadata_failed(self, checkpoint_id: int, message: str, now: int) -> None:
        """The snapshot could not be completed."""
        pending = self._current(checkpoint_id)
        if pending is not None:
            self._fail(pending, message, now)

    def stopped(self) -> None:
        """All tasks finished after a stop: the stop is done, its sinks have committed."""
        for state in self.requests.values():
            if state.request.stop and not state.is_done and state.location is not None:
                state.is_done = True

    # ------------------------------------------------------------------ inside

    def _begin(self, request: SnapshotRequest, now: int) -> None:
        checkpoint_id, self._next_id = self._next_id, self._next_id + 1
        location = self._location(request, checkpoint_id)
        if location is None:
            self._conclude(
                request, failure="no target directory: give one, or set execution.checkpointing.savepoint-dir"
            )
            return
        record = CheckpointRecord(
            checkpoint_id, request.is_savepoint, request.stop, location, now, tuple(sorted(self._tasks))
        )
        self.history.begin(record)
        self.pending = PendingCheckpoint(request, record, set(self._tasks))
        self.is_stopping = request.stop
        self._actions.snapshot_enumerators(checkpoint_id)

    def _location(self, request: SnapshotRequest, checkpoint_id: int) -> str | None:
        job_id = self._identity.job_id
        if not request.is_savepoint:
            return f"{self.settings.directory}/{job_id}/chk-{checkpoint_id}"
        directory = request.directory or self.settings.savepoint_directory
        suffix = (request.request_id or f"{checkpoint_id:012x}")[-12:]
        return f"{directory.rstrip('/')}/savepoint-{job_id[:6]}-{suffix}" if directory else None

    def _complete_if_whole(self, pending: PendingCheckpoint, now: int) -> None:
        if pending.waiting or pending.enumerators is None or pending.is_writing or self._graph is None:
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
            operators=_operator_states(self._graph, pending.states, pending.enumerators),
            transaction_timeout_ms=pending.transaction_timeout_ms,
        )
        self._actions.write(pending.record.location, metadata)

    def _fail(self, pending: PendingCheckpoint, message: str, now: int) -> None:
        self.pending = None
        self.is_stopping = False
        self.history.end(pending.record, now, message)
        if pending.request.request_id is None:
            self._failures_in_a_row += 1
        self._plan_next(now)
        self._actions.notify_aborted(pending.record.id, pending.record.location)
        self._conclude(pending.request, failure=message)

    def _plan_next(self, now: int) -> None:
        self._last_end = now
        if self._due is not None and self.settings.is_enabled:
            while self._due <= now:
                self._due += self.settings.interval
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

    def _current(self, checkpoint_id: int) -> PendingCheckpoint | None:
        return self.pending if self.pending and self.pending.record.id == checkpoint_id else None


def _operator_states(
    graph: JobGraph,
    states: Mapping[str, Mapping[int, SubtaskState]],
    enumerators: Mapping[str, dict[str, Any]],
) -> list[OperatorState]:
    found: list[OperatorState] = []
    for vertex in graph.vertices:
        for spec in vertex.operators:
            subtasks = states.get(spec.operator_id, {})
            enumerator = enumerators.get(spec.operator_id)
            kept = [subtasks[index] for index in sorted(subtasks) if _has_content(subtasks[index])]
            if kept or enumerator is not None:
                found.append(
                    OperatorState(
                        uid=spec.uid,
                        operator_id=spec.operator_id,
                        name=spec.name,
                        parallelism=vertex.parallelism,
                        max_parallelism=vertex.max_parallelism,
                        subtasks=kept,
                        enumerator=enumerator,
                    )
                )
    return found


def _has_content(state: SubtaskState) -> bool:
    return bool(state.objects() or state.splits or state.writer or state.committables)
