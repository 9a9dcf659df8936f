"""Joins: pairs in windows, co-groups with an empty side, intervals of event time with open and closed ends."""

from collections.abc import Iterable
from typing import Any

import pytest

from penstock.common.output_tag import OutputTag
from penstock.common.time import Time
from penstock.datastream.joins import (
    CoGroupFunction,
    FlatJoinFunction,
    JoinFunction,
    ProcessJoinFunction,
)
from penstock.datastream.window import (
    CountTrigger,
    EventTimeSessionWindows,
    GlobalWindows,
    PurgingTrigger,
    TumblingEventTimeWindows,
)
from penstock.testing import StreamHarness

LATE, LATE_RIGHT = OutputTag("late"), OutputTag("late-right")


def key(record: Any) -> Any:
    return record[0]


class Names(JoinFunction):
    def join(self, first: Any, second: Any) -> Any:
        return first[1] + second[1]


class Twice(FlatJoinFunction):
    def flat_join(self, first: Any, second: Any) -> Iterable[Any]:
        yield first[1] + second[1]
        yield second[1] + first[1]


class Sides(CoGroupFunction):
    def co_group(self, first: list[Any], second: list[Any]) -> Iterable[Any]:
        yield [value for _, value in first], [value for _, value in second]


def windowed(kind: str, function: Any, assigner: Any, **calls: Any) -> StreamHarness:
    def build(first: Any, second: Any) -> Any:
        pairs = getattr(first, kind)(second).where(key).equal_to(lambda record: record[0].lower())
        windows = pairs.window(assigner)
        for name, argument in calls.items():
            windows = getattr(windows, name)(argument)
        return windows.apply(function)

    return StreamHarness(build)


def test_a_join_gives_every_pair_of_a_key_and_window() -> None:
    tumbling = TumblingEventTimeWindows.of(Time.milliseconds(10))
    with windowed("join", Names(), tumbling) as job:
        job.process_batch([("a", "1"), ("a", "2"), ("b", "3"), ("a", "4")], [1, 2, 3, 11], stream=0)
        job.process_batch([("A", "x"), ("A", "y"), ("C", "z")], [4, 5, 6], stream=1)
        job.process_watermark(9, stream=0)
        assert job.extract_output() == []
        job.process_watermark(9, stream=1)
        assert job.extract_output() == [("1x", 9), ("1y", 9), ("2x", 9), ("2y", 9)]
        job.finish()
        assert job.extract_output() == []
        assert job.num_keyed_state_entries() == 0
    with windowed("join", Twice(), tumbling) as job:
        job.process_element(("a", "1"), 1, stream=0)
        job.process_element(("A", "2"), 1, stream=1)
        job.process_watermark(9)
        assert job.extract_output_values() == ["12", "21"]


def test_a_co_group_also_gives_windows_with_an_empty_side() -> None:
    with windowed("co_group", Sides(), EventTimeSessionWindows.with_gap(Time.milliseconds(5))) as job:
        job.process_batch([("a", "1"), ("b", "2")], [1, 1], stream=0)
        job.process_batch([("A", "x"), ("C", "y")], [5, 5], stream=1)
        job.process_watermark(100)
        assert sorted(job.extract_output_values()) == [([], ["y"]), (["1"], ["x"]), (["2"], [])]


def test_a_trigger_and_late_records_of_joins() -> None:
    trigger = PurgingTrigger.of(CountTrigger.of(2))
    with windowed("join", lambda a, b: (a, b), GlobalWindows.create(), trigger=trigger) as job:
        job.process_element(("a", "1"), stream=0)
        job.process_element(("A", "2"), stream=1)
        assert job.extract_output_values() == [(("a", "1"), ("A", "2"))]
    tumbling = TumblingEventTimeWindows.of(Time.milliseconds(10))
    with windowed("join", Names(), tumbling, allowed_lateness=5, side_output_late_data=LATE) as job:
        job.process_element(("a", "1"), 1, stream=0)
        job.process_watermark(10)
        job.process_element(("A", "x"), 2, stream=1)
        assert job.extract_output_values() == ["1x"]
        job.process_watermark(14)
        job.process_element(("A", "y"), 2, stream=1)
        assert job.get_side_output(LATE) == [("A", "y")]


