"""The harnesses of the test kit: one function with settable time, side outputs, timers, and state that moves on."""

from collections.abc import Iterable
from typing import Any

import pytest

from penstock.common.output_tag import OutputTag
from penstock.common.state_descriptors import MapStateDescriptor, ValueStateDescriptor
from penstock.datastream.functions import (
    CoMapFunction,
    FlatMapFunction,
    KeyedBroadcastProcessFunction,
    KeyedCoProcessFunction,
    KeyedProcessFunction,
    ProcessFunction,
    RuntimeContext,
)
from penstock.operators.contract import MIN_TIMESTAMP
from penstock.operators.process import TimeDomain
from penstock.testing import (
    BroadcastHarness,
    KeyedHarness,
    OneInputHarness,
    StreamHarness,
    TwoInputHarness,
)
from penstock.testing.operator_node import Placement

LATE = OutputTag("late")
RULES = MapStateDescriptor("rules")
SEEN = ValueStateDescriptor("seen")


def by_name(record: Any) -> Any:
    return record[0]


class Words(FlatMapFunction):
    def flat_map(self, value: str) -> Iterable[str]:
        return value.split()


class Sorting(ProcessFunction):
    def process_element(self, value: int, ctx: Any) -> Iterable[Any]:
        if ctx.timestamp() < ctx.timer_service().current_watermark():
            yield LATE, value
        else:
            yield value, ctx.timestamp()


class Silence(KeyedProcessFunction):
    """Tells of a key that was silent for ten seconds of either clock."""

    def open(self, runtime_context: RuntimeContext) -> None:
        self.seen = runtime_context.get_state(SEEN)

    def process_element(self, value: Any, ctx: Any) -> Iterable[Any]:
        count = (self.seen.value() or 0) + 1
        self.seen.update(count)
        ctx.timer_service().register_event_time_timer(ctx.timestamp() + 10_000)
        ctx.timer_service().register_processing_time_timer(
            ctx.timer_service().current_processing_time() + 10_000
        )
        yield ctx.get_current_key(), count

    def on_timer(self, timestamp: int, ctx: Any) -> Iterable[Any]:
        yield ctx.get_current_key(), ctx.time_domain(), timestamp, self.seen.value()


def test_functions_of_one_input() -> None:
    with OneInputHarness(Words()) as words:
        words.process_element("to be or", 5)
        assert words.extract_output() == [("to", 5), ("be", 5), ("or", 5)]
        words.process_element("not")
        assert words.extract_output() == [("not", MIN_TIMESTAMP)]
    with OneInputHarness(lambda value: value * 2) as doubling:
        doubling.process_batch([1, 2])
        assert doubling.extract_output_values() == [2, 4]
    with pytest.raises(TypeError, match="use StreamHarness"):
        OneInputHarness(3)


def test_side_outputs_and_event_time() -> None:
    with OneInputHarness(Sorting()) as sorting:
        sorting.process_element(1, 100)
        sorting.process_watermark(150)
        sorting.process_element(2, 120)
        assert sorting.extract_output_values() == [(1, 100)]
        assert sorting.get_side_output(LATE) == [2]
        assert sorting.get_side_output("late") == []
        assert sorting.watermark == 150


def test_timers_of_both_clocks_fire_when_the_test_moves_them() -> None:
    with KeyedHarness(Silence(), by_name) as silence:
        silence.process_element(("a", 0), 1000)
        assert (silence.num_event_time_timers(), silence.num_processing_time_timers()) == (1, 1)
        silence.extract_output_values()
        silence.process_watermark(10_999)
        assert silence.extract_output() == []
        silence.process_watermark(11_000)
        assert silence.extract_output() == [(("a", TimeDomain.EVENT_TIME, 11_000, 1), 11_000)]
        silence.set_processing_time(10_000)
        assert silence.extract_output() == [(("a", TimeDomain.PROCESSING_TIME, 10_000, 1), MIN_TIMESTAMP)]
        with pytest.raises(ValueError, match="cannot go back"):
            silence.set_processing_time(9_999)


