"""Windows that merge (dynamic gaps, a program's own), evictors, and the triggers that PyFlink lacks."""

from collections.abc import Collection, Iterable
from typing import Any

import pytest

from penstock.common.output_tag import OutputTag
from penstock.common.state_descriptors import ReducingStateDescriptor, ValueStateDescriptor
from penstock.common.time import Time
from penstock.datastream.functions import ProcessWindowFunction, WindowFunction
from penstock.datastream.window import (
    ContinuousEventTimeTrigger,
    CountEvictor,
    CountTrigger,
    DeltaEvictor,
    DeltaTrigger,
    EventTimeSessionWindows,
    EventTimeTrigger,
    GlobalWindows,
    MergingWindowAssigner,
    ProcessingTimeoutTrigger,
    ProcessingTimeSessionWindows,
    PurgingTrigger,
    SessionWindowTimeGapExtractor,
    TimeEvictor,
    TimeWindow,
    Trigger,
    TriggerResult,
    TumblingEventTimeWindows,
    TumblingProcessingTimeWindows,
)
from penstock.testing import StreamHarness

LATE = OutputTag("late")


def by_name(record: Any) -> Any:
    return record[0]


class Listing(WindowFunction[Any, Any, Any, Any]):
    def apply(self, key: Any, window: Any, inputs: Iterable[Any]) -> Iterable[Any]:
        yield key, window.start, window.end, [record[1] for record in inputs]


class Values(WindowFunction[Any, Any, Any, Any]):
    def apply(self, key: Any, window: Any, inputs: Iterable[Any]) -> Iterable[Any]:
        yield [record[1] for record in inputs]


def windows(assigner: Any, function: Any, trigger: Any = None, evictor: Any = None) -> StreamHarness:
    def build(stream: Any) -> Any:
        windowed = stream.key_by(by_name).window(assigner)
        if trigger is not None:
            windowed = windowed.trigger(trigger)
        if evictor is not None:
            windowed = windowed.evictor(evictor)
        return windowed.apply(function)

    return StreamHarness(build)


class Gap(SessionWindowTimeGapExtractor):
    def extract(self, element: Any) -> int:
        return int(element[1])


def test_sessions_whose_gap_the_records_set_merge_over_all_that_they_touch() -> None:
    with windows(EventTimeSessionWindows.with_dynamic_gap(Gap()), Listing()) as job:
        job.process_element(("a", 10), 0)
        job.process_element(("a", 10), 100)
        job.process_element(("a", 10), 50)
        job.process_element(("a", 90), 5)  # 5 to 95: covers the first and the third
        assert job.num_event_time_timers() == 2
        job.process_watermark(94)
        assert job.extract_output() == [(("a", 0, 95, [10, 10, 90]), 94)]
        job.process_watermark(1000)
        assert job.extract_output_values() == [("a", 100, 110, [10])]
        assert job.num_keyed_state_entries() == job.num_event_time_timers() == 0


def test_processing_time_sessions_wait_for_the_clock() -> None:
    with windows(ProcessingTimeSessionWindows.with_gap(Time.milliseconds(10)), Listing()) as job:
        job.process_element(("a", 1))
        job.set_processing_time(8)
        job.process_element(("a", 2))
        job.set_processing_time(16)
        assert job.extract_output() == []
        job.set_processing_time(17)
        assert job.extract_output_values() == [("a", 0, 18, [1, 2])]
        assert job.num_keyed_state_entries() == job.num_processing_time_timers() == 0


