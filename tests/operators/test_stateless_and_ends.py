"""Fused stateless runs, watermarks split by split, the print sink, and sinks that commit with checkpoints."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from penstock.common.time import Duration
from penstock.common.typeinfo import Types
from penstock.common.types import Row, RowKind
from penstock.common.watermark_strategy import TimestampAssigner, WatermarkStrategy
from penstock.connectors.contract import SinkContext
from penstock.operators.contract import MAX_WATERMARK, Batch, RestoredState
from penstock.operators.fused import Step, StepKind, fuse
from penstock.operators.print import PrintFactory, java_text
from penstock.operators.sink import SinkFactory
from penstock.operators.watermarks import WatermarksFactory, WatermarksOperator
from tests.operators.harness import Harness


def test_a_run_of_steps_keeps_order_and_timestamps() -> None:
    steps = [
        Step(StepKind.FILTER, lambda x: x > 1),
        Step(StepKind.FLAT_MAP, lambda x: [x] * x if x != 4 else None),
        Step(StepKind.MAP, lambda x: x * 10),
        Step(StepKind.FILTER, lambda x: x != 50),
    ]
    job = Harness(fuse(steps)())
    assert job.feed(1, 2, 3, 4, 5) == [20, 20, 30, 30, 30]
    job.operator.process(Batch([2, 1, 3], [7, 8, 9]), 0)
    assert job.output.records == [(20, 7), (20, 7), (30, 9), (30, 9), (30, 9)]


class FromValue(TimestampAssigner):
    def extract_timestamp(self, value: int, record_timestamp: int) -> int:
        return value


def watermarks(strategy: WatermarkStrategy) -> tuple[Harness, WatermarksOperator]:
    operator = WatermarksFactory(strategy.with_timestamp_assigner(FromValue()))()
    return Harness(operator), operator


def test_the_watermark_is_that_of_the_slowest_split() -> None:
    job, operator = watermarks(WatermarkStrategy.for_bounded_out_of_orderness(Duration.of_millis(100)))
    operator.process_split("one", Batch([1000]))
    operator.process_split("two", Batch([500]))
    operator.process_split("two", Batch([3000, 2000]))
    assert job.output.watermarks == [899]
    operator.process_split("one", Batch([2500]))
    assert job.output.watermarks[-1] == 2399
    operator.release_split("one")
    assert job.output.watermarks[-1] == 2899
    operator.on_watermark(5)
    operator.on_watermark(MAX_WATERMARK)
    assert job.output.watermarks[-1] == MAX_WATERMARK
    assert job.output.watermarks == sorted(job.output.watermarks)


@pytest.mark.parametrize("order", [("old", "new"), ("new", "old")])
def test_the_time_of_the_newest_split_is_reached_in_whatever_order_splits_end(order: tuple[str, str]) -> None:
    job, operator = watermarks(WatermarkStrategy.for_monotonous_timestamps())
    operator.process_split("old", Batch([1000]))
    operator.process_split("new", Batch([9000]))
    for split in order:
        operator.release_split(split)
    assert job.output.watermarks[-1] == 8999


def test_a_quiet_subtask_goes_idle_and_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    strategy = WatermarkStrategy.for_monotonous_timestamps().with_idleness(Duration.of_seconds(1))
    job, operator = watermarks(strategy)
    start = job.timers.current_processing_time()
    for now in (start + 500, start + 2000):
        monkeypatch.setattr(type(job.timers), "current_processing_time", lambda _self, now=now: now)
        _, tick = job.calls.pop()
        tick(now)
    assert job.output.idle == [True]
    operator.process_split("one", Batch([10]))
    assert job.output.idle == [True, False]
    assert job.output.watermarks == [9]


def test_print_writes_prefixes_and_declared_types_as_flink_does(capsys: pytest.CaptureFixture[str]) -> None:
    Harness(PrintFactory(None, None)()).feed(("a", 1), None)
    Harness(PrintFactory("late", Types.TUPLE([Types.STRING(), Types.BOOLEAN()]))()).feed(("a", True))
    assert capsys.readouterr().out == "('a', 1)\nNone\nlate> (a,true)\n"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1e-7, "1.0E-7"),
        (123456789.125, "1.23456789125E8"),
        (-0.5, "-0.5"),
        (100.0, "100.0"),
        (float("inf"), "Infinity"),
        (["p", "q"], "[p, q]"),
        ({"one": 1}, "{one=1}"),
        (Row("t1", 1), "+I[t1, 1]"),
        (Row.of_kind(RowKind.DELETE, None), "-D[null]"),
    ],
)
def test_declared_values_print_as_java_prints_them(value: Any, text: str) -> None:
    assert java_text(value) == text


class Ledger:
    """A two-phase sink that remembers what was committed."""

    def __init__(self) -> None:
        self.events: list[Any] = []
        self.written: list[Any] = []

    def create_writer(self) -> "Ledger":
        return self

    def create_committer(self) -> "LedgerCommitter":
        return LedgerCommitter(self)

    def open(self, ctx: SinkContext, states: Sequence[Mapping[str, Any]], checkpoint_id: int | None) -> None:
        self.events.append(("open", [dict(state) for state in states], checkpoint_id))

    def write(self, batch: Batch) -> None:
        self.written.extend(batch.values)

    def flush(self) -> None:
        return

    def prepare_commit(self, checkpoint_id: int) -> list[dict[str, Any]]:
        written, self.written = self.written, []
        return [{"values": written}] if written else []

    def snapshot(self) -> list[dict[str, Any]]:
        return [{"n": 1}]

    def close(self) -> None:
        return


class LedgerCommitter:
    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def open(self, ctx: SinkContext) -> None:
        self._ledger.events.append("committer")

    def commit(self, committables: Sequence[Mapping[str, Any]]) -> None:
        self._ledger.events.append(("commit", [item["values"] for item in committables]))

    def close(self) -> None:
        return


WITH_CHECKPOINTS = {"execution.checkpointing.interval": "1 s"}


def test_a_sink_commits_what_completed_checkpoints_cover_and_nothing_else() -> None:
    ledger = Ledger()
    job = Harness(SinkFactory(ledger)(), configuration=WITH_CHECKPOINTS)
    job.feed(1)
    assert job.operator.snapshot(1).committables == [{"values": [1]}]
    job.feed(2)
    assert job.operator.snapshot(2).committables == [{"values": [1]}, {"values": [2]}]
    job.operator.notify_aborted(1)
    job.operator.notify_complete(2)
    job.feed(3)
    job.operator.finish()
    assert ledger.events == ["committer", ("open", [], None), ("commit", [[1], [2]])]


def test_a_restored_sink_commits_before_it_opens() -> None:
    ledger = Ledger()
    restored = RestoredState(7, writer=[{"n": 1}], committables=[{"values": [1]}])
    Harness(SinkFactory(ledger)(), configuration=WITH_CHECKPOINTS, restored=restored)
    assert ledger.events == ["committer", ("commit", [[1]]), ("open", [{"n": 1}], 7)]


def test_without_checkpoints_everything_is_committed_at_the_end() -> None:
    ledger = Ledger()
    job = Harness(SinkFactory(ledger)())
    job.feed(1, 2)
    job.operator.finish()
    assert ledger.events[-1] == ("commit", [[1, 2]])


def test_a_split_holds_event_time_back_before_its_first_record() -> None:
    job, operator = watermarks(WatermarkStrategy.for_bounded_out_of_orderness(Duration.of_millis(100)))
    operator.hold_split("one")
    operator.hold_split("two")
    operator.process_split("one", Batch([5000]))
    assert job.output.watermarks == []
    operator.process_split("two", Batch([1000]))
    assert job.output.watermarks == [899]
