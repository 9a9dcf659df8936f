"""Batch mode: one result a key, windows and timers at the end of input, a broadcast before the stream."""

from collections.abc import Iterable
from typing import Any

from penstock.common.state_descriptors import MapStateDescriptor, ValueStateDescriptor
from penstock.common.time import Duration, Time
from penstock.common.watermark_strategy import TimestampAssigner, WatermarkStrategy
from penstock.datastream.functions import (
    KeyedBroadcastProcessFunction,
    KeyedProcessFunction,
    RuntimeContext,
)
from penstock.datastream.window import TumblingEventTimeWindows, TumblingProcessingTimeWindows
from penstock.operators.contract import MAX_WATERMARK, MIN_TIMESTAMP
from penstock.operators.process import TimeDomain
from penstock.testing import BroadcastHarness, StreamHarness

BATCH = {"execution.runtime-mode": "BATCH"}
RULES = MapStateDescriptor("rules")


def by_name(record: Any) -> Any:
    return record[0]


class Second(TimestampAssigner):
    def extract_timestamp(self, value: Any, record_timestamp: int) -> int:
        return int(value[1])


def test_a_reduction_gives_one_result_a_key_before_event_time_ends() -> None:
    def build(stream: Any) -> Any:
        sums = stream.key_by(by_name).sum(1)
        return (
            sums.key_by(lambda record: "all")
            .window(TumblingEventTimeWindows.of(Time.milliseconds(10)))
            .reduce(lambda a, b: (a[0] + b[0], a[1] + b[1]))
        )

    with StreamHarness(build, configuration=BATCH) as job:
        job.process_batch([("a", 1), ("b", 2), ("a", 3)], [1, 2, 3])
        assert job.extract_output() == []
        job.finish()
        assert job.extract_output() == [(("ab", 6), 9)]


def test_watermarks_wait_for_the_end_so_that_nothing_is_late() -> None:
    strategy = WatermarkStrategy.for_bounded_out_of_orderness(Duration.of_millis(0))

    def build(stream: Any) -> Any:
        timed = stream.assign_timestamps_and_watermarks(strategy.with_timestamp_assigner(Second()))
        windows = timed.key_by(by_name).window(TumblingEventTimeWindows.of(Time.milliseconds(10)))
        return windows.reduce(lambda a, b: (a[0], a[1] + b[1]))

    with StreamHarness(build, configuration=BATCH) as job:
        job.process_element(("a", 100))
        job.process_element(("a", 1))
        assert job.watermark == MIN_TIMESTAMP
        job.finish()
        assert job.extract_output() == [(("a", 1), 9), (("a", 100), 109)]
        assert job.watermark == MAX_WATERMARK


class Timers(KeyedProcessFunction):
    def open(self, runtime_context: RuntimeContext) -> None:
        self.count = runtime_context.get_state(ValueStateDescriptor("count"))

    def process_element(self, value: Any, ctx: Any) -> Iterable[Any]:
        self.count.update((self.count.value() or 0) + 1)
        ctx.timer_service().register_event_time_timer(value[1])
        ctx.timer_service().register_processing_time_timer(5)
        return ()

    def on_timer(self, timestamp: int, ctx: Any) -> Iterable[Any]:
        ctx.timer_service().register_processing_time_timer(timestamp + 1)
        yield ctx.get_current_key(), ctx.time_domain(), timestamp, self.count.value()


def test_timers_of_both_clocks_fire_at_the_end_and_those_set_then_do_not() -> None:
    with StreamHarness(lambda s: s.key_by(by_name).process(Timers()), configuration=BATCH) as job:
        job.process_batch([("a", 7), ("b", 8), ("a", 9)])
        job.set_processing_time(1000)
        assert job.extract_output() == []
        job.finish()
        event, clock = TimeDomain.EVENT_TIME, TimeDomain.PROCESSING_TIME
        results = job.extract_output_values()
        assert [one for one in results if one[1] is event] == [
            ("a", event, 7, 2),
            ("b", event, 8, 1),
            ("a", event, 9, 2),
        ]
        assert {(key, time) for key, domain, time, _ in results if domain is clock} >= {("a", 5), ("b", 5)}
        assert job.num_processing_time_timers() == 0


def test_windows_of_the_clock_end_with_the_input() -> None:
    def build(stream: Any) -> Any:
        windows = stream.key_by(by_name).window(TumblingProcessingTimeWindows.of(Time.milliseconds(10)))
        return windows.reduce(lambda a, b: (a[0], a[1] + b[1]))

    with StreamHarness(build, configuration=BATCH) as job:
        job.process_batch([("a", 1), ("a", 2)])
        job.finish()
        assert job.extract_output_values() == [("a", 3)]
        assert job.num_keyed_state_entries() == 0


class Allowed(KeyedBroadcastProcessFunction[Any, Any, Any, Any]):
    def process_element(self, value: Any, ctx: Any) -> Iterable[Any]:
        if ctx.get_broadcast_state(RULES).contains(value[0]):
            ctx.timer_service().register_event_time_timer(50)
            yield value

    def process_broadcast_element(self, value: Any, ctx: Any) -> Iterable[Any]:
        ctx.get_broadcast_state(RULES).put(value, True)
        return ()

    def on_timer(self, timestamp: int, ctx: Any) -> Iterable[Any]:
        yield "timer", ctx.get_current_key()


def test_the_stream_waits_until_the_broadcast_is_whole() -> None:
    with BroadcastHarness(Allowed(), [RULES], by_name, configuration=BATCH) as job:
        job.process_element(("a", 1))
        job.process_broadcast_element("a")
        assert job.extract_output() == []
        job.finish()
        assert job.extract_output_values() == [("a", 1), ("timer", "a")]
