"""Mistakes that programs make, named where they are made. What PyFlink refuses at the call is refused at the call here."""

from collections.abc import Callable
from typing import Any

import pytest

from penstock.common import Row, Types
from penstock.common.output_tag import OutputTag
from penstock.common.state_descriptors import ListStateDescriptor, MapStateDescriptor, ValueStateDescriptor
from penstock.common.watermark_strategy import WatermarkStrategy
from penstock.datastream import StreamExecutionEnvironment
from penstock.datastream.data_stream import DataStream
from penstock.datastream.functions import (
    CoMapFunction,
    FlatMapFunction,
    KeyedProcessFunction,
    MapFunction,
    ProcessFunction,
    RuntimeContext,
)
from penstock.datastream.window import CountTumblingWindowAssigner
from penstock.state.errors import StateIncompatible
from penstock.testing import StreamHarness


class Splits(FlatMapFunction):
    def flat_map(self, value: Any) -> Any:
        return [value]


class Maps(MapFunction):
    def map(self, value: Any) -> Any:
        return value


class Passes(ProcessFunction):
    def process_element(self, value: Any, ctx: ProcessFunction.Context) -> Any:
        yield value


class MapsBoth(CoMapFunction):
    def map1(self, value: Any) -> Any:
        return value

    def map2(self, value: Any) -> Any:
        return value


def same(value: Any) -> Any:
    return value


RULES = MapStateDescriptor("rules", Types.STRING(), Types.INT())
MISTAKES: dict[str, tuple[Callable[[Any], Any], str]] = {
    "map of a number": (
        lambda s: s.map(5),
        r"map\(\) takes a callable or an object with a method 'map', not 5",
    ),
    "map of a flat map": (lambda s: s.map(Splits()), r"with a method 'map'"),
    "filter of nothing": (lambda s: s.filter(None), r"filter\(\) takes a callable"),
    "flat map of text": (lambda s: s.flat_map("x"), r"flat_map\(\) takes a callable"),
    "process of a lambda": (lambda s: s.process(same), r"an object with the method 'process_element'"),
    "process of a map": (lambda s: s.process(Maps()), r"an object with the method 'process_element'"),
    "process of a class": (lambda s: s.process(Passes), r"an object with the method 'process_element'"),
    "a field's name as key": (lambda s: s.key_by("f0"), r"key_by\(\) takes a callable"),
    "a position as key": (lambda s: s.key_by(0), r"key_by\(\) takes a callable"),
    "another key": (lambda s: s.key_by(same).key_by(0), r"key_by\(\) takes a callable"),
    "keyed map": (lambda s: s.key_by(same).map(5), r"map\(\) takes a callable"),
    "reduce of text": (lambda s: s.key_by(same).reduce("x"), r"reduce\(\) takes a callable"),
    "keyed process": (lambda s: s.key_by(same).process(same), r"the method 'process_element'"),
    "two streams": (lambda s: s.connect(s).map(same), r"the methods 'map1' and 'map2'"),
    "rules": (lambda s: s.connect(s.broadcast(RULES)).process(Passes()), r"'process_broadcast_element'"),
    "union": (lambda s: s.union([1]), r"union\(\) takes streams"),
    "connect": (lambda s: s.connect(None), r"connect\(\) takes streams"),
    "side output": (lambda s: s.get_side_output(None), r"get_side_output\(\) takes an OutputTag"),
    "type by name": (lambda s: s.map(same, output_type="int"), r"a declared type is made by Types"),
    "type of Python": (lambda s: s.map(same, output_type=int), r"a declared type is made by Types"),
    "type not called": (lambda s: s.map(same, output_type=Types.INT), r"a declared type is made by Types"),
    "window": (lambda s: windows(s).process(same), r"the method 'process'"),
    "window function": (lambda s: windows(s).apply(same), r"the method 'apply'"),
    "window sum": (lambda s: windows(s).aggregate(same), r"'create_accumulator'"),
    "window reduce": (lambda s: windows(s).reduce(3), r"reduce\(\) takes a callable"),
    "partitioner": (lambda s: s.partition_custom(1, same), r"partition_custom\(\) takes a callable"),
    "assigner": (
        lambda s: WatermarkStrategy.for_monotonous_timestamps().with_timestamp_assigner(same),  # type: ignore[arg-type]
        r"make a class of TimestampAssigner",
    ),
}


def windows(stream: DataStream) -> Any:
    return stream.key_by(same).window(CountTumblingWindowAssigner.of(2))


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_named_where_it_is_made(name: str) -> None:
    make, message = MISTAKES[name]
    stream = StreamExecutionEnvironment.get_execution_environment().from_collection([1, 2])
    with pytest.raises(TypeError, match=message):
        make(stream)


def test_what_is_right_passes() -> None:
    stream = StreamExecutionEnvironment.get_execution_environment().from_collection([1, 2], Types.INT())
    stream.map(Maps()).map(same, Types.INT()).flat_map(Splits()).process(Passes(), Types.ROW([Types.INT()]))
    both: Any = stream.connect(stream)
    both.map(MapsBoth(), Types.TUPLE([Types.INT()]))
    assert stream.get_side_output(OutputTag("any", Types.INT())).get_type() == Types.INT()


class OneNameTwoKinds(KeyedProcessFunction):
    def open(self, runtime_context: RuntimeContext) -> None:
        runtime_context.get_state(ValueStateDescriptor("v", Types.INT()))
        runtime_context.get_list_state(ListStateDescriptor("v", Types.INT()))

    def process_element(self, value: Any, ctx: KeyedProcessFunction.Context) -> Any:
        return ()


def test_one_name_for_two_kinds_of_state_is_refused() -> None:
    refused = pytest.raises(StateIncompatible, match="is declared as value and as list")
    with refused, StreamHarness(lambda stream: stream.key_by(same).process(OneNameTwoKinds())):
        pass


def test_a_row_is_not_made_of_a_tuple() -> None:
    kind = Types.ROW_NAMED(["a"], [Types.INT()])
    refused = pytest.raises(TypeError, match=r"\(1,\) \(tuple\) does not fit the declared type")
    with StreamHarness(lambda stream: stream.map(lambda value: (value,), kind)) as harness, refused:
        harness.process_element(1)
    with StreamHarness(lambda stream: stream.map(lambda value: Row(value), kind)) as harness:
        harness.process_element(1)
        assert harness.extract_output_values()[0].a == 1
