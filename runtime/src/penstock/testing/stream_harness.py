"""A piece of a program under test: streams in, operators as they would run in one subtask, results out; no task, no threads.

Time stands still until the test moves it, so a test says exactly what happens in which order. A snapshot can be taken at
any point and another harness started from it, also with another parallelism.
"""
# ruff: noqa: SLF001 - the harness looks into the graph that the streams of one package build

import inspect
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from types import TracebackType
from typing import Any, Self, cast

from penstock.common.configuration import Configuration
from penstock.common.output_tag import OutputTag
from penstock.common.state_descriptors import StateDescriptor
from penstock.datastream.data_stream import DataStream
from penstock.datastream.stream_execution_environment import StreamExecutionEnvironment
from penstock.graph.streamgraph import StreamNode, Upstream
from penstock.operators.contract import MAX_WATERMARK, MIN_TIMESTAMP, Batch, Buffering
from penstock.operators.state_access import open_state
from penstock.state.contract import TimerSet
from penstock.state.timers import TimerQueue
from penstock.testing.clock import ManualClock
from penstock.testing.operator_node import NodeSnapshot, OperatorNode, Placement


@dataclass(frozen=True, slots=True)
class StreamSnapshot:
    """State of all operators of a harness, by name; and the processing time at which it was taken."""

    nodes: Mapping[str, NodeSnapshot]
    processing_time: int


