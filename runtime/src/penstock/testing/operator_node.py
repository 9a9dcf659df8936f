"""One operator of a harness: with a real state backend and real timers by a manual clock, but without a task.

Made by `testing.stream_harness`, which wires the outputs and moves the time.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from penstock.common.conversion import Conversion, conversion_of
from penstock.common.type_information import TypeInformation
from penstock.graph.program_module import dumps, loads
from penstock.graph.streamgraph import StreamNode
from penstock.operators.contract import (
    MIN_TIMESTAMP,
    Batch,
    Operator,
    OperatorContext,
    OperatorSnapshot,
    RestoredState,
)
from penstock.state.backends import KeyedPlace, make_backend
from penstock.state.contract import SlotBackend
from penstock.taskmanager.metrics import OperatorMetrics
from penstock.taskmanager.watermarks import WatermarkMerge
from penstock.testing.clock import ManualClock, ManualTimers
from penstock.testing.keyed_snapshot import KeyedSnapshot, restore_keyed, snapshot_keyed
from penstock_api.keys import key_group_range

JOB_ID = "0" * 32


@dataclass(frozen=True, slots=True)
class Placement:
    """Which subtask a harness plays: it holds that subtask's share of the key groups."""

    subtask_index: int = 0
    parallelism: int = 1
    max_parallelism: int = 128


@dataclass(frozen=True, slots=True)
class NodeSnapshot:
    """What one subtask of an operator stored: keyed state in memory or in a folder, and what is not keyed."""

    keyed: KeyedSnapshot
    other: OperatorSnapshot


@dataclass(slots=True)
class NodeOutput:
    """Remembers what an operator gives and passes it on."""

    receivers: dict[str | None, list[Callable[[Batch], None]]] = field(default_factory=dict)
    watermark_receivers: list[Callable[[int], None]] = field(default_factory=list)
    idle_receivers: list[Callable[[bool], None]] = field(default_factory=list)
    on_side: Callable[[str, Batch], None] = lambda tag, batch: None
    watermark: int = MIN_TIMESTAMP
    is_idle: bool = False
    conversions: dict[str | None, Conversion] = field(default_factory=dict)
    """To the declared types of the main and the side outputs."""

    def emit(self, batch: Batch) -> None:
        """To the readers of the main output."""
        if batch.values:
            batch = self._shaped(None, batch)
            for receive in self.receivers.get(None, ()):
                receive(batch)

    def emit_side(self, tag: str, batch: Batch) -> None:
        """To the readers of that side output, and to the test."""
        if batch.values:
            batch = self._shaped(tag, batch)
            self.on_side(tag, batch)
            for receive in self.receivers.get(tag, ()):
                receive(batch)

    def _shaped(self, tag: str | None, batch: Batch) -> Batch:
        conversion = self.conversions.get(tag)
        return batch if conversion is None else Batch(conversion.all_of(batch.values), batch.timestamps)

    def emit_watermark(self, timestamp: int) -> None:
        """To all readers, if it moved."""
        if timestamp > self.watermark:
            self.watermark = timestamp
            for receive in self.watermark_receivers:
                receive(timestamp)

    def emit_idle(self, is_idle: bool) -> None:
        """To all readers, if it changed."""
        if is_idle != self.is_idle:
            self.is_idle = is_idle
            for receive in self.idle_receivers:
                receive(is_idle)


class OperatorNode:
    """An operator with what belongs to it. Its functions are copies, as in a slot."""

    def __init__(
        self, node: StreamNode, clock: ManualClock, placement: Placement, configuration: Mapping[str, str]
    ) -> None:
        self.node = node
        declared: dict[str | None, TypeInformation | None] = {None: node.declared}
        declared.update(node.declared_sides)
        conversions = {tag: made for tag, kind in declared.items() if (made := conversion_of(kind))}
        self.output = NodeOutput(conversions=conversions)
        self.operator: Operator = loads(dumps(node.make))()
        self.placement = placement
        self.backend: SlotBackend | None = None
        if node.is_keyed:
            first, last = key_group_range(
                placement.max_parallelism, placement.parallelism, placement.subtask_index
            )
            place = KeyedPlace(placement.max_parallelism, first, last, node.name)
            self.backend = make_backend(place, configuration)
        self.configuration = configuration
        self.timers = ManualTimers(node.name, self.backend, clock)
        self.metrics = OperatorMetrics()
        self.context: OperatorContext
        self._merge = WatermarkMerge(max(1, len(node.upstreams)))

    @property
    def name(self) -> str:
        """What names its state in a snapshot: the uid, or else its place."""
        return self.node.uid or f"{self.node.id}:{self.node.name}"

    def prepare(
        self,
        post: Callable[[Callable[[], None]], None],
        restored: list[NodeSnapshot],
    ) -> None:
        """Load the state of the subtasks that had it and make the context."""
        placement = self.placement
        selectors = [*self.node.key_selectors, _no_key] if self.node.is_keyed else []
        self.context = OperatorContext(
            task_name=self.node.name,
            operator_name=self.node.name,
            operator_id=f"{self.node.id:032x}",
            subtask_index=placement.subtask_index,
            parallelism=placement.parallelism,
            max_parallelism=placement.max_parallelism,
            attempt=1,
            job_id=JOB_ID,
            output=self.output,
            timers=self.timers,
            metrics=self.metrics,
            configuration=self.configuration,
            state=self.backend,
            key_selectors=selectors,
            restored=self._restored(restored) if restored else None,
            post=post,
        )

    def _restored(self, old: list[NodeSnapshot]) -> RestoredState:
        placement = self.placement
        backend = self.backend
        if backend is not None:
            restore_keyed(backend, [snapshot.keyed for snapshot in old], self.configuration)
        own = [
            snap for index, snap in enumerate(old) if index % placement.parallelism == placement.subtask_index
        ]
        return RestoredState(
            checkpoint_id=1,
            operator=[snap.other.operator for snap in own if snap.other.operator is not None],
            union=[snap.other.operator for snap in old if snap.other.operator is not None],
            writer=[state for snap in own for state in snap.other.writer],
            committables=[one for snap in own for one in snap.other.committables],
            old_parallelism=len(old),
        )

    def open(self) -> None:
        """Open the operator and let its timers fire."""
        self.operator.open(self.context)
        self.timers.start(self.operator)

    def on_watermark(self, edge: int, timestamp: int) -> None:
        """One of its inputs has reached that event time."""
        advance = self._merge.on_watermark(edge, timestamp)
        if advance.watermark is not None:
            self.timers.advance(advance.watermark)
            self.operator.on_watermark(advance.watermark)

    def on_idle(self, edge: int, is_idle: bool) -> None:
        """One of its inputs became idle, or active."""
        advance = self._merge.on_idle(edge, is_idle)
        if advance.watermark is not None:
            self.timers.advance(advance.watermark)
            self.operator.on_watermark(advance.watermark)
        if advance.is_idle is not None:
            self.output.emit_idle(advance.is_idle)

    def close(self) -> None:
        """Close the operator, and give back what its state holds."""
        self.operator.close()
        if self.backend is not None:
            self.backend.close()

    def snapshot(self, checkpoint_id: int, folder: Path | None) -> NodeSnapshot:
        """Its state now; `folder` is for a backend that stores files."""
        other = self.operator.snapshot(checkpoint_id)
        if self.backend is None:
            return NodeSnapshot(KeyedSnapshot(), other)
        return NodeSnapshot(
            snapshot_keyed(self.backend, self.placement.subtask_index, checkpoint_id, folder), other
        )


def _no_key(_value: Any) -> Any:
    raise TypeError("this input has no key: only keyed streams have one")
