"""The chain of a task: its operators, fed one from the other by direct calls, with their state and timers.

Built by `taskmanager.deployment`, driven by `taskmanager.task` in the task thread. Operators are opened from the last
to the first, so that one which emits in `open` finds the next one ready, and finished from the first to the last.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from penstock.control.barrier import Barrier
from penstock.graph.jobgraph import OperatorSpec
from penstock.operators.contract import (
    MAX_WATERMARK,
    Batch,
    Buffering,
    Operator,
    OperatorContext,
    OperatorSnapshot,
)
from penstock.state.contract import FrozenKeyed, SlotBackend, SnapshotForm
from penstock.taskmanager.metrics import OperatorMetrics
from penstock.taskmanager.output import ChainOutput
from penstock.taskmanager.poison import SKIPPED, guard_process, is_skipping, name_record
from penstock.taskmanager.timers import OperatorTimers
from penstock_api.manifest import KeyedStateInfo

_log = logging.getLogger(__name__)


@dataclass(slots=True, frozen=True)
class OperatorPart:
    """What one operator adds to a checkpoint."""

    operator_id: str
    snapshot: OperatorSnapshot
    frozen: FrozenKeyed | None = None
    states: Sequence[KeyedStateInfo] = ()


class Link:
    """One operator of the chain, with what belongs to it."""

    def __init__(self, spec: OperatorSpec, operator: Operator, context: OperatorContext) -> None:
        self.spec = spec
        self.operator = operator
        self.context = context
        self.records_in = 0
        count = self.metrics.counter(SKIPPED) if is_skipping(context.configuration) else None
        self._process = guard_process(operator.process, operator, spec.name, count)
        self._process_split: Callable[[str, Batch], None] | None = getattr(operator, "process_split", None)

    @property
    def output(self) -> ChainOutput:
        """Where its results go."""
        output = self.context.output
        assert isinstance(output, ChainOutput)  # noqa: S101 - the chain made it
        return output

    @property
    def timers(self) -> OperatorTimers:
        """Its timers."""
        timers = self.context.timers
        assert isinstance(timers, OperatorTimers)  # noqa: S101 - the chain made them
        return timers

    @property
    def metrics(self) -> OperatorMetrics:
        """Its metric group."""
        metrics = self.context.metrics
        assert isinstance(metrics, OperatorMetrics)  # noqa: S101 - the chain made it
        return metrics

    @property
    def backend(self) -> SlotBackend | None:
        """Its keyed state."""
        return cast("SlotBackend | None", self.context.state)

    def process(self, batch: Batch) -> None:
        """Handle records of a one-input operator."""
        self.records_in += len(batch.values)
        self._process(batch, 0)

    def process_input(self, batch: Batch, input_index: int) -> None:
        """Handle records of one of the head's inputs."""
        self.records_in += len(batch.values)
        self._process(batch, input_index)

    def process_split(self, split_id: str, batch: Batch) -> None:
        """Handle records of a source's split; an operator that does not tell splits apart gets plain records."""
        if self._process_split is None:
            self.process(batch)
        else:
            self.records_in += len(batch.values)
            try:
                self._process_split(split_id, batch)
            except Exception as error:
                name_record(error, self.spec.name, batch)
                raise

    def hold_split(self, split_id: str) -> None:
        """A source's split was assigned: no record of it has come yet."""
        hold = getattr(self.operator, "hold_split", None)
        if hold is not None:
            hold(split_id)

    def release_split(self, split_id: str) -> None:
        """A source's split has ended."""
        release = getattr(self.operator, "release_split", None)
        if release is not None:
            release(split_id)

    def advance(self, timestamp: int) -> None:
        """Event time of its input moved: timers first, then the operator itself."""
        self.timers.advance(timestamp)
        self.operator.on_watermark(timestamp)

    def set_idle(self, is_idle: bool) -> None:
        """Idleness passes through."""
        self.output.emit_idle(is_idle)


