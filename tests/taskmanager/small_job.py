"""A small job for slot tests: a counting source, a keyed running sum and a sink that writes lines to a file.

Loaded by reference in slot processes, so it stays a module of its own.
"""

import json
import pickle
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cloudpickle

from penstock.connectors.contract import ReaderContext, SourceBatch, Split
from penstock.graph.jobgraph import Boundedness, EdgeSpec, OperatorSpec, Partitioner, SourceSpec, VertexSpec
from penstock.operators.contract import Batch, OperatorContext, OperatorSnapshot
from penstock.state.contract import MISSING

KEYS = 7


class CountingReader:
    """Each split counts from `next` to `end`; a `hold` (file) makes it wait before the end until the file is there."""

    def __init__(self, batch_size: int = 100, hold: str | None = None) -> None:
        self._batch_size = batch_size
        self._hold = Path(hold) if hold else None
        self._splits: list[dict[str, Any]] = []
        self._is_last = False
        self._asked = False

    def open(self, ctx: ReaderContext) -> None:
        self._ctx = ctx

    def add_splits(self, splits: Sequence[Split]) -> None:
        self._splits += [dict(split) for split in splits]

    def no_more_splits(self) -> None:
        self._is_last = True

    def poll(self, max_records: int) -> SourceBatch | None:
        for split in self._splits:
            end = split["end"]
            if self._hold is not None and not self._hold.exists():
                end -= 10
            start = split["next"]
            stop = min(end, start + self._batch_size)
            if start < stop:
                split["next"] = stop
                values = list(range(start, stop))
                return SourceBatch(split["id"], Batch(values, [value * 10 for value in values]))
        return None

    def wants_splits(self) -> bool:
        return not self._splits and not self._is_last

    def is_finished(self) -> bool:
        return self._is_last and all(split["next"] >= split["end"] for split in self._splits)

    def split_ids(self) -> set[str]:
        return {split["id"] for split in self._splits if split["next"] < split["end"]}

    def snapshot(self) -> list[Split]:
        return [dict(split) for split in self._splits]

    def notify_complete(self, checkpoint_id: int) -> None:
        pass

    def close(self) -> None:
        pass


class Base:
    """An operator that does nothing."""

    ctx: OperatorContext

    def open(self, ctx: OperatorContext) -> None:
        self.ctx = ctx

    def process(self, batch: Batch, input_index: int) -> None:
        self.ctx.output.emit(batch)

    def on_watermark(self, timestamp: int) -> None:
        self.ctx.output.emit_watermark(timestamp)

    def on_event_timer(self, timestamp: int, key: Any, namespace: Any) -> None:
        pass

    def on_processing_timer(self, timestamp: int, key: Any, namespace: Any) -> None:
        pass

    def prepare_snapshot(self, checkpoint_id: int) -> None:
        pass

    def snapshot(self, checkpoint_id: int) -> OperatorSnapshot:
        return OperatorSnapshot()

    def notify_complete(self, checkpoint_id: int) -> None:
        pass

    def notify_aborted(self, checkpoint_id: int) -> None:
        pass

    def finish(self) -> None:
        pass

    def close(self) -> None:
        pass


class Marks(Base):
    """Emits the last record's timestamp as watermark."""

    def process(self, batch: Batch, input_index: int) -> None:
        assert batch.timestamps is not None
        self.ctx.output.emit(batch)
        self.ctx.output.emit_watermark(batch.timestamps[-1])


@dataclass
class Tally:
    """A state value of a class of the program."""

    count: int
    total: int

    def __iter__(self) -> Iterator[int]:
        return iter((self.count, self.total))


class RunningSum(Base):
    """Emits (key, count, sum) when event time ends; state survives checkpoints and rescaling."""

    def __init__(self, value_class: str | None = None) -> None:
        self._make: Any = globals()[value_class] if value_class else lambda *parts: parts

    def process(self, batch: Batch, input_index: int) -> None:
        backend = self.ctx.state
        assert backend is not None
        table = backend.table("sum")
        for value in batch.values:
            backend.set_current_key(self.ctx.key_selectors[0](value))
            old = table.get()
            if old is MISSING:
                self.ctx.timers.register_event_timer(2**63 - 1)
                old = (0, 0)
            count, total = old
            table.put(self._make(count + 1, total + value))

    def on_event_timer(self, timestamp: int, key: Any, namespace: Any) -> None:
        assert self.ctx.state is not None
        count, total = self.ctx.state.table("sum").get()
        self.ctx.output.emit(Batch([(key, count, total)]))


class Failing(Base):
    """Raises at one value."""

    def __init__(self, at: int) -> None:
        self._at = at

    def process(self, batch: Batch, input_index: int) -> None:
        if self._at in batch.values:
            raise ValueError(f"cannot digest {self._at}")
        self.ctx.output.emit(batch)


class Waiting(Base):
    """Blocks its slot at the first record until a file is there."""

    def __init__(self, gate: str) -> None:
        self._gate = Path(gate)

    def process(self, batch: Batch, input_index: int) -> None:
        while not self._gate.exists():
            self._gate.with_name("reached").touch()
            time.sleep(0.01)
        self.ctx.output.emit(batch)


class Slow(Base):
    """Takes a millisecond a record until a file is there."""

    def __init__(self, gate: str) -> None:
        self._gate = Path(gate)

    def process(self, batch: Batch, input_index: int) -> None:
        if not self._gate.exists():
            time.sleep(0.001 * len(batch))
        self.ctx.output.emit(batch)