def test_a_harness_goes_on_from_the_snapshot_of_another() -> None:
    with KeyedHarness(Silence(), by_name) as silence:
        silence.process_element(("a", 0), 1000)
        stored = silence.snapshot()
        silence.process_element(("a", 0), 1000)
    with KeyedHarness(Silence(), by_name, restored=stored) as again:
        assert again.keyed_state("a", SEEN).value() == 1
        assert again.num_keyed_state_entries() == 1
        again.process_element(("a", 0), 1000)
        assert again.extract_output_values() == [("a", 2)]
        again.process_watermark(20_000)
        assert again.extract_output_values() == [("a", TimeDomain.EVENT_TIME, 11_000, 2)]


def test_state_is_shared_out_when_the_parallelism_grows() -> None:
    names = [f"key-{number}" for number in range(20)]
    with KeyedHarness(Silence(), by_name) as silence:
        silence.process_batch([(name, 0) for name in names], [0] * 20)
        stored = silence.snapshot()
    shares = []
    for index in (0, 1):
        with KeyedHarness(Silence(), by_name, restored=stored, placement=Placement(index, 2)) as part:
            part.process_watermark(10_000)
            shares.append({result[0] for result in part.extract_output_values()})
    assert shares[0] | shares[1] == set(names)
    assert not shares[0] & shares[1]


class Sides(CoMapFunction):
    def map1(self, value: Any) -> Any:
        return "left", value

    def map2(self, value: Any) -> Any:
        return "right", value


class Both(KeyedCoProcessFunction):
    def open(self, runtime_context: RuntimeContext) -> None:
        self.seen = runtime_context.get_state(SEEN)

    def process_element1(self, value: Any, ctx: Any) -> Iterable[Any]:
        self.seen.update(value)
        return ()

    def process_element2(self, value: Any, ctx: Any) -> Iterable[Any]:
        yield ctx.get_current_key(), self.seen.value(), value


def test_functions_of_two_inputs_share_state_and_wait_for_both_watermarks() -> None:
    with TwoInputHarness(Sides()) as sides:
        sides.process_element1(1)
        sides.process_element2(2)
        assert sides.extract_output_values() == [("left", 1), ("right", 2)]
        sides.process_watermark1(10)
        assert sides.watermark == MIN_TIMESTAMP
        sides.process_watermark2(7)
        assert sides.watermark == 7
    with TwoInputHarness(Both(), by_name, lambda record: record[1]) as both:
        both.process_element1(("a", 1))
        both.process_element2((5, "a"))
        assert both.extract_output_values() == [("a", ("a", 1), (5, "a"))]


class Allowed(KeyedBroadcastProcessFunction[Any, Any, Any, Any]):
    def process_element(self, value: Any, ctx: Any) -> Iterable[Any]:
        if ctx.get_broadcast_state(RULES).contains(value[0]):
            yield value

    def process_broadcast_element(self, value: Any, ctx: Any) -> Iterable[Any]:
        ctx.get_broadcast_state(RULES).put(value, True)
        return ()


def test_a_broadcast_function_keeps_its_rules() -> None:
    with BroadcastHarness(Allowed(), [RULES], by_name) as allowed:
        allowed.process_element(("a", 1))
        allowed.process_broadcast_element("a")
        allowed.process_element(("a", 2))
        assert allowed.extract_output_values() == [("a", 2)]
        stored = allowed.snapshot()
    with BroadcastHarness(Allowed(), [RULES], by_name, restored=stored) as again:
        again.process_element(("a", 3))
        assert again.extract_output_values() == [("a", 3)]


def test_a_piece_of_a_program_with_several_operators() -> None:
    def build(first: Any, second: Any) -> Any:
        numbers = first.map(lambda value: ("n", value)).union(second.map(lambda value: ("n", value)))
        return numbers.key_by(lambda record: record[0]).sum(1).map(lambda record: record[1])

    with StreamHarness(build) as sums:
        sums.process_batch([1, 2])
        sums.process_element(10, stream=1)
        assert sums.extract_output_values() == [1, 3, 13]
        sums.process_watermark(5, stream=0)
        assert sums.watermark == MIN_TIMESTAMP
        sums.finish()
        assert sums.watermark == 2**63 - 1