class Pairs(ProcessJoinFunction):
    def process_element(self, left: Any, right: Any, ctx: Any) -> Iterable[Any]:
        yield left[1], right[1], ctx.get_left_timestamp(), ctx.get_right_timestamp(), ctx.get_timestamp()


def intervals(lower: int, upper: int, *calls: str, function: Any = None) -> StreamHarness:
    def build(left: Any, right: Any) -> Any:
        joined = left.key_by(key).interval_join(right.key_by(key)).between(lower, Time.milliseconds(upper))
        for call in calls:
            joined = getattr(joined, call)()
        joined = joined.side_output_left_late_data(LATE).side_output_right_late_data(LATE_RIGHT)
        return joined.process(function or (lambda left, right: [(left[1], right[1])]))

    return StreamHarness(build)


@pytest.mark.parametrize(
    ("calls", "expected"),
    [
        ((), [8, 9, 10, 11, 12]),
        (("lower_bound_exclusive",), [9, 10, 11, 12]),
        (("upper_bound_exclusive",), [8, 9, 10, 11]),
        (("lower_bound_exclusive", "upper_bound_exclusive"), [9, 10, 11]),
    ],
)
@pytest.mark.parametrize("left_first", [True, False])
def test_bounds_are_included_unless_they_are_said_to_be_open(
    calls: tuple[str, ...], expected: list[int], left_first: bool
) -> None:
    with intervals(-2, 2, *calls) as job:
        times = list(range(6, 15))
        for stream in (0, 1) if left_first else (1, 0):
            if stream == 0:
                job.process_element(("a", "left"), 10, stream=0)
            else:
                job.process_batch([("a", time) for time in times], times, stream=1)
        assert [right for _, right in job.extract_output_values()] == expected


def test_pairs_carry_the_later_time_and_the_function_sees_both() -> None:
    with intervals(-5, 5, function=Pairs()) as job:
        job.process_element(("a", "l"), 10, stream=0)
        job.process_element(("b", "r"), 10, stream=1)
        job.process_element(("a", "r"), 7, stream=1)
        assert job.extract_output() == [(("l", "r", 10, 7, 10), 10)]


@pytest.mark.parametrize(("lower", "upper"), [(-5, 5), (2, 5), (-5, -2), (0, 0)])
def test_records_are_kept_only_while_others_may_need_them(lower: int, upper: int) -> None:
    with intervals(lower, upper) as job:
        job.process_element(("a", "l"), 100, stream=0)
        job.process_element(("a", "r"), 100, stream=1)
        job.process_watermark(99 + max(0, upper, -lower))
        assert job.num_keyed_state_entries() >= 1
        job.process_watermark(100 + max(0, upper, -lower))
        assert job.num_keyed_state_entries() == 0
        assert job.num_event_time_timers() == 0


def test_late_records_of_an_interval_join_go_to_the_side_output_of_their_side() -> None:
    with intervals(-5, 5) as job:
        job.process_watermark(100)
        job.process_element(("a", "l"), 99, stream=0)
        job.process_element(("a", "r"), 99, stream=1)
        job.process_element(("a", "l2"), 100, stream=0)
        assert job.get_side_output(LATE) == [("a", "l")]
        assert job.get_side_output(LATE_RIGHT) == [("a", "r")]
        assert job.num_keyed_state_entries() == 1


def test_what_an_interval_join_refuses() -> None:
    with pytest.raises(ValueError, match="above the upper bound"):
        intervals(5, 1)
    with intervals(-1, 1) as job, pytest.raises(ValueError, match="without event time"):
        job.process_element(("a", 1))
    with pytest.raises(ValueError, match="event time only"):
        StreamHarness(lambda a, b: a.key_by(key).interval_join(b.key_by(key)).in_processing_time())
