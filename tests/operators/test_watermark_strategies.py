"""Watermarks: bounded and monotonous, a program's own generator, idleness, and sources that wait for the slowest of their group."""

from typing import Any

import pytest

from penstock.common.time import Duration
from penstock.common.watermark_generator import WatermarkGenerator, WatermarkOutput
from penstock.common.watermark_strategy import TimestampAssigner, WatermarkStrategy
from penstock.operators.contract import MAX_WATERMARK, MIN_TIMESTAMP, Batch
from penstock.operators.watermarks import AlignedWatermarksOperator, WatermarksFactory
from penstock.testing import StreamHarness
from tests.operators.harness import Harness


class Second(TimestampAssigner):
    def extract_timestamp(self, value: Any, record_timestamp: int) -> int:
        return int(value[1])


class Punctuated(WatermarkGenerator):
    """Follows marks in the data."""

    def on_event(self, event: Any, event_timestamp: int, output: WatermarkOutput) -> None:
        if event[0] == "mark":
            output.emit_watermark(event_timestamp)
        elif event[0] == "idle":
            output.mark_idle()

    def on_periodic_emit(self, output: WatermarkOutput) -> None:
        pass


class Periodic(WatermarkGenerator):
    def __init__(self) -> None:
        self.newest = MIN_TIMESTAMP

    def on_event(self, event: Any, event_timestamp: int, output: WatermarkOutput) -> None:
        self.newest = max(self.newest, event_timestamp)

    def on_periodic_emit(self, output: WatermarkOutput) -> None:
        if self.newest != MIN_TIMESTAMP:
            output.emit_watermark(self.newest - 100)


def assigned(strategy: WatermarkStrategy) -> StreamHarness:
    return StreamHarness(
        lambda stream: stream.assign_timestamps_and_watermarks(strategy.with_timestamp_assigner(Second()))
    )


class Times(TimestampAssigner):
    def extract_timestamp(self, value: Any, record_timestamp: int) -> int:
        time: int = value  # a program says so, and gives seconds times a thousand
        return time


def test_an_event_time_is_a_whole_number_of_milliseconds() -> None:
    strategy = WatermarkStrategy.for_monotonous_timestamps().with_timestamp_assigner(Times())
    with StreamHarness(lambda stream: stream.assign_timestamps_and_watermarks(strategy)) as job:
        job.process_batch([1.5, 3.0, 4])
        assert [(time, type(time)) for _, time in job.extract_output()] == [(1, int), (3, int), (4, int)]
        assert job.watermark == 3
    refused = pytest.raises(TypeError, match="extract_timestamp gave")
    for wrong in (None, "5"):
        with StreamHarness(lambda stream: stream.assign_timestamps_and_watermarks(strategy)) as job, refused:
            job.process_element(wrong)


def test_bounded_and_monotonous_watermarks_follow_the_newest_record() -> None:
    with assigned(WatermarkStrategy.for_bounded_out_of_orderness(Duration.of_millis(5))) as job:
        job.process_batch([("a", 10), ("a", 20), ("a", 12)])
        assert job.extract_output() == [(("a", 10), 10), (("a", 20), 20), (("a", 12), 12)]
        assert job.watermark == 14
        job.process_element(("a", 15))
        assert job.watermark == 14
    with assigned(WatermarkStrategy.for_monotonous_timestamps()) as job:
        job.process_element(("a", 10))
        assert job.watermark == 9


def test_a_generator_of_the_program_follows_marks_or_the_clock() -> None:
    with assigned(WatermarkStrategy.for_generator(Punctuated)) as job:
        job.process_batch([("a", 10), ("mark", 7), ("a", 20)])
        assert job.watermark == 7
        job.process_batch([("mark", 3)])
        assert job.watermark == 7
    with assigned(WatermarkStrategy.for_generator(Periodic)) as job:
        job.process_element(("a", 1000))
        assert job.watermark == MIN_TIMESTAMP
        job.set_processing_time(200)
        assert job.watermark == 900


