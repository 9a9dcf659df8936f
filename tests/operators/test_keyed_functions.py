"""Keyed process functions with state and timers; rolling reductions; broadcast state; connected streams."""

from collections.abc import Iterable
from typing import Any

import pytest

from penstock.common.output_tag import OutputTag
from penstock.common.state_descriptors import (
    AggregatingStateDescriptor,
    ListStateDescriptor,
    MapStateDescriptor,
    ReducingStateDescriptor,
    ValueStateDescriptor,
)
from penstock.common.typeinfo import Types
from penstock.common.types import Row
from penstock.common.unsupported import UnsupportedOperation
from penstock.datastream.data_stream import DataStream
from penstock.datastream.functions import (
    AggregateFunction,
    CoMapFunction,
    KeyedBroadcastProcessFunction,
    KeyedProcessFunction,
    KeySelector,
    ProcessFunction,
    RuntimeContext,
)
from penstock.operators.broadcast import BroadcastFactory
from penstock.operators.co_map import CoMapFactory
from penstock.operators.contract import RestoredState
from penstock.operators.process import ProcessFactory
from penstock.operators.reduce import ExtremeField, ReduceFactory, SumField
from penstock.testing import StreamHarness
from tests.operators.harness import Harness

LATE = OutputTag("late")


def first(record: Any) -> Any:
    return record[0]


class CountThenFlush(KeyedProcessFunction):
    """Counts a key's records and gives the count a second after the first."""

    def open(self, runtime_context: RuntimeContext) -> None:
        self.count = runtime_context.get_state(ValueStateDescriptor("count"))

    def process_element(self, value: Any, ctx: KeyedProcessFunction.Context) -> Iterable[Any]:
        if ctx.timestamp() <= ctx.timer_service().current_watermark():
            yield LATE, value
            return
        if self.count.value() is None:
            ctx.timer_service().register_event_time_timer(ctx.timestamp() + 1000)
        self.count.update((self.count.value() or 0) + 1)

    def on_timer(self, timestamp: int, ctx: KeyedProcessFunction.OnTimerContext) -> Iterable[Any]:
        yield ctx.get_current_key(), self.count.value(), timestamp
        self.count.clear()


def test_timers_fire_for_their_key_and_see_its_state() -> None:
    job = Harness(ProcessFactory(CountThenFlush())(), [first])
    assert job.feed(("a", 1), ("b", 1), ("a", 2), at=[0, 500, 600]) == []
    assert job.advance(1000) == [("a", 2, 1000)]
    assert job.feed(("a", 3), at=[700]) == []
    assert job.output.side == {"late": [("a", 3)]}
    assert job.advance(2000) == [("b", 1, 1500)]


class AtAFraction(KeyedProcessFunction):
    """Sets its timer at what a division gave."""

    def process_element(self, value: Any, ctx: KeyedProcessFunction.Context) -> Iterable[Any]:
        ctx.timer_service().register_event_time_timer(value[1] / 2)
        return ()

    def on_timer(self, timestamp: int, ctx: KeyedProcessFunction.OnTimerContext) -> Iterable[Any]:
        yield timestamp, type(timestamp)


def test_a_timer_is_set_to_a_whole_millisecond() -> None:
    job = Harness(ProcessFactory(AtAFraction())(), [first])
    job.feed(("a", 15), at=[0])
    assert job.advance(6) == []
    assert job.advance(7) == [(7, int)]


def test_keyed_state_without_a_key_is_refused_with_the_fix() -> None:
    with pytest.raises(RuntimeError, match=r"key_by\(...\)"):
        Harness(ProcessFactory(CountThenFlush())())


class AllStates(KeyedProcessFunction):
    def open(self, runtime_context: RuntimeContext) -> None:
        self.items = runtime_context.get_list_state(ListStateDescriptor("items"))
        self.map = runtime_context.get_map_state(MapStateDescriptor("map"))
        self.sum = runtime_context.get_reducing_state(ReducingStateDescriptor("sum", lambda a, b: a + b))
        self.mean = runtime_context.get_aggregating_state(AggregatingStateDescriptor("mean", Mean(), None))

    def process_element(self, value: Any, ctx: KeyedProcessFunction.Context) -> Iterable[Any]:
        self.items.add(value[1])
        self.map.put(value[1], value[1] * 10)
        self.sum.add(value[1])
        self.mean.add(value[1])
        yield list(self.items.get()), dict(self.map.items()), self.sum.get(), self.mean.get()


class Mean(AggregateFunction):
    def create_accumulator(self) -> tuple[int, int]:
        return 0, 0

    def add(self, value: int, accumulator: tuple[int, int]) -> tuple[int, int]:
        return accumulator[0] + value, accumulator[1] + 1

    def get_result(self, accumulator: tuple[int, int]) -> float:
        return accumulator[0] / accumulator[1]

    def merge(self, acc_a: tuple[int, int], acc_b: tuple[int, int]) -> tuple[int, int]:
        return acc_a[0] + acc_b[0], acc_a[1] + acc_b[1]


def test_every_kind_of_state_is_kept_by_key() -> None:
    job = Harness(ProcessFactory(AllStates())(), [first])
    results = job.feed(("a", 1), ("b", 7), ("a", 3))
    assert results == [
        ([1], {1: 10}, 1, 1.0),
        ([7], {7: 70}, 7, 7.0),
        ([1, 3], {1: 10, 3: 30}, 4, 2.0),
    ]


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (SumField(1), [("a", 5, "x"), ("a", 7, "x"), ("a", 12, "x")]),
        (ExtremeField(1, is_max=False, by=False), [("a", 5, "x"), ("a", 2, "x"), ("a", 2, "x")]),
        (ExtremeField(1, is_max=False, by=True), [("a", 5, "x"), ("a", 2, "y"), ("a", 2, "y")]),
        (ExtremeField(1, is_max=True, by=True), [("a", 5, "x"), ("a", 5, "x"), ("a", 5, "x")]),
        (lambda a, b: b, [("a", 5, "x"), ("a", 2, "y"), ("a", 5, "z")]),
    ],
    ids=["sum", "min", "min_by", "max_by", "reduce"],
)
def test_rolling_reductions_give_the_new_value_for_every_record(function: Any, expected: list[Any]) -> None:
    job = Harness(ReduceFactory(function)(), [first])
    assert job.feed(("a", 5, "x"), ("a", 2, "y"), ("a", 5, "z")) == expected