class Hours(MergingWindowAssigner):
    """Windows of ten; all between two multiples of a hundred become one once there are three of them."""

    def assign_windows(self, element: Any, timestamp: int, context: Any) -> Collection[Any]:
        start = timestamp - timestamp % 10
        return [TimeWindow(start, start + 10)]

    def merge_windows(self, windows: Iterable[Any], callback: Any) -> None:
        by_hundred: dict[int, list[TimeWindow]] = {}
        for window in windows:
            by_hundred.setdefault(window.start // 100, []).append(window)
        for hundred, members in by_hundred.items():
            if len(members) >= 3:
                callback.merge(members, TimeWindow(hundred * 100, hundred * 100 + 100))

    def get_default_trigger(self, env: Any) -> Trigger:
        return EventTimeTrigger.create()

    def is_event_time(self) -> bool:
        return True


def test_a_program_may_say_which_windows_merge() -> None:
    with windows(Hours(), Listing()) as job:
        job.process_element(("a", 1), 1)
        job.process_element(("a", 2), 15)
        job.process_element(("a", 3), 115)
        assert job.num_event_time_timers() == 3
        job.process_element(("a", 4), 31)
        assert job.num_event_time_timers() == 2
        job.process_watermark(98)
        assert job.extract_output_values() == []
        job.process_watermark(200)
        assert job.extract_output_values() == [("a", 0, 100, [1, 2, 4]), ("a", 110, 120, [3])]
        assert job.num_keyed_state_entries() == 0


class Total(Trigger):
    """Fires when the values of a window reach ten; merged windows add theirs up."""

    total = ReducingStateDescriptor("total", lambda a, b: a + b)

    def on_element(self, element: Any, timestamp: int, window: Any, ctx: Any) -> TriggerResult:
        state = ctx.get_partitioned_state(self.total)
        state.add(element[1])
        if state.get() < 10:
            return TriggerResult.CONTINUE
        state.clear()
        return TriggerResult.FIRE

    def on_processing_time(self, time: int, window: Any, ctx: Any) -> TriggerResult:
        return TriggerResult.CONTINUE

    def on_event_time(self, time: int, window: Any, ctx: Any) -> TriggerResult:
        return TriggerResult.CONTINUE

    def on_merge(self, window: Any, ctx: Any) -> None:
        ctx.merge_partitioned_state(self.total)

    def clear(self, window: Any, ctx: Any) -> None:
        ctx.get_partitioned_state(self.total).clear()


def test_the_state_of_a_trigger_merges_with_its_windows() -> None:
    with windows(EventTimeSessionWindows.with_gap(Time.milliseconds(10)), Values(), Total()) as job:
        job.process_element(("a", 4), 0)
        job.process_element(("a", 4), 18)
        assert job.extract_output() == []
        job.process_element(("a", 2), 9)
        assert job.extract_output_values() == [[4, 4, 2]]
        job.process_watermark(100)
        assert job.num_keyed_state_entries() == 0


class Unmergeable(Total):
    total = ValueStateDescriptor("total")  # type: ignore[assignment]

    def on_element(self, element: Any, timestamp: int, window: Any, ctx: Any) -> TriggerResult:
        return TriggerResult.CONTINUE


class Remembering(ProcessWindowFunction[Any, Any, Any, Any]):
    def process(self, key: Any, context: Any, elements: Iterable[Any]) -> Iterable[Any]:
        context.window_state().get_state(ValueStateDescriptor("x"))
        return []


def feed(job: StreamHarness, *records: tuple[Any, int]) -> None:
    for value, timestamp in records:
        job.process_element(value, timestamp)


def test_state_that_cannot_merge_is_refused() -> None:
    sessions = EventTimeSessionWindows.with_gap(Time.milliseconds(10))
    with (
        windows(sessions, Values(), Unmergeable()) as job,
        pytest.raises(TypeError, match="cannot be merged"),
    ):
        feed(job, (("a", 1), 0), (("a", 1), 5))
    with StreamHarness(lambda s: s.key_by(by_name).window(sessions).process(Remembering())) as job:
        feed(job, (("a", 1), 0))
        with pytest.raises(RuntimeError, match="windows that merge have no state"):
            job.process_watermark(10)


def test_late_records_of_sessions_go_to_their_side_output() -> None:
    def build(stream: Any) -> Any:
        sessions = stream.key_by(by_name).window(EventTimeSessionWindows.with_gap(Time.milliseconds(10)))
        return sessions.allowed_lateness(5).side_output_late_data(LATE).apply(Listing())

    with StreamHarness(build) as job:
        job.process_element(("a", 1), 0)
        job.process_watermark(10)
        assert job.extract_output_values() == [("a", 0, 10, [1])]
        job.process_element(("a", 2), 3)  # its session is over, but within the lateness
        assert job.extract_output_values() == []
        job.process_watermark(12)
        assert job.extract_output_values() == [("a", 0, 13, [1, 2])]
        job.process_watermark(20)
        job.process_element(("a", 3), 4)
        assert job.extract_output_values() == []
        assert job.get_side_output(LATE) == [("a", 3)]


def test_an_evictor_by_count_keeps_the_newest() -> None:
    trigger = CountTrigger.of(2)
    with windows(GlobalWindows.create(), Values(), trigger, CountEvictor.of(3)) as job:
        job.process_batch([("a", number) for number in range(6)])
        assert job.extract_output_values() == [[0, 1], [1, 2, 3], [3, 4, 5]]
    with windows(GlobalWindows.create(), Values(), trigger, CountEvictor.of(1, True)) as job:
        job.process_batch([("a", number) for number in range(4)])
        assert job.extract_output_values() == [[0, 1], [1, 2, 3]]


def test_an_evictor_by_time_and_one_by_difference() -> None:
    with windows(
        GlobalWindows.create(), Values(), CountTrigger.of(3), TimeEvictor.of(Time.milliseconds(10))
    ) as job:
        job.process_batch([("a", 1), ("a", 2), ("a", 3)], [0, 10, 15])
        assert job.extract_output_values() == [[2, 3]]
    delta = DeltaEvictor.of(5.0, lambda old, new: new[1] - old[1])
    with windows(GlobalWindows.create(), Values(), CountTrigger.of(3), delta) as job:
        job.process_batch([("a", 1), ("a", 7), ("a", 9)])
        assert job.extract_output_values() == [[7, 9]]
    with windows(GlobalWindows.create(), Values(), CountTrigger.of(3), delta) as job:
        job.process_batch([("a", 1), ("a", 4), ("a", 9)])
        assert job.extract_output_values() == [[9]], "what differs by the threshold itself goes"


def test_reductions_see_only_what_the_evictor_left() -> None:
    def build(stream: Any) -> Any:
        windowed = stream.key_by(by_name).window(TumblingEventTimeWindows.of(Time.milliseconds(10)))
        return windowed.evictor(CountEvictor.of(2)).reduce(lambda a, b: (a[0], a[1] + b[1]))

    with StreamHarness(build) as job:
        job.process_batch([("a", 1), ("a", 2), ("a", 3)], [1, 2, 3])
        job.process_watermark(9)
        assert job.extract_output() == [(("a", 5), 9)]
        assert job.num_keyed_state_entries() == 0


def test_a_trigger_by_difference_fires_when_a_value_has_moved() -> None:
    trigger = PurgingTrigger.of(DeltaTrigger.of(3, lambda old, new: abs(new[1] - old[1])))
    with windows(GlobalWindows.create(), Values(), trigger) as job:
        job.process_batch([("a", number) for number in (0, 2, 4, 5, 9)])
        assert job.extract_output_values() == [[0, 2, 4], [5, 9]]


def test_a_timeout_gives_what_a_count_has_not_filled() -> None:
    trigger = PurgingTrigger.of(ProcessingTimeoutTrigger.of(CountTrigger.of(3), Time.milliseconds(100)))
    with windows(GlobalWindows.create(), Values(), trigger) as job:
        job.process_batch([("a", 1), ("a", 2)])
        job.set_processing_time(99)
        assert job.extract_output_values() == []
        job.set_processing_time(100)
        assert job.extract_output_values() == [[1, 2]]
        job.process_batch([("a", 3), ("a", 4), ("a", 5)])
        assert job.extract_output_values() == [[3, 4, 5]]
        assert job.num_processing_time_timers() == 0


@pytest.mark.parametrize(("renewing", "due"), [(False, 100), (True, 160)])
def test_a_timeout_counts_from_the_first_record_or_from_the_last(renewing: bool, due: int) -> None:
    timeout = ProcessingTimeoutTrigger.of(CountTrigger.of(9), Time.milliseconds(100), renewing)
    with windows(GlobalWindows.create(), Values(), PurgingTrigger.of(timeout)) as job:
        job.process_element(("a", 1))
        job.set_processing_time(60)
        job.process_element(("a", 2))
        assert job.num_processing_time_timers() == 1
        job.set_processing_time(due - 1)
        assert job.extract_output_values() == []
        job.set_processing_time(due)
        assert job.extract_output_values() == [[1, 2]]


def test_a_purging_trigger_goes_on_after_an_interval_without_records() -> None:
    trigger = PurgingTrigger.of(ContinuousEventTimeTrigger.of(Time.milliseconds(10)))
    with windows(TumblingEventTimeWindows.of(Time.milliseconds(100)), Values(), trigger) as job:
        job.process_element(("a", 1), 1)
        job.process_watermark(35)
        assert job.extract_output_values() == [[1]]
        job.process_element(("a", 2), 40)
        job.process_watermark(50)
        assert job.extract_output_values() == [[2]]
        job.process_watermark(99)
        assert job.num_keyed_state_entries() == job.num_event_time_timers() == 0


def test_triggers_that_cannot_merge_are_refused_for_sessions() -> None:
    trigger = DeltaTrigger.of(1, lambda old, new: 0.0)
    with pytest.raises(TypeError, match="cannot be used with windows that merge"):
        windows(EventTimeSessionWindows.with_gap(Time.seconds(1)), Values(), trigger)


def test_processing_time_windows_end_by_the_clock() -> None:
    with windows(TumblingProcessingTimeWindows.of(Time.milliseconds(10)), Listing()) as job:
        job.process_element(("a", 1))
        job.set_processing_time(8)
        job.process_element(("a", 2))
        job.set_processing_time(12)
        job.process_element(("a", 3))
        job.set_processing_time(30)
        assert job.extract_output_values() == [("a", 0, 10, [1, 2]), ("a", 10, 20, [3])]
        assert job.num_keyed_state_entries() == 0
