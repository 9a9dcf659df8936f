"""Where a task's records come from: the channels of its gate, or a source reader. Driven by `taskmanager.task`.

An intake hands records to the chain and tells the task of barriers and of the end; it decides nothing about them.
"""

import time
from collections.abc import Callable, Sequence
from typing import Protocol

from penstock.checkpoint.aligner import Aligner
from penstock.connectors.contract import ReaderContext, SourceReader, Split
from penstock.control.barrier import Barrier
from penstock.exchange.channels import InputChannel, InputGate
from penstock.exchange.elements import (
    Element,
    EndOfData,
    EndOfPartition,
    Idleness,
    LatencyMarker,
    Watermark,
)
from penstock.exchange.in_flight import ChannelCapture
from penstock.graph.jobgraph import OperatorSpec
from penstock.operators.contract import MAX_WATERMARK, MIN_TIMESTAMP, Batch
from penstock.taskmanager.chain import Link
from penstock.taskmanager.metrics import OperatorMetrics
from penstock.taskmanager.output import ChainOutput
from penstock.taskmanager.overtaking import Overtaking
from penstock.taskmanager.pace import Pace
from penstock.taskmanager.poison import index_in, name_split
from penstock.taskmanager.watermarks import Advance, WatermarkMerge

_SPLIT_CHECK_SECONDS = 0.2
"""How often a reader is asked which splits are left, to release the watermarks of ended ones."""


class IntakeListener(Protocol):
    """What an intake tells its task."""

    def on_aligned(self, barrier: Barrier, alignment_seconds: float) -> None:
        """All channels have delivered the barrier."""

    def on_overtaken(self, barrier: Barrier, capture: ChannelCapture) -> None:
        """A barrier has overtaken the records of the channels, which go into the capture."""

    def on_end_of_input(self, is_drain: bool) -> None:
        """No more records."""

    def on_splits_wanted(self) -> None:
        """The reader asks for work."""

    def on_latency_marker(self, marker: LatencyMarker) -> None:
        """A marker of a source has come this far."""