class StreamHarness:
    """Runs what `build` makes of its input streams. A context manager; `close` closes the functions.

    `restored` is a snapshot, or one for each subtask that took one. `placement` says which subtask this is. A state
    backend that stores files (`configuration={"state.backend.type": "rocksdb"}`) needs a `state_folder` for snapshots.
    """

    def __init__(
        self,
        build: Callable[..., DataStream],
        *,
        restored: StreamSnapshot | Sequence[StreamSnapshot] = (),
        placement: Placement | None = None,
        configuration: Mapping[str, str] | None = None,
        processing_time: int = 0,
        state_folder: Path | None = None,
    ) -> None:
        old = [restored] if isinstance(restored, StreamSnapshot) else list(restored)
        self._clock = ManualClock(max([processing_time, *(snapshot.processing_time for snapshot in old)]))
        self._mails: deque[Callable[[], None]] = deque()
        self._mailed = Event()
        self._results: list[tuple[Any, int]] = []
        self._side: dict[str, list[Any]] = {}
        self._is_closed = False
        self._state_folder = state_folder
        settings = {"execution.checkpointing.interval": "1 s", **(configuration or {})}
        environment = StreamExecutionEnvironment(Configuration.from_dict(settings))
        inputs = [_input(environment, number) for number in range(_arity(build))]
        result = build(*(DataStream(environment, node) for node in inputs))
        self._inputs = inputs
        self._nodes = [
            OperatorNode(node, self._clock, placement or Placement(), settings)
            for node in environment._graph.nodes[len(inputs) :]
        ]
        self._receivers: dict[int, list[tuple[OperatorNode, int, Upstream]]] = {
            node.id: [] for node in inputs
        }
        self._wire(result._upstreams)
        for node in self._nodes:
            node.prepare(self._post, [one.nodes[node.name] for one in old if node.name in one.nodes])
        for node in reversed(self._nodes):
            node.open()

    # ------------------------------------------------------------------------------------------------- input

    def process_element(self, value: Any, timestamp: int | None = None, stream: int = 0) -> None:
        """One record on an input stream, with its event time if it has one."""
        self.process_batch([value], None if timestamp is None else [timestamp], stream)

    def process_batch(
        self, values: Iterable[Any], timestamps: Iterable[int] | None = None, stream: int = 0
    ) -> None:
        """Several records at once, as they travel between tasks."""
        batch = Batch(list(values), None if timestamps is None else list(timestamps))
        for node, _, upstream in self._receivers[self._inputs[stream].id]:
            node.operator.process(batch, upstream.input_index)
        self.run_mails()

    def process_watermark(self, timestamp: int, stream: int | None = None) -> None:
        """Event time of an input stream, or of all, has reached that."""
        for number in range(len(self._inputs)) if stream is None else [stream]:
            for node, edge, _ in self._receivers[self._inputs[number].id]:
                node.on_watermark(edge, timestamp)
        self.run_mails()

    def process_idle(self, is_idle: bool, stream: int = 0) -> None:
        """An input stream is idle, or active again."""
        for node, edge, _ in self._receivers[self._inputs[stream].id]:
            node.on_idle(edge, is_idle)

    def set_processing_time(self, timestamp: int) -> None:
        """Move the clock; timers fire on the way."""
        self._clock.set(timestamp)
        self.run_mails()

    def finish(self) -> None:
        """All input has ended."""
        self.process_watermark(MAX_WATERMARK)
        self.settle()
        for node in self._nodes:
            node.operator.finish()
            node.output.emit_watermark(MAX_WATERMARK)
        self.run_mails()

    # ------------------------------------------------------------------------------------------- asynchronous

    def run_mails(self) -> None:
        """Run what other threads have handed in so far, such as results of async functions."""
        self._mailed.clear()
        while self._mails:
            self._mails.popleft()()

    def settle(self, timeout_seconds: float = 10.0) -> None:
        """Wait until async functions have given all results; TimeoutError if they do not."""
        self.run_until(lambda: all(one.is_settled() for one in self._buffering()), timeout_seconds)

    def run_until(self, condition: Callable[[], bool], timeout_seconds: float = 10.0) -> None:
        """Take what other threads hand in until the condition holds; TimeoutError if it does not come true."""
        deadline = time.monotonic() + timeout_seconds
        self.run_mails()
        while not condition():
            if not self._mailed.wait(max(0.0, deadline - time.monotonic())):
                raise TimeoutError(f"what was waited for has not happened within {timeout_seconds} s")
            self.run_mails()

    @property
    def has_room(self) -> bool:
        """A task would go on reading: no operator holds its input back."""
        return all(operator.has_room() for operator in self._buffering())

    def _buffering(self) -> list[Buffering]:
        return [cast(Buffering, n.operator) for n in self._nodes if hasattr(n.operator, "is_settled")]

    def _post(self, mail: Callable[[], None]) -> None:
        self._mails.append(mail)
        self._mailed.set()

    # ------------------------------------------------------------------------------------------------ output

    def extract_output_values(self) -> list[Any]:
        """The results since the last look."""
        return [value for value, _ in self.extract_output()]

    def extract_output(self) -> list[tuple[Any, int]]:
        """The same with their event time; MIN_TIMESTAMP without one."""
        taken, self._results = self._results, []
        return taken

    def get_side_output(self, tag: OutputTag | str) -> list[Any]:
        """What went to a side output since the last look."""
        return self._side.pop(tag if isinstance(tag, str) else tag.tag_id, [])

    @property
    def watermark(self) -> int:
        """The event time that the results have reached."""
        return self._nodes[-1].output.watermark

    @property
    def processing_time(self) -> int:
        """The clock."""
        return self._clock.now

    def counter(self, name: str) -> float:
        """A counter or gauge of the operators, summed up."""
        return sum(node.metrics.collect().get(name, 0.0) for node in self._nodes)

    # ------------------------------------------------------------------------------------------------- state

    def num_event_time_timers(self) -> int:
        """Registered timers that wait for event time."""
        return sum(_count(node.backend.event_timers) for node in self._nodes if node.backend is not None)

    def num_processing_time_timers(self) -> int:
        """Registered timers that wait for the clock."""
        return sum(_count(node.backend.processing_timers) for node in self._nodes if node.backend is not None)

    def num_keyed_state_entries(self) -> int:
        """Values in keyed state, of all keys and operators."""
        backends: list[Any] = [node.backend for node in self._nodes if node.backend is not None]
        return sum(1 for backend in backends for table in backend._tables.values() for _ in table.entries())

    def keyed_state(self, key: Any, descriptor: StateDescriptor, operator: str | None = None) -> Any:
        """A handle on a state of a key; `operator` is a name or uid where several are keyed."""
        for node in self._nodes:
            if node.backend is not None and operator in (None, node.node.uid, node.node.name):
                node.backend.set_current_key(key)
                return open_state(node.backend, descriptor, node.timers)
        raise LookupError(f"no keyed operator {operator or ''} in this harness")

    def snapshot(self, checkpoint_id: int = 1) -> StreamSnapshot:
        """State of all operators as of now. The harness may go on, or be closed and another be started from it."""
        for node in self._nodes:
            node.operator.prepare_snapshot(checkpoint_id)
        return StreamSnapshot(
            {node.name: node.snapshot(checkpoint_id, self._state_folder) for node in self._nodes},
            self._clock.now,
        )

    def notify_complete(self, checkpoint_id: int = 1) -> None:
        """The checkpoint is complete."""
        for node in self._nodes:
            node.operator.notify_complete(checkpoint_id)

    def close(self) -> None:
        """Close the functions; once."""
        if not self._is_closed:
            self._is_closed = True
            for node in self._nodes:
                node.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # ------------------------------------------------------------------------------------------------ wiring

    def _wire(self, ends: Sequence[Upstream]) -> None:
        made = {node.node.id: node for node in self._nodes}
        for node in self._nodes:
            node.output.on_side = self._keep_side
            for edge, upstream in enumerate(node.node.upstreams):
                feeder = made.get(upstream.node)
                if feeder is None:
                    self._receivers[upstream.node].append((node, edge, upstream))
                else:
                    _connect(feeder, node, edge, upstream)
        for end in ends:
            if end.node in made:
                made[end.node].output.receivers.setdefault(end.side_output, []).append(self._keep)

    def _keep(self, batch: Batch) -> None:
        times = batch.timestamps if batch.timestamps is not None else [MIN_TIMESTAMP] * len(batch)
        self._results.extend(zip(batch.values, times, strict=True))

    def _keep_side(self, tag: str, batch: Batch) -> None:
        self._side.setdefault(tag, []).extend(batch.values)


def _connect(feeder: OperatorNode, node: OperatorNode, edge: int, upstream: Upstream) -> None:
    output, index = feeder.output, upstream.input_index
    output.receivers.setdefault(upstream.side_output, []).append(
        lambda batch: node.operator.process(batch, index)
    )
    output.watermark_receivers.append(lambda timestamp: node.on_watermark(edge, timestamp))
    output.idle_receivers.append(lambda is_idle: node.on_idle(edge, is_idle))


def _count(timers: TimerSet) -> int:
    if not isinstance(timers, TimerQueue):
        raise TypeError("timers can be counted with the hashmap backend only")
    return len(timers)


def _arity(build: Callable[..., DataStream]) -> int:
    return len(inspect.signature(build).parameters)


def _input(environment: StreamExecutionEnvironment, number: int) -> StreamNode:
    return environment._graph.add(f"Input {number}", _no_reader, [])


def _no_reader() -> Any:
    raise RuntimeError("a harness has no source: call process_element")
