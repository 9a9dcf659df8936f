"""One subtask of a vertex: its life from opening to its end, its records, its checkpoints. Read this second.

Made by `taskmanager.deployment`, driven round by round by `taskmanager.slot`, all in the slot's task thread:

    step: no room in an output → backpressured
          else the intake hands one batch to the chain, or tells of a barrier or of the end
    barrier on all inputs (or a trigger, at a source):
          prepare → barrier to the outputs → snapshot → (serialise, upload, acknowledge: `snapshots`)
    end:  finish the chain → EndOfData to the outputs → either wait for a final checkpoint, or
          EndOfPartition → delivered, and every snapshot under way acknowledged → FINISHED

Whatever user code raises ends the task as FAILED with its reason, and nothing else in the slot.
"""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from enum import Enum, auto

from penstock.connectors.contract import Split
from penstock.control.barrier import Barrier
from penstock.control.messages import (
    CommitDone,
    EndOfData,
    Event,
    EventTimeReported,
    Failure,
    SplitsWanted,
    SubtaskId,
    TaskMetrics,
    TaskState,
    TaskStateChanged,
)
from penstock.exchange import elements
from penstock.exchange.edge_writer import EdgeWriter
from penstock.exchange.in_flight import ChannelCapture
from penstock.operators.contract import OperatorSnapshot
from penstock.state.errors import StateNotSerializable
from penstock.taskmanager.chain import Chain, OperatorPart
from penstock.taskmanager.failure import failure_of
from penstock.taskmanager.intake import ChannelIntake, SourceIntake
from penstock.taskmanager.latency import LatencyTracking
from penstock.taskmanager.mailbox import Mailbox
from penstock.taskmanager.metrics import Activity
from penstock.taskmanager.snapshots import PendingSnapshot, TaskSnapshots
from penstock.taskmanager.task_figures import TaskFigures


class Phase(Enum):
    """Where a task is in its life."""

    CREATED = auto()
    RUNNING = auto()
    DATA_ENDED = auto()
    """Waits for the final checkpoint; barriers still pass."""
    CLOSING = auto()
    """All is sent; waits until the receivers have it, and the JobManager what was snapshotted."""
    OVER = auto()


class NotRunning(RuntimeError):
    """A checkpoint was asked of a task that is not running."""


@dataclass(slots=True, frozen=True)
class TaskServices:
    """What the slot lends to its tasks."""

    mailbox: Mailbox
    uploads: Executor
    send_event: Callable[[Event], None]
    configuration: dict[str, str]
    awaits_final_checkpoint: bool
    """The job has two-phase sinks and checkpoints: its end needs one more, so that they commit."""


