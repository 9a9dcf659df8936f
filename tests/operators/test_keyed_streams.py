"""Keyed streams: rich functions that use keyed state, what a keyed stream refuses, and streams that meet on it."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from penstock.common.output_tag import OutputTag
from penstock.common.state_descriptors import ValueStateDescriptor
from penstock.common.time import Time
from penstock.datastream import StreamExecutionEnvironment
from penstock.datastream.functions import (
    CoFlatMapFunction,
    FilterFunction,
    FlatMapFunction,
    KeyedProcessFunction,
    MapFunction,
    ProcessWindowFunction,
    RuntimeContext,
)
from penstock.datastream.window import TumblingEventTimeWindows
from penstock.testing import StreamHarness

SEEN = ValueStateDescriptor("seen")
SIDE = OutputTag("side")


def by_name(record: Any) -> Any:
    return record[0]


class Seen:
    def open(self, runtime_context: RuntimeContext) -> None:
        self.seen = runtime_context.get_state(SEEN)

    def next(self) -> int:
        count: int = (self.seen.value() or 0) + 1
        self.seen.update(count)
        return count


class Numbering(Seen, MapFunction):
    def map(self, value: Any) -> Any:
        return (*value, self.next())


class First(Seen, FilterFunction):
    def filter(self, value: Any) -> bool:
        return self.next() == 1


class Repeating(Seen, FlatMapFunction):
    def flat_map(self, value: Any) -> Iterable[Any]:
        return [value] * self.next()


class Plain(MapFunction):
    def map(self, value: Any) -> Any:
        return value[1]


RECORDS = [("a", 1), ("b", 2), ("a", 3)]


@pytest.mark.parametrize(
    ("build", "expected"),
    [
        (lambda keyed: keyed.map(Numbering()), [("a", 1, 1), ("b", 2, 1), ("a", 3, 2)]),
        (lambda keyed: keyed.filter(First()), [("a", 1), ("b", 2)]),
        (lambda keyed: keyed.flat_map(Repeating()), [("a", 1), ("b", 2), ("a", 3), ("a", 3)]),
        (lambda keyed: keyed.map(Plain()).map(lambda n: n * 2), [2, 4, 6]),
    ],
)
def test_functions_of_a_keyed_stream_may_use_keyed_state(
    build: Callable[[Any], Any], expected: list[Any]
) -> None:
    with StreamHarness(lambda stream: build(stream.key_by(by_name))) as job:
        job.process_batch(RECORDS, [1, 2, 3])
        assert job.extract_output_values() == expected


@pytest.mark.parametrize(
    "call",
    [
        lambda k: k.set_parallelism(2),
        lambda k: k.set_max_parallelism(2),
        lambda k: k.name("x"),
        lambda k: k.uid("x"),
        lambda k: k.set_uid_hash("0" * 32),
        lambda k: k.set_description("x"),
        lambda k: k.force_non_parallel(),
        lambda k: k.set_buffer_timeout(5),
        lambda k: k.start_new_chain(),
        lambda k: k.disable_chaining(),
        lambda k: k.slot_sharing_group("x"),
        lambda k: k.get_name(),
    ],
)
def test_a_keyed_stream_has_no_settings(call: Callable[[Any], Any]) -> None:
    keyed = StreamExecutionEnvironment().from_collection(RECORDS).key_by(by_name)
    with pytest.raises(TypeError, match="KeyedStream"):
        call(keyed)


@pytest.mark.parametrize("call", ["rebalance", "rescale", "shuffle", "forward", "global_", "broadcast"])
def test_a_keyed_stream_keeps_its_partitioning(call: str) -> None:
    keyed = StreamExecutionEnvironment().from_collection(RECORDS).key_by(by_name)
    with pytest.raises(TypeError, match="equal keys must stay together"):
        getattr(keyed, call)()
    with pytest.raises(TypeError, match="partition_custom"):
        keyed.partition_custom(lambda key, count: 0, by_name)


class Both(CoFlatMapFunction):
    def open(self, runtime_context: RuntimeContext) -> None:
        self.seen = runtime_context.get_state(SEEN)

    def flat_map1(self, value: Any) -> Iterable[Any]:
        self.seen.update(value[1])
        return []

    def flat_map2(self, value: Any) -> Iterable[Any]:
        return [(value, self.seen.value())]


def test_two_keyed_streams_share_the_state_of_a_key() -> None:
    def build(first: Any, second: Any) -> Any:
        return first.connect(second).key_by(by_name, lambda record: record[1]).flat_map(Both())

    with StreamHarness(build) as job:
        job.process_batch(RECORDS, stream=0)
        job.process_batch([(1, "a"), (2, "c")], stream=1)
        assert job.extract_output_values() == [((1, "a"), 3), ((2, "c"), None)]


class Sides(ProcessWindowFunction[Any, Any, Any, Any]):
    def process(self, key: Any, context: Any, elements: Iterable[Any]) -> Iterable[Any]:
        yield SIDE, key
        yield sum(value for _, value in elements)


def test_a_window_function_may_give_a_side_output() -> None:
    def build(stream: Any) -> Any:
        return (
            stream.key_by(by_name).window(TumblingEventTimeWindows.of(Time.milliseconds(10))).process(Sides())
        )

    with StreamHarness(build) as job:
        job.process_batch(RECORDS, [1, 2, 3])
        job.process_watermark(9)
        assert sorted(job.extract_output_values()) == [2, 4]
        assert sorted(job.get_side_output(SIDE)) == ["a", "b"]


class Twice(KeyedProcessFunction):
    """Registers the same timer twice, deletes another, and sets the next from the first."""

    def process_element(self, value: Any, ctx: Any) -> Iterable[Any]:
        service = ctx.timer_service()
        for _ in range(2):
            service.register_event_time_timer(10)
        service.register_event_time_timer(15)
        service.delete_event_time_timer(15)
        service.delete_event_time_timer(99)
        return ()

    def on_timer(self, timestamp: int, ctx: Any) -> Iterable[Any]:
        if timestamp < 30:
            ctx.timer_service().register_event_time_timer(timestamp + 10)
        yield ctx.get_current_key(), timestamp, ctx.timer_service().current_watermark()


def test_a_timer_is_there_once_and_those_set_by_timers_fire_in_the_same_advance() -> None:
    with StreamHarness(lambda stream: stream.key_by(by_name).process(Twice())) as job:
        job.process_element(("a", 1), 1)
        assert job.num_event_time_timers() == 1
        job.process_watermark(25)
        assert job.extract_output() == [(("a", 10, 25), 10), (("a", 20, 25), 20)]
        job.process_watermark(100)
        assert job.extract_output_values() == [("a", 30, 100)]
