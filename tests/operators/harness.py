"""Runs one operator with a real state backend and real timers, without a task: feed it, move its time, look at its output."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from penstock.operators.contract import (
    MIN_TIMESTAMP,
    Batch,
    Operator,
    OperatorContext,
    RestoredState,
)
from penstock.state.hashmap import HashMapBackend
from penstock.taskmanager.metrics import OperatorMetrics
from penstock.taskmanager.timers import OperatorTimers


class Recorded:
    """An Output that keeps everything."""

    def __init__(self) -> None:
        self.records: list[tuple[Any, int]] = []
        self.side: dict[str, list[Any]] = {}
        self.watermarks: list[int] = []
        self.idle: list[bool] = []

    def emit(self, batch: Batch) -> None:
        self.records.extend(zip(batch.values, batch.timestamps or [MIN_TIMESTAMP] * len(batch), strict=True))

    def emit_side(self, tag: str, batch: Batch) -> None:
        self.side.setdefault(tag, []).extend(batch.values)

    def emit_watermark(self, timestamp: int) -> None:
        self.watermarks.append(timestamp)

    def emit_idle(self, is_idle: bool) -> None:
        self.idle.append(is_idle)


class Harness:
    """One operator, opened."""

    def __init__(
        self,
        operator: Operator,
        keys: Sequence[Callable[[Any], Any]] = (),
        configuration: Mapping[str, str] | None = None,
        restored: RestoredState | None = None,
    ) -> None:
        self.operator = operator
        self.output = Recorded()
        self.calls: list[tuple[int, Callable[[int], None]]] = []
        backend = HashMapBackend(128, 0, 127, "test") if keys else None
        self.metrics = OperatorMetrics()
        self.timers = OperatorTimers("test", backend, lambda at, call: self.calls.append((at, call)))
        operator.open(
            OperatorContext(
                task_name="task",
                operator_name="test",
                operator_id="0" * 32,
                subtask_index=0,
                parallelism=1,
                max_parallelism=128,
                attempt=1,
                job_id="1" * 32,
                output=self.output,
                timers=self.timers,
                metrics=self.metrics,
                configuration=configuration or {},
                state=backend,
                key_selectors=keys,
                restored=restored,
            )
        )
        self.timers.start(operator)

    def feed(self, *values: Any, at: Sequence[int] | None = None, side: int = 0) -> list[Any]:
        """Process a batch; returns what has come out since the last look."""
        self.operator.process(Batch(list(values), list(at) if at is not None else None), side)
        return self.take()

    def advance(self, watermark: int) -> list[Any]:
        """Move event time; returns what came out."""
        self.timers.advance(watermark)
        self.operator.on_watermark(watermark)
        return self.take()

    def take(self) -> list[Any]:
        values = [value for value, _ in self.output.records]
        self.output.records.clear()
        return values