class Task:
    """A subtask. `chain` holds the operators behind the source, or all of them."""

    def __init__(
        self, subtask: SubtaskId, name: str, edges: Sequence[EdgeWriter], services: TaskServices
    ) -> None:
        self.subtask = subtask
        self.name = name
        self.phase = Phase.CREATED
        self.chain = Chain(())
        self.source: SourceIntake | None = None
        self._channels: ChannelIntake | None = None
        self._edges = list(edges)
        self._services = services
        self._start: Callable[[], None] = lambda: None
        self._snapshots = TaskSnapshots(
            subtask, services.configuration, services.uploads, self.post, services.send_event
        )
        self._stop_id: int | None = None
        self._ending: Callable[[], None] | None = None
        """What to do at the end of input, as soon as no operator holds records."""
        self._early_splits: list[tuple[Sequence[Split], bool]] = []
        self._latency = LatencyTracking(services.configuration, subtask.index, edges)
        self._figures = TaskFigures(edges, self._latency)

    # ---------------------------------------------------------------------------------------------------- life

    def wire(self, chain: Chain, intake: ChannelIntake | SourceIntake, start: Callable[[], None]) -> None:
        """Give the task its parts; `start` opens the reader, if there is one, after the chain."""
        self.chain = chain
        self._start = start
        if isinstance(intake, SourceIntake):
            self.source = intake
        else:
            self._channels = intake

    def open(self) -> None:
        """Open everything and run."""
        if self.phase is not Phase.CREATED:
            return
        self._report(TaskState.INITIALIZING)
        self.guard(self._open)()

    def _open(self) -> None:
        self.chain.open()
        self._start()
        self.phase = Phase.RUNNING
        for splits, no_more in self._early_splits:
            self._add_splits(splits, no_more)
        self._early_splits.clear()
        if self.source is not None:
            source_id = self.source.spec.operator_id
            self._latency.start(source_id, self.chain.operator_ids, self.call_at, self._may_mark)
        self._report(TaskState.RUNNING)

    def cancel(self) -> None:
        """Stop without a final state."""
        if self.phase is not Phase.OVER:
            self._close()
            self._report(TaskState.CANCELED)

    def fail(self, failure: Failure) -> None:
        """End as FAILED, unless it is over."""
        if self.phase is not Phase.OVER:
            self._close()
            self._report(TaskState.FAILED, failure)

    def guard(self, action: Callable[[], None]) -> Callable[[], None]:
        """The action, if the task is not over, with what it raises charged to the task."""

        def guarded() -> None:
            if self.phase is Phase.OVER:
                return
            try:
                action()
            except Exception as error:  # noqa: BLE001 - user code raises what it likes
                self.fail(failure_of(error))

        return guarded

    def call_at(self, timestamp: int, callback: Callable[[int], None]) -> None:
        """A timer of this task's operators."""
        self._services.mailbox.call_at(timestamp, lambda due: self.guard(lambda: callback(due))())

    # ------------------------------------------------------------------------------------------------- records

    def step(self) -> bool:
        """Handle one batch or control element; False if there is nothing to do."""
        try:
            return self._step()
        except Exception as error:  # noqa: BLE001 - user code raises what it likes
            self.fail(failure_of(error))
            return True

    def _step(self) -> bool:
        if self.phase not in (Phase.RUNNING, Phase.DATA_ENDED, Phase.CLOSING):
            return False
        if self._channels is not None and self.phase is not Phase.CLOSING:
            self._channels.check_barriers()
        self._snapshots.check_channels()
        if self._snapshots.is_serialising:
            self._snapshots.step()
        if self.phase is Phase.CLOSING:
            return self._try_finish()
        if self._ending is not None and self.chain.is_settled:
            self._end()
            return True
        if not (self.chain.has_room and all(edge.has_room for edge in self._edges)):
            self._figures.times.enter(Activity.BACKPRESSURED)
            return self._snapshots.is_serialising
        began = time.monotonic()
        if self._channels is not None:
            worked = self._ending is None and self._channels.step()
        else:
            worked = self._may_read and self.source is not None and self.source.step()
        if worked:
            self._figures.times.worked(began)
        else:
            self._figures.times.enter(Activity.IDLE)
        return worked or self._snapshots.is_serialising

    @property
    def _may_read(self) -> bool:
        return self.phase is Phase.RUNNING and self._stop_id is None and self._ending is None

    @property
    def is_source(self) -> bool:
        """Checkpoints start here."""
        return self.source is not None

    def add_splits(self, splits: Sequence[Split], no_more: bool) -> None:
        """The enumerator's answer; kept until the source is open."""
        self.guard(lambda: self._add_splits(splits, no_more))()

    def _add_splits(self, splits: Sequence[Split], no_more: bool) -> None:
        if self.source is None or self.phase is Phase.CREATED:
            self._early_splits.append((splits, no_more))
        else:
            self.source.add_splits(splits, no_more)

    def flush(self) -> bool:
        """Send on what waits in buffers; False if nothing did."""
        pending = [edge for edge in self._edges if edge.has_pending]
        for edge in pending:
            edge.flush()
        return bool(pending)

    def on_splits_wanted(self) -> None:
        """The reader asks for work."""
        self._services.send_event(SplitsWanted(subtask=self.subtask))

    def on_latency_marker(self, marker: elements.LatencyMarker) -> None:
        """A marker of a source: it goes on at once."""
        self._latency.passed(marker, self.chain.operator_ids)

    def _may_mark(self) -> bool:
        return self._may_read and all(edge.has_room for edge in self._edges)

    # --------------------------------------------------------------------------------------------- checkpoints

    def trigger(self, barrier: Barrier, drain: bool) -> None:
        """Start a checkpoint at this source. One that is about to be FINISHED has no part in it any more."""
        if self.phase in (Phase.CLOSING, Phase.OVER):
            return
        if self.phase not in (Phase.RUNNING, Phase.DATA_ENDED) or self._stop_id is not None:
            self._snapshots.decline(
                barrier.checkpoint_id,
                NotRunning(f"{self.name} is not running: it is {self.phase.name.lower()}"),
            )
            return
        if drain and self.phase is Phase.RUNNING:
            self._end_with(lambda: self._drain(barrier))
        else:
            self.on_aligned(barrier, 0.0)

    def on_aligned(self, barrier: Barrier, alignment_seconds: float) -> None:
        """The barrier is here on all inputs: pass it on, then take the state as of it."""
        capture = None if barrier.overtakes_at is None else ChannelCapture(barrier)
        self._take_snapshot(barrier, alignment_seconds, capture)

    def on_overtaken(self, barrier: Barrier, capture: ChannelCapture) -> None:
        """The barrier does not wait for the records before it: they go into the capture."""
        self._take_snapshot(barrier, 0.0, capture)

    def _take_snapshot(
        self, barrier: Barrier, alignment_seconds: float, capture: ChannelCapture | None
    ) -> None:
        started = time.monotonic()
        delay = max(0, time.time_ns() // 1_000_000 - barrier.timestamp - round(alignment_seconds * 1000))
        self.chain.prepare_snapshot(barrier.checkpoint_id)
        now = time.time_ns() // 1_000_000
        for edge in self._edges:
            if capture is None:
                edge.send(barrier)
            else:
                edge.send_overtaking(barrier, capture, now)
        if barrier.stop:
            self._stop_id = barrier.checkpoint_id
            self.chain.set_quiet(True)
        try:
            parts = [*self._source_part(), *self.chain.snapshot(barrier)]
        except StateNotSerializable as error:
            self._snapshots.decline(barrier.checkpoint_id, error)
            return
        sync = time.monotonic() - started
        self._snapshots.begin(
            PendingSnapshot(
                barrier, parts, alignment_seconds, sync, time.monotonic(), delay, channels=capture
            )
        )

    def _source_part(self) -> list[OperatorPart]:
        if self.source is None:
            return []
        splits = self.source.reader.snapshot()
        return [OperatorPart(self.source.spec.operator_id, OperatorSnapshot(splits=splits))]

    def complete(self, checkpoint_id: int) -> None:
        """The checkpoint is complete: commit, say so, and end if it was the last."""
        if self.phase in (Phase.CREATED, Phase.OVER):
            return
        if self.source is not None:
            self.source.reader.notify_complete(checkpoint_id)
        self.chain.notify_complete(checkpoint_id)
        self._services.send_event(CommitDone(subtask=self.subtask, checkpoint_id=checkpoint_id))
        if checkpoint_id == self._stop_id:
            self._send_all(elements.END_OF_PARTITION)
            self.phase = Phase.CLOSING

    def abort(self, checkpoint_id: int) -> None:
        """The checkpoint will never be complete; a stop that it was for is off."""
        if self.phase in (Phase.CREATED, Phase.OVER):
            return
        self._snapshots.abort(checkpoint_id)
        if self._channels is not None:
            self._channels.abort(checkpoint_id)
        self.chain.notify_aborted(checkpoint_id)
        if self._stop_id == checkpoint_id:
            self._stop_id = None
            if self.phase is Phase.RUNNING:
                self.chain.set_quiet(False)

    # ----------------------------------------------------------------------------------------------------- end

    def on_end_of_input(self, is_drain: bool) -> None:
        """No more records: finish the chain, then wait for a final checkpoint or end."""
        self._end_with(lambda: self._finish(is_drain))

    def _drain(self, barrier: Barrier) -> None:
        self._finish(is_drain=True)
        self.on_aligned(barrier, 0.0)

    def _end_with(self, ending: Callable[[], None]) -> None:
        """Event time ends at once, the rest comes when operators have emitted the results of what they hold."""
        if self.source is not None:
            self.source.end_event_time()
        self._ending = ending
        if self.chain.is_settled:
            self._end()

    def _end(self) -> None:
        ending, self._ending = self._ending, None
        if ending is not None:
            ending()

    def _finish(self, is_drain: bool) -> None:
        self.chain.finish()
        self._send_all(elements.EndOfData(is_drain))
        self.phase = Phase.DATA_ENDED
        if is_drain:
            return
        if self._services.awaits_final_checkpoint:
            self._services.send_event(EndOfData(subtask=self.subtask))
            return
        self._send_all(elements.END_OF_PARTITION)
        self.phase = Phase.CLOSING

    def _send_all(self, element: elements.Element) -> None:
        for edge in self._edges:
            edge.send(element)

    def _try_finish(self) -> bool:
        # A snapshot that it passed a barrier for lacks its state until then: it must not count as one without a part.
        if not self._snapshots.is_settled or not all(edge.is_delivered for edge in self._edges):
            return self._snapshots.is_serialising
        self._close()
        self._report(TaskState.FINISHED)
        return True

    def _close(self) -> None:
        # The last report comes before the end: what happened since the one before must not be lost.
        self._services.send_event(TaskMetrics(subtask=self.subtask, values=self.collect_metrics()))
        self.phase = Phase.OVER
        self._snapshots.drop_all()
        self.chain.close()
        if self.source is not None:
            self.source.close()

    def post(self, mail: Callable[[], None]) -> None:
        """Run it in the task thread unless the task is over by then; from any thread."""
        self._services.mailbox.post(self.guard(mail))

    def report_event_time(self, group: str, watermark: int | None) -> None:
        """For an operator of an alignment group: tell the JobManager."""
        self._services.send_event(EventTimeReported(subtask=self.subtask, group=group, watermark=watermark))

    def tell_group_time(self, group: str, lowest: int | None) -> None:
        """The JobManager's answer, for the operators that asked."""
        self.chain.tell_group_time(group, lowest)

    def _report(self, state: TaskState, failure: Failure | None = None) -> None:
        self._services.send_event(TaskStateChanged(subtask=self.subtask, state=state, failure=failure))

    # ------------------------------------------------------------------------------------------------- metrics

    def collect_metrics(self) -> dict[str, float]:
        """Values by Flink's names."""
        return self._figures.collect(self.chain, self._channels, self.source)