class Hungry(Base):
    """Holds on to more and more memory."""

    def process(self, batch: Batch, input_index: int) -> None:
        held = [bytes(64 << 20) for _ in range(100)]
        raise AssertionError(len(held))


class CommittingSink(Base):
    """Two phases: prepared lines are in the committable, and reach the file when the checkpoint is complete."""

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self._lines: list[str] = []
        self._prepared: dict[int, list[str]] = {}

    def open(self, ctx: OperatorContext) -> None:
        super().open(ctx)
        if ctx.restored is not None:
            for committable in ctx.restored.committables:
                self._commit(committable)

    def process(self, batch: Batch, input_index: int) -> None:
        self._lines += [json.dumps(value) for value in batch.values]

    def snapshot(self, checkpoint_id: int) -> OperatorSnapshot:
        self._prepared[checkpoint_id], self._lines = self._lines, []
        name = f"{checkpoint_id}-{self.ctx.subtask_index}"
        committable = {"name": name, "lines": self._prepared[checkpoint_id], "transaction_timeout_ms": 5000}
        return OperatorSnapshot(operator=pickle.dumps(checkpoint_id), committables=[committable])

    def notify_complete(self, checkpoint_id: int) -> None:
        for known in sorted(self._prepared):
            if known <= checkpoint_id:
                lines = self._prepared.pop(known)
                self._commit({"name": f"{known}-{self.ctx.subtask_index}", "lines": lines})

    def _commit(self, committable: Mapping[str, Any]) -> None:
        # A file by transaction: committing twice changes nothing.
        (self._path / committable["name"]).write_text("".join(f"{line}\n" for line in committable["lines"]))


class PlainSink(Base):
    """One phase: lines reach the file when the input ends."""

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self._lines: list[str] = []

    def process(self, batch: Batch, input_index: int) -> None:
        self._lines += [json.dumps(value) for value in batch.values]

    def finish(self) -> None:
        (self._path / f"final-{self.ctx.subtask_index}").write_text(
            "".join(f"{line}\n" for line in self._lines)
        )


def key_of(value: int) -> str:
    return f"key-{value % KEYS}"


def operator(number: int, name: str, make: Any, **more: Any) -> OperatorSpec:
    return OperatorSpec(
        uid=name, operator_id=f"{number:032x}", name=name, factory=cloudpickle.dumps(make), **more
    )


def graph(
    output: Path,
    *,
    sources: int = 1,
    sums: int = 2,
    two_phase: bool = False,
    hold: Path | None = None,
    failing_at: int | None = None,
    batch_size: int = 100,
    value_class: str | None = None,
    waiting_for: Path | None = None,
    slow_until: Path | None = None,
    partitioner: Partitioner = Partitioner.HASH,
) -> tuple[list[VertexSpec], list[EdgeSpec]]:
    """Source → marks, hashed to sum → sink."""
    held = None if hold is None else str(hold)
    path = str(output)
    head = [
        operator(1, "numbers", lambda: CountingReader(batch_size, held)),
        operator(2, "marks", Marks, upstream=0),
    ]
    if failing_at is not None:
        head.append(operator(5, "failing", lambda: Failing(failing_at), upstream=1))
    tail: list[OperatorSpec] = []
    after: dict[str, Any] = {}
    if waiting_for is not None:
        gate = str(waiting_for)
        tail.append(operator(6, "waiting", lambda: Waiting(gate)))
        after = {"upstream": 0, "key_selector": cloudpickle.dumps(key_of)}
    if slow_until is not None:
        gate = str(slow_until)
        tail.append(operator(7, "slow", lambda: Slow(gate)))
        after = {"upstream": 0, "key_selector": cloudpickle.dumps(key_of)}
    tail += [
        operator(3, "sum", lambda: RunningSum(value_class), is_stateful=True, **after),
        operator(
            4,
            "sink",
            (lambda: CommittingSink(path)) if two_phase else (lambda: PlainSink(path)),
            upstream=len(tail),
            is_two_phase=two_phase,
        ),
    ]
    source = SourceSpec(connector="test", boundedness=Boundedness.BOUNDED)
    vertices = [
        VertexSpec(
            id=f"{1:032x}",
            name="source",
            parallelism=sources,
            max_parallelism=128,
            operators=head,
            source=source,
        ),
        VertexSpec(id=f"{3:032x}", name="sum", parallelism=sums, max_parallelism=128, operators=tail),
    ]
    edge = EdgeSpec(
        id="e1",
        source_vertex=vertices[0].id,
        source_operator=len(head) - 1,
        target_vertex=vertices[1].id,
        partitioner=partitioner,
        key_selector=cloudpickle.dumps(key_of) if partitioner is Partitioner.HASH else None,
    )
    return vertices, [edge]


def expected(count: int) -> dict[str, tuple[int, int]]:
    """Count and sum by key of the numbers below `count`."""
    sums: dict[str, tuple[int, int]] = {}
    for value in range(count):
        old = sums.get(key_of(value), (0, 0))
        sums[key_of(value)] = (old[0] + 1, old[1] + value)
    return sums


def written(output: Path) -> dict[str, tuple[int, int]]:
    """What sinks wrote, by key; a key that was written twice is an error."""
    found: dict[str, tuple[int, int]] = {}
    for file in sorted(output.iterdir()):
        for line in file.read_text().splitlines():
            key, count, total = json.loads(line)
            assert key not in found, f"{key} was written twice"
            found[key] = (count, total)
    return found
