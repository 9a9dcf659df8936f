"""Every kind of window with every kind of function, per key and over the whole stream."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from penstock.common.output_tag import OutputTag
from penstock.common.time import Time
from penstock.datastream.functions import (
    AggregateFunction,
    AllWindowFunction,
    ProcessAllWindowFunction,
    ProcessWindowFunction,
    ReduceFunction,
    WindowFunction,
)
from penstock.datastream.window import (
    ContinuousProcessingTimeTrigger,
    CountSlidingWindowAssigner,
    CountTrigger,
    EventTimeSessionWindows,
    GlobalWindow,
    GlobalWindows,
    PurgingTrigger,
    SlidingEventTimeWindows,
    SlidingProcessingTimeWindows,
    TumblingEventTimeWindows,
)
from penstock.testing import StreamHarness

LATE = OutputTag("late")
TEN, FIVE = Time.milliseconds(10), Time.milliseconds(5)
RECORDS = [(("a", 1), 1), (("b", 10), 2), (("a", 2), 4), (("a", 3), 12)]


def by_name(record: Any) -> Any:
    return record[0]


class Mean(AggregateFunction):
    def create_accumulator(self) -> tuple[int, int]:
        return 0, 0

    def add(self, value: Any, accumulator: tuple[int, int]) -> tuple[int, int]:
        return accumulator[0] + value[1], accumulator[1] + 1

    def get_result(self, accumulator: tuple[int, int]) -> float:
        return accumulator[0] / accumulator[1]

    def merge(self, acc_a: tuple[int, int], acc_b: tuple[int, int]) -> tuple[int, int]:
        return acc_a[0] + acc_b[0], acc_a[1] + acc_b[1]


class Plus(ReduceFunction):
    def reduce(self, value1: Any, value2: Any) -> Any:
        return value1[0], value1[1] + value2[1]


class Ends(ProcessWindowFunction[Any, Any, Any, Any]):
    def process(self, key: Any, context: Any, elements: Iterable[Any]) -> Iterable[Any]:
        yield key, context.window().end, list(elements), context.current_watermark()


class Starts(WindowFunction[Any, Any, Any, Any]):
    def apply(self, key: Any, window: Any, inputs: Iterable[Any]) -> Iterable[Any]:
        return [(key, window.start, list(inputs))]


class AllEnds(ProcessAllWindowFunction[Any, Any, Any]):
    def process(self, context: Any, elements: Iterable[Any]) -> Iterable[Any]:
        yield context.window().end, sum(value for _, value in elements)


class AllStarts(AllWindowFunction[Any, Any, Any]):
    def apply(self, window: Any, inputs: Iterable[Any]) -> Iterable[Any]:
        yield window.start, len(list(inputs))


def results(build: Callable[[Any], Any]) -> list[Any]:
    with StreamHarness(build) as job:
        for value, timestamp in RECORDS:
            job.process_element(value, timestamp)
        job.process_watermark(50)
        assert job.num_keyed_state_entries() == job.num_event_time_timers() == 0
        return sorted(job.extract_output_values())


TUMBLING = TumblingEventTimeWindows.of(TEN)


@pytest.mark.parametrize(
    ("apply", "expected"),
    [
        (lambda w: w.reduce(Plus()), [("a", 3), ("a", 3), ("b", 10)]),
        (lambda w: w.reduce(lambda x, y: max(x, y)), [("a", 2), ("a", 3), ("b", 10)]),
        (
            lambda w: w.reduce(Plus(), Ends()),
            [("a", 10, [("a", 3)], 50), ("a", 20, [("a", 3)], 50), ("b", 10, [("b", 10)], 50)],
        ),
        (
            lambda w: w.reduce(Plus(), Starts()),
            [("a", 0, [("a", 3)]), ("a", 10, [("a", 3)]), ("b", 0, [("b", 10)])],
        ),
        (lambda w: w.aggregate(Mean()), [1.5, 3.0, 10.0]),
        (lambda w: w.aggregate(Mean(), Starts()), [("a", 0, [1.5]), ("a", 10, [3.0]), ("b", 0, [10.0])]),
        (
            lambda w: w.aggregate(Mean(), Ends()),
            [("a", 10, [1.5], 50), ("a", 20, [3.0], 50), ("b", 10, [10.0], 50)],
        ),
        (
            lambda w: w.apply(Starts()),
            [("a", 0, [("a", 1), ("a", 2)]), ("a", 10, [("a", 3)]), ("b", 0, [("b", 10)])],
        ),
    ],
)
@pytest.mark.parametrize("trigger", [None, "purging"])
def test_functions_of_a_window(apply: Callable[[Any], Any], expected: list[Any], trigger: str | None) -> None:
    def build(stream: Any) -> Any:
        windows = stream.key_by(by_name).window(TUMBLING)
        if trigger is not None:  # the same answer by the general way
            windows = windows.trigger(PurgingTrigger.of(TUMBLING.get_default_trigger(None)))
        return apply(windows)

    assert results(build) == expected


@pytest.mark.parametrize(
    ("assigner", "expected"),
    [
        (TumblingEventTimeWindows.of(TEN, Time.milliseconds(2)), [("a", 1), ("a", 2), ("a", 3), ("b", 10)]),
        (
            SlidingEventTimeWindows.of(TEN, FIVE),
            [("a", 3), ("a", 3), ("a", 3), ("a", 3), ("b", 10), ("b", 10)],
        ),
        (EventTimeSessionWindows.with_gap(FIVE), [("a", 3), ("a", 3), ("b", 10)]),
        (EventTimeSessionWindows.with_gap(TEN), [("a", 6), ("b", 10)]),
    ],
)
def test_kinds_of_windows_in_event_time(assigner: Any, expected: list[Any]) -> None:
    assert results(lambda stream: stream.key_by(by_name).window(assigner).reduce(Plus())) == expected


@pytest.mark.parametrize(
    ("apply", "expected"),
    [
        (lambda w: w.process(AllEnds()), [(10, 13), (20, 3)]),
        (lambda w: w.apply(AllStarts()), [(0, 3), (10, 1)]),
        (lambda w: w.reduce(Plus()), [("a", 3), ("a", 13)]),
        (lambda w: w.aggregate(Mean(), AllStarts()), [(0, 1), (10, 1)]),
    ],
)
def test_windows_over_the_whole_stream(apply: Callable[[Any], Any], expected: list[Any]) -> None:
    assert results(lambda stream: apply(stream.window_all(TUMBLING))) == expected


def test_windows_by_count() -> None:
    def outputs(build: Callable[[Any], Any]) -> list[Any]:
        with StreamHarness(build) as job:
            job.process_batch([("a", number) for number in range(7)] + [("b", 9)])
            return job.extract_output_values()

    def values(windows: Any) -> Any:
        return windows.reduce(lambda x, y: (x[0], x[1] * 10 + y[1]))

    assert outputs(lambda s: values(s.key_by(by_name).count_window(3))) == [("a", 12), ("a", 345)]
    assert outputs(lambda s: values(s.key_by(by_name).count_window(3, 2))) == [
        ("a", 12),
        ("a", 234),
        ("a", 456),
    ]
    assert outputs(lambda s: values(s.key_by(by_name).count_window(2, 3))) == [("a", 1), ("a", 34)]
    each = [*(("a", number) for number in range(7)), ("b", 9)]
    assert outputs(lambda s: values(s.key_by(by_name).count_window(1, 1))) == each
    for size, slide in ((0, 1), (-1, 1)):
        with pytest.raises(ValueError, match="a size and a slide over 0"):
            CountSlidingWindowAssigner.of(size, slide)
    growing = outputs(
        lambda s: values(s.key_by(by_name).window(GlobalWindows.create()).trigger(CountTrigger.of(3)))
    )
    assert growing == [("a", 12), ("a", 12345)]


def test_the_clock_ends_sliding_windows_and_gives_early_results() -> None:
    def build(stream: Any) -> Any:
        return stream.key_by(by_name).window(SlidingProcessingTimeWindows.of(TEN, FIVE)).reduce(Plus())

    with StreamHarness(build, processing_time=100) as job:
        job.process_element(("a", 1))
        job.set_processing_time(107)
        job.process_element(("a", 2))
        job.set_processing_time(120)
        assert job.extract_output_values() == [("a", 1), ("a", 3), ("a", 2)]
        assert job.num_processing_time_timers() == 0

    def early(stream: Any) -> Any:
        windows = stream.key_by(by_name).window(GlobalWindows.create())
        return windows.trigger(ContinuousProcessingTimeTrigger.of(TEN)).reduce(Plus())

    with StreamHarness(early) as job:
        job.process_element(("a", 1))
        job.set_processing_time(10)
        job.process_element(("a", 2))
        job.set_processing_time(35)
        assert job.extract_output_values() == [("a", 1), ("a", 3), ("a", 3)]


def test_a_clock_trigger_on_a_window_of_event_time_that_lies_behind_the_clock_fires_once_for_what_came() -> (
    None
):
    """It once fired at the window's end again and again, without giving the task's thread back."""

    def early(stream: Any) -> Any:
        windows = stream.key_by(by_name).window(TUMBLING)
        return windows.trigger(ContinuousProcessingTimeTrigger.of(TEN)).reduce(Plus())

    with StreamHarness(early, processing_time=1_000_000) as job:
        job.process_batch([("a", 1), ("a", 2)], [1, 2])
        job.set_processing_time(1_000_100)
        assert job.extract_output_values() == [("a", 3)]
        job.process_element(("a", 3), 3)
        job.set_processing_time(1_000_200)
        assert job.extract_output_values() == [("a", 6)]


def test_a_global_window_prints_as_flink_prints_it() -> None:
    assert repr(GlobalWindow.get()) == "GlobalWindow"


def test_late_records_are_counted_or_given_to_their_side_output() -> None:
    def build(stream: Any) -> Any:
        return stream.key_by(by_name).window(TUMBLING).reduce(Plus())

    with StreamHarness(build) as job:
        job.process_watermark(20)
        job.process_element(("a", 1), 5)
        assert job.counter("numLateRecordsDropped") == 1
        assert job.extract_output() == []

    def lenient(stream: Any) -> Any:
        windows = stream.key_by(by_name).window(SlidingEventTimeWindows.of(TEN, FIVE))
        return windows.allowed_lateness(5).side_output_late_data(LATE).reduce(Plus())

    with StreamHarness(lenient) as job:
        job.process_watermark(13)
        job.process_element(("a", 1), 6)  # 0 to 10 is within its lateness, 5 to 15 has not ended
        assert job.extract_output_values() == [("a", 1)]
        job.process_watermark(14)
        assert job.extract_output_values() == [("a", 1)]
        job.process_watermark(25)
        job.process_element(("a", 2), 6)
        assert job.get_side_output(LATE) == [("a", 2)]
        assert job.counter("numLateRecordsDropped") == 0


def test_a_negative_lateness_is_refused() -> None:
    with pytest.raises(ValueError, match="lateness"):
        StreamHarness(
            lambda stream: stream.key_by(by_name).window(TUMBLING).allowed_lateness(-1).reduce(Plus())
        )