class Chain:
    """The operators of a task, in topological order. Without the source reader, which the task drives itself."""

    def __init__(self, links: Sequence[Link]) -> None:
        self.links = list(links)
        self._opened: list[Link] = []
        self._buffering: list[Buffering] = [
            cast(Buffering, link.operator) for link in links if hasattr(link.operator, "is_settled")
        ]

    @property
    def operator_ids(self) -> list[str]:
        """Of all operators."""
        return [link.spec.operator_id for link in self.links]

    @property
    def has_room(self) -> bool:
        """No operator asks to be left alone until it has emitted what it holds."""
        return not self._buffering or all(operator.has_room() for operator in self._buffering)

    @property
    def is_settled(self) -> bool:
        """No operator holds records whose results are still to come."""
        return all(operator.is_settled() for operator in self._buffering)

    def tell_group_time(self, group: str, lowest: int | None) -> None:
        """How far the slowest source of an alignment group is."""
        for operator in self._buffering:
            tell = getattr(operator, "on_group_time", None)
            if tell is not None:
                tell(group, lowest)

    def open(self) -> None:
        """Open all, the last first."""
        for link in reversed(self.links):
            self._opened.append(link)
            link.operator.open(link.context)
            link.timers.start(link.operator)

    def finish(self) -> None:
        """All input has ended: let each emit what it still holds, the first first."""
        for link in self.links:
            link.operator.finish()
            # An operator that swallows the last watermark must not keep those behind it from finishing.
            link.output.emit_watermark(MAX_WATERMARK)
            link.timers.set_quiet(True)

    def set_quiet(self, is_quiet: bool) -> None:
        """Hold all timers, or fire them again."""
        for link in self.links:
            link.timers.set_quiet(is_quiet)
        for operator in self._buffering:
            operator.set_quiet(is_quiet)

    def prepare_snapshot(self, checkpoint_id: int) -> None:
        """Let each emit what must be before the barrier."""
        for link in self.links:
            link.operator.prepare_snapshot(checkpoint_id)

    def snapshot(self, barrier: Barrier) -> list[OperatorPart]:
        """State of each as of the barrier; keyed state is frozen, not yet serialised."""
        form = SnapshotForm.CHECKPOINT
        if barrier.is_savepoint:
            form = SnapshotForm.NATIVE if barrier.is_native else SnapshotForm.CANONICAL
        parts = []
        for link in self.links:
            operator_id, backend = link.spec.operator_id, link.backend
            snapshot = link.operator.snapshot(barrier.checkpoint_id)
            if backend is None:
                parts.append(OperatorPart(operator_id, snapshot))
            else:
                frozen = backend.freeze(form, barrier.checkpoint_id)
                parts.append(OperatorPart(operator_id, snapshot, frozen, backend.declared()))
        return parts

    def notify_complete(self, checkpoint_id: int) -> None:
        """Let each commit."""
        for link in self.links:
            link.operator.notify_complete(checkpoint_id)
            if link.backend is not None:
                link.backend.on_complete(checkpoint_id)

    def notify_aborted(self, checkpoint_id: int) -> None:
        """Tell each that the checkpoint will not come."""
        for link in self.links:
            link.operator.notify_aborted(checkpoint_id)
            if link.backend is not None:
                link.backend.on_aborted(checkpoint_id)

    def close(self) -> None:
        """Close all that were opened, whatever they raise."""
        for link in self._opened:
            try:
                link.operator.close()
            except Exception:  # noqa: BLE001 - user code; the others must close too
                _log.exception("closing operator %r failed", link.spec.name)
        self._opened.clear()
        for link in self.links:
            if link.backend is not None:
                link.backend.close()

    def collect_metrics(self) -> dict[str, float]:
        """Values of all operators, as `<operator name>.<metric>`."""
        values: dict[str, float] = {}
        for link in self.links:
            own: dict[str, Any] = {
                "numRecordsIn": float(link.records_in),
                "numRecordsOut": float(link.output.records_out),
                "currentOutputWatermark": float(link.output.watermark),
                **link.metrics.collect(),
            }
            values.update((f"{link.spec.name}.{name}", value) for name, value in own.items())
        return values