class ChannelIntake:
    """Records from other tasks: alignment, the merged watermark and the end of all channels."""

    def __init__(self, gate: InputGate, head: Link, listener: IntakeListener) -> None:
        count = len(gate.channels)
        self.gate = gate
        self._head = head
        self._listener = listener
        self._aligner = Aligner(count)
        self._merge = WatermarkMerge(count)
        self._live = count
        self._is_drain = False
        self._pace = Pace()
        self._rest: tuple[InputChannel, Batch] | None = None
        """What is left of a batch that takes its time."""
        self._overtaking = Overtaking(gate, self._aligner, self._overtaken, lambda: self._rest)
        self.records_in = 0

    def check_barriers(self) -> None:
        """Let barriers overtake; also when the task cannot work for lack of room."""
        if self.gate.announced:
            self._overtaking.check(time.time_ns() // 1_000_000)

    def _overtaken(self, barrier: Barrier, capture: ChannelCapture) -> None:
        self._sync_held()
        self._listener.on_overtaken(barrier, capture)

    def step(self) -> bool:
        """Handle one element; False if there is none."""
        rest = self._rest
        if rest is not None:
            self._rest = None
            self._work(*rest)
            return True
        found = self.gate.next()
        if found is None:
            return False
        channel, element = found
        if isinstance(element, Batch):
            self._work(channel, element)
        else:
            self._control(channel.index, element)
        return True

    def _work(self, channel: InputChannel, batch: Batch) -> None:
        """Handle as many records as the pace allows; the others wait for the next step."""
        limit = self._pace.limit
        if len(batch.values) > limit:
            times = batch.timestamps
            self._rest = (channel, Batch(batch.values[limit:], None if times is None else times[limit:]))
            batch = Batch(batch.values[:limit], None if times is None else times[:limit])
        started = time.perf_counter()
        self.records_in += len(batch.values)
        self._head.process_input(batch, channel.input_index)
        self._pace.note(len(batch.values), time.perf_counter() - started)

    def abort(self, checkpoint_id: int) -> None:
        """That checkpoint is over: release the channels that wait for it."""
        self._aligner.abort(checkpoint_id)
        self._overtaking.abort(checkpoint_id)
        self._sync_held()

    @property
    def watermark(self) -> int:
        """The merged watermark."""
        return self._merge.current

    @property
    def bytes_in(self) -> int:
        """Bytes from other slots."""
        return sum(channel.bytes_in for channel in self.gate.channels)

    def _control(self, channel: int, element: Element) -> None:
        if isinstance(element, Watermark):
            self._advance(self._merge.on_watermark(channel, element.timestamp))
        elif isinstance(element, Idleness):
            self._advance(self._merge.on_idle(channel, element.is_idle))
        elif isinstance(element, Barrier):
            done = self._aligner.on_barrier(channel, element, time.monotonic())
            self._aligned(done)
        elif isinstance(element, EndOfData):
            self._live -= 1
            self._is_drain = self._is_drain or element.is_drain
            if self._live == 0:
                self._listener.on_end_of_input(self._is_drain)
        elif isinstance(element, LatencyMarker):
            self._listener.on_latency_marker(element)
        elif isinstance(element, EndOfPartition):
            self._aligned(self._aligner.on_end(channel))

    def _advance(self, advance: Advance) -> None:
        if advance.is_idle is False:
            self._head.set_idle(False)
        if advance.watermark is not None:
            self._head.advance(advance.watermark)
        if advance.is_idle:
            self._head.set_idle(True)

    def _aligned(self, barrier: Barrier | None) -> None:
        if barrier is not None:
            self._listener.on_aligned(barrier, time.monotonic() - self._aligner.since)
        self._sync_held()

    def _sync_held(self) -> None:
        self.gate.held = self._aligner.held
        if not self.gate.held:
            self.gate.release()


class SourceIntake:
    """Records from a source reader."""

    def __init__(self, spec: OperatorSpec, reader: SourceReader, output: ChainOutput) -> None:
        self.spec = spec
        self.reader = reader
        self.output = output
        self.metrics = OperatorMetrics()
        self._links: list[Link] = []
        self._starts: dict[str, Split] = {}
        self._read: dict[str, int] = {}
        """Of each split: as it was assigned, and how many records were read from it since."""
        self._aligned: list[Callable[[], frozenset[str]]] = []
        """Of operators that align splits: those that must not be read now."""
        self._paused: frozenset[str] = frozenset()
        self._listener: IntakeListener | None = None
        self._asked = False
        self._known: set[str] = set()
        self._pace = Pace()
        self._next_check = 0.0
        self.records_in = 0

    def follow(self, links: Sequence[Link]) -> None:
        """These operators read the source: tell them when a split ends."""
        self._links = list(links)
        if hasattr(self.reader, "pause_splits"):
            tells = [getattr(link.operator, "splits_ahead", None) for link in links]
            self._aligned = [tell for tell in tells if tell is not None]

    def open(self, context: ReaderContext, splits: Sequence[Split], listener: IntakeListener) -> None:
        """Start the reader."""
        self._listener = listener
        self.reader.open(context)
        self._take(splits)

    def add_splits(self, splits: Sequence[Split], no_more: bool) -> None:
        """The enumerator's answer."""
        self._take(splits)
        if no_more:
            self.reader.no_more_splits()
        self._asked = False

    def step(self) -> bool:
        """Handle one batch; False if there is none."""
        reader = self.reader
        if self._aligned:
            self._pause_splits()
        found = reader.poll(self._pace.limit)
        if not self._asked and reader.wants_splits():
            self._asked = True
            self._tell().on_splits_wanted()
        if found is None:
            self._release_ended(set())
            if reader.is_finished():
                self._tell().on_end_of_input(False)
                return True
            return False
        self._known.add(found.split_id)
        self.records_in += len(found.batch.values)
        self._emit(found.split_id, found.batch)
        if len(self._known) > 1:
            self._release_ended({found.split_id})
        return True

    def _pause_splits(self) -> None:
        ahead = frozenset().union(*(tell() for tell in self._aligned))
        if ahead != self._paused:
            self._paused = ahead
            self.reader.pause_splits(ahead)  # type: ignore[attr-defined] # looked for in `follow`

    def _emit(self, split_id: str, batch: Batch) -> None:
        started = time.perf_counter()
        size, read = len(batch.values), self._read.get(split_id, 0)
        try:
            self.output.emit_split(split_id, batch)
        except Exception as error:
            index = index_in(error, batch)
            find = getattr(self.reader, "where", None)
            at = None if index is None or find is None else find(index)
            name_split(error, split_id, self._starts.get(split_id, {}), (read, size), at)
            raise
        self._read[split_id] = read + size
        self._pace.note(size, time.perf_counter() - started)

    def end_event_time(self) -> None:
        """The source will say nothing more: event time ends."""
        self.output.emit_watermark(MAX_WATERMARK)

    def collect_metrics(self) -> dict[str, float]:
        """The reader's metrics, under the source's name."""
        name, own = self.spec.name, self.metrics.collect()
        values = {f"{name}.{metric}": value for metric, value in own.items()}
        values[f"{name}.numRecordsIn"] = values[f"{name}.numRecordsOut"] = float(self.records_in)
        values |= {f"{name}.{metric}": value for metric, value in self._event_time().items()}
        if "pendingRecords" in own:
            values["pendingRecords"] = own["pendingRecords"]
        return values

    def _event_time(self) -> dict[str, float]:
        """How far event time is behind the clock, as Flink's source tells it; nothing before there is event time."""
        lags = [getattr(link.operator, "emit_event_time_lag", None) for link in self._links]
        known = [float(lag) for lag in lags if lag is not None]
        found = {"currentEmitEventTimeLag": max(known)} if known else {}
        if self._links:
            watermark = min(link.output.watermark for link in self._links)
            found["currentOutputWatermark"] = float(watermark)
            if MIN_TIMESTAMP < watermark < MAX_WATERMARK:
                found["watermarkLag"] = float(time.time_ns() // 1_000_000 - watermark)
        return found

    def close(self) -> None:
        """Stop the reader."""
        self.reader.close()

    def _tell(self) -> IntakeListener:
        assert self._listener is not None  # noqa: S101 - set by open
        return self._listener

    def _take(self, splits: Sequence[Split]) -> None:
        """Splits hold the watermark back from now on, not from their first record: else the one read first would make the others late."""
        if not splits:
            return
        self._starts.update((str(split["id"]), dict(split)) for split in splits)
        self.reader.add_splits(splits)
        fresh = self.reader.split_ids() - self._known
        for split_id in fresh:
            for link in self._links:
                link.hold_split(split_id)
        self._known |= fresh

    def _release_ended(self, living: set[str]) -> None:
        """Tell the operators behind the source which splits have ended, so that they hold no watermark back."""
        now = time.monotonic()
        if not self._known or now < self._next_check:
            return
        self._next_check = now + _SPLIT_CHECK_SECONDS
        left = self.reader.split_ids() | living
        for split_id in self._known - left:
            for link in self._links:
                link.release_split(split_id)
            self._starts.pop(split_id, None)
            self._read.pop(split_id, None)
        self._known &= left