def test_a_generator_may_say_that_a_stream_is_idle() -> None:
    def build(first: Any, second: Any) -> Any:
        strategy = WatermarkStrategy.for_generator(Punctuated).with_timestamp_assigner(Second())
        return first.assign_timestamps_and_watermarks(strategy).union(second).map(lambda value: value)

    with StreamHarness(build) as job:
        job.process_element(("mark", 5))
        job.process_watermark(100, stream=1)
        assert job.watermark == 5
        job.process_element(("idle", 6))
        job.set_processing_time(200)
        assert job.watermark == 100


def test_each_split_has_a_generator_of_its_own() -> None:
    strategy = WatermarkStrategy.for_generator(Punctuated).with_timestamp_assigner(Second())
    operator = WatermarksFactory(strategy)()
    job = Harness(operator)
    operator.process_split("one", Batch([("mark", 10)]))
    operator.process_split("two", Batch([("a", 99)]))
    assert job.output.watermarks == [10]
    operator.process_split("two", Batch([("mark", 20)]))
    operator.release_split("one")
    assert job.output.watermarks == [10, 20]


def aligned(drift: int) -> tuple[Harness, AlignedWatermarksOperator]:
    strategy = (
        WatermarkStrategy.for_monotonous_timestamps()
        .with_timestamp_assigner(Second())
        .with_watermark_alignment("group", Duration.of_millis(drift))
    )
    operator = WatermarksFactory(strategy)()
    assert isinstance(operator, AlignedWatermarksOperator)
    return Harness(operator), operator


def test_a_source_that_is_too_far_ahead_of_its_group_is_held_back() -> None:
    job, operator = aligned(10)
    assert not operator.has_room()
    operator.on_group_time("another", 0)
    assert not operator.has_room()
    operator.on_group_time("group", MIN_TIMESTAMP)
    assert operator.has_room()
    operator.process_split("one", Batch([("a", 101)]))
    operator.on_group_time("group", 89)
    assert not operator.has_room()
    operator.on_group_time("group", 90)
    assert operator.has_room()
    operator.on_group_time("group", 0)
    assert not operator.has_room()
    operator.on_watermark(MAX_WATERMARK)
    assert operator.has_room()
    assert job.output.watermarks == [100, MAX_WATERMARK]


def test_splits_that_are_ahead_of_the_group_wait_while_others_are_read() -> None:
    _, operator = aligned(10)
    operator.hold_split("slow")
    operator.process_split("fast", Batch([("a", 101)]))
    operator.process_split("slow", Batch([("a", 51)]))
    operator.on_group_time("group", 50)
    assert operator.has_room()
    assert operator.splits_ahead() == {"fast"}
    operator.process_split("slow", Batch([("a", 95)]))
    operator.on_group_time("group", 94)
    assert operator.splits_ahead() == set()
    operator.on_group_time("group", 50)
    operator.on_group_time("group", None)
    assert operator.splits_ahead() == set()


def test_a_split_that_waits_is_not_idle() -> None:
    strategy = (
        WatermarkStrategy.for_monotonous_timestamps()
        .with_timestamp_assigner(Second())
        .with_idleness(Duration.of_millis(1000))
        .with_watermark_alignment("group", Duration.of_millis(10))
    )
    operator = WatermarksFactory(strategy)()
    Harness(operator)
    operator.process_split("fast", Batch([("a", 101)]))
    operator.process_split("slow", Batch([("a", 51)]))
    operator.on_group_time("group", 50)
    for split in operator._splits.values():
        split.heard_at -= 5000
    operator._tick(0)
    assert operator._splits["slow"].is_idle
    assert not operator._splits["fast"].is_idle


def test_nobody_is_held_back_when_no_source_of_the_group_reports() -> None:
    _, operator = aligned(10)
    operator.process_split("one", Batch([("a", 101)]))
    operator.on_group_time("group", 0)
    operator.on_group_time("group", None)
    assert operator.has_room()


def test_only_sources_are_aligned() -> None:
    strategy = WatermarkStrategy.for_monotonous_timestamps().with_watermark_alignment(
        "group", Duration.of_millis(1)
    )
    assert not hasattr(WatermarksFactory(strategy, is_source=False)(), "on_group_time")