@pytest.mark.parametrize("position", [-2, 1])
def test_a_field_may_be_counted_from_the_end(position: int) -> None:
    job = Harness(ReduceFactory(SumField(position))(), [first])
    assert job.feed(("a", 5, "x"), ("a", 2, "y")) == [("a", 5, "x"), ("a", 7, "x")]
    job = Harness(ReduceFactory(ExtremeField(position, is_max=True, by=False))(), [first])
    assert job.feed(("a", 5, "x"), ("a", 9, "y")) == [("a", 5, "x"), ("a", 9, "x")]


def test_sums_work_on_rows_by_name_and_keep_other_keys_apart() -> None:
    job = Harness(ReduceFactory(SumField("n"))(), [lambda row: row.k])
    results = job.feed(Row(k="a", n=1), Row(k="b", n=5), Row(k="a", n=2))
    assert [(row.k, row.n) for row in results] == [("a", 1), ("b", 5), ("a", 3)]


RULES = MapStateDescriptor("rules")


class ApplyRules(KeyedBroadcastProcessFunction[Any, Any, Any, Any]):
    def process_element(self, value: Any, ctx: Any) -> Iterable[Any]:
        yield value[0], ctx.get_broadcast_state(RULES).get(value[0])

    def process_broadcast_element(self, value: Any, ctx: Any) -> Iterable[Any] | None:
        ctx.get_broadcast_state(RULES).put(*value)
        return None


class WritesWhereItMustNot(ApplyRules):
    def process_element(self, value: Any, ctx: Any) -> Iterable[Any]:
        ctx.get_broadcast_state(RULES).put(*value)
        return []


def test_broadcast_state_is_seen_by_the_stream_and_survives_a_restore() -> None:
    job = Harness(BroadcastFactory(ApplyRules(), ("rules",))(), [first, first])
    job.feed(("a", "strict"), side=1)
    assert job.feed(("a", 1), ("b", 1)) == [("a", "strict"), ("b", None)]

    blob = job.operator.snapshot(1).operator
    assert blob is not None
    restored = RestoredState(1, operator=[blob])
    again = Harness(BroadcastFactory(ApplyRules(), ("rules",))(), [first, first], restored=restored)
    assert again.feed(("a", 1)) == [("a", "strict")]


def test_broadcast_state_is_read_only_beside_the_stream() -> None:
    job = Harness(BroadcastFactory(WritesWhereItMustNot(), ("rules",))(), [first, first])
    with pytest.raises(RuntimeError, match="process_broadcast_element"):
        job.feed(("a", 1))


class Sides(CoMapFunction):
    def map1(self, value: Any) -> Any:
        return "first", value

    def map2(self, value: Any) -> Any:
        return None if value == 0 else ("second", value)


def test_connected_streams_call_the_method_of_their_input() -> None:
    job = Harness(CoMapFactory(Sides(), is_flat=False)())
    assert job.feed(1, 2) == [("first", 1), ("first", 2)]
    assert job.feed(0, 3, side=1) == [("second", 3)]


class Split(ProcessFunction):
    def process_element(self, value: Any, ctx: ProcessFunction.Context) -> Iterable[Any]:
        yield value
        if value % 2:
            yield OutputTag("odd"), value


def test_side_outputs_leave_the_main_output_alone() -> None:
    job = Harness(ProcessFactory(Split())())
    assert job.feed(1, 2, 3) == [1, 2, 3]
    assert job.output.side == {"odd": [1, 3]}


class Modulo(KeySelector):
    """Needs its open, as PyFlink calls it."""

    def open(self, runtime_context: Any) -> None:
        self.by = 2

    def get_key(self, value: Any) -> Any:
        return value % self.by


class ShowsKey(KeyedProcessFunction):
    def process_element(self, value: Any, ctx: KeyedProcessFunction.Context) -> Iterable[Any]:
        yield ctx.get_current_key()


def test_a_key_selector_is_opened_before_it_selects() -> None:
    with StreamHarness(lambda stream: stream.key_by(Modulo()).reduce(lambda a, b: a + b)) as harness:
        harness.process_batch([1, 2, 3, 4])
        assert harness.extract_output_values() == [1, 2, 4, 6]


def test_a_key_selector_that_asks_for_its_context_is_told_what_to_do_instead() -> None:
    class Asks(Modulo):
        def open(self, runtime_context: Any) -> None:
            self.by = runtime_context.get_job_parameter("by", "2")

    refused = pytest.raises(UnsupportedOperation, match="Take what it needs when the object is made")
    with StreamHarness(lambda stream: stream.key_by(Asks()).reduce(max)) as harness, refused:
        harness.process_element(1)


def test_a_key_of_a_declared_row_type_has_its_names() -> None:
    kind = Types.ROW_NAMED(["i", "s"], [Types.INT(), Types.STRING()])

    def keyed(stream: DataStream) -> DataStream:
        return stream.key_by(lambda value: Row(value, "a"), kind).process(ShowsKey())

    with StreamHarness(keyed) as harness:
        harness.process_element(5)
        (key,) = harness.extract_output_values()
        assert (key.i, key.s) == (5, "a")
