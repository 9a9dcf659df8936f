"""Windows: contents, results, late records, sessions that merge, counts, triggers, state of window functions."""

from collections.abc import Iterable
from typing import Any

from penstock.common.state_descriptors import ValueStateDescriptor
from penstock.common.time import Time
from penstock.datastream.functions import AggregateFunction, ProcessWindowFunction, WindowFunction
from penstock.operators.contract import MAX_WATERMARK
from penstock.operators.window import WindowFactory
from penstock.operators.window_content import Content, Emission
from penstock.windows.assigners import (
    CountSlidingWindowAssigner,
    CountTumblingWindowAssigner,
    EventTimeSessionWindows,
    GlobalWindows,
    SlidingEventTimeWindows,
    TumblingEventTimeWindows,
)
from penstock.windows.triggers import ContinuousEventTimeTrigger, CountTrigger, PurgingTrigger
from tests.operators.harness import Harness


class Count(AggregateFunction):
    def create_accumulator(self) -> int:
        return 0

    def add(self, value: Any, accumulator: int) -> int:
        return accumulator + 1

    def get_result(self, accumulator: int) -> int:
        return accumulator

    def merge(self, acc_a: int, acc_b: int) -> int:
        return acc_a + acc_b


class Listing(WindowFunction[Any, Any, Any, Any]):
    def apply(self, key: Any, window: Any, inputs: Iterable[Any]) -> Iterable[Any]:
        yield key, getattr(window, "start", None), list(inputs)


class Firings(ProcessWindowFunction[Any, Any, Any, Any]):
    """Counts how often the window gave a result, in state of the window."""

    def process(self, key: Any, context: Any, elements: Iterable[Any]) -> Iterable[Any]:
        fired = context.window_state().get_state(ValueStateDescriptor("fired"))
        fired.update((fired.value() or 0) + 1)
        yield key, fired.value(), next(iter(elements)), context.window().end

    def clear(self, context: Any) -> None:
        context.window_state().get_state(ValueStateDescriptor("fired")).clear()


def windows(assigner: Any, content: Content, function: Any = None, **options: Any) -> Harness:
    trigger = options.pop("trigger", None) or assigner.get_default_trigger(None)
    emission = Emission(function, hasattr(function, "process"))
    factory = WindowFactory(assigner, trigger, content, emission, **options)
    return Harness(factory(), [lambda record: record[0]])


def test_tumbling_windows_give_one_result_a_key_when_event_time_passes_their_end() -> None:
    job = windows(TumblingEventTimeWindows.of(Time.seconds(5)), Content(aggregate=Count()), Firings())

    assert job.feed(("a", 1), ("b", 2), ("a", 3), ("a", 4), at=[0, 1000, 4999, 5000]) == []
    assert job.advance(4998) == []
    assert sorted(job.advance(4999)) == [("a", 1, 2, 5000), ("b", 1, 1, 5000)]
    assert job.advance(MAX_WATERMARK) == [("a", 1, 1, 10000)]


def test_results_carry_the_last_millisecond_of_their_window() -> None:
    job = windows(TumblingEventTimeWindows.of(Time.seconds(5)), Content(reduce=lambda a, b: a))
    job.feed(("a", 1), at=[10])
    job.timers.advance(5000)
    job.operator.on_watermark(5000)
    assert job.output.records == [(("a", 1), 4999)]


def test_a_late_record_within_the_allowed_lateness_gives_a_new_result() -> None:
    job = windows(
        TumblingEventTimeWindows.of(Time.seconds(5)),
        Content(aggregate=Count()),
        Firings(),
        lateness_ms=1000,
        late_tag="late",
    )
    job.feed(("a", 1), at=[0])
    assert job.advance(5500) == [("a", 1, 1, 5000)]
    assert job.feed(("a", 2), at=[1]) == [("a", 2, 2, 5000)]
    assert job.feed(("b", 1), at=[1]) == [("b", 1, 1, 5000)]
    job.advance(5999)
    assert job.feed(("a", 3), at=[2]) == []
    assert job.output.side == {"late": [("a", 3)]}


def test_late_records_without_a_side_output_are_counted() -> None:
    job = windows(TumblingEventTimeWindows.of(Time.seconds(5)), Content(aggregate=Count()))
    job.advance(20_000)
    job.feed(("a", 1), ("a", 2), at=[0, 1])
    assert job.metrics.collect()["numLateRecordsDropped"] == 2


def test_a_record_belongs_to_every_sliding_window_around_it() -> None:
    job = windows(SlidingEventTimeWindows.of(Time.seconds(10), Time.seconds(5)), Content(), Listing())
    job.feed(("a", 1), ("a", 2), at=[7000, 12_000])
    assert sorted(job.advance(MAX_WATERMARK), key=lambda result: result[1]) == [
        ("a", 0, [("a", 1)]),
        ("a", 5000, [("a", 1), ("a", 2)]),
        ("a", 10_000, [("a", 2)]),
    ]


def test_sessions_merge_when_a_record_closes_the_gap_between_them() -> None:
    job = windows(EventTimeSessionWindows.with_gap(Time.seconds(5)), Content(), Listing())
    job.feed(("a", 1), ("a", 3), ("b", 9), at=[0, 8000, 0])
    job.feed(("a", 2), at=[4000])
    results = job.advance(MAX_WATERMARK)
    assert sorted(results) == [("a", 0, [("a", 1), ("a", 3), ("a", 2)]), ("b", 0, [("b", 9)])]


def test_separate_sessions_stay_separate() -> None:
    job = windows(EventTimeSessionWindows.with_gap(Time.seconds(5)), Content(aggregate=Count()))
    job.feed(("a", 1), ("a", 2), at=[0, 20_000])
    assert job.advance(10_000) == [1]
    assert job.feed(("a", 3), at=[22_000]) == []
    assert job.advance(MAX_WATERMARK) == [2]


def test_count_windows_give_a_result_when_they_are_full() -> None:
    job = windows(CountTumblingWindowAssigner.of(2), Content(), Listing())
    results = job.feed(("a", 1), ("b", 1), ("a", 2), ("a", 3))
    assert results == [("a", None, [("a", 1), ("a", 2)])]
    assert job.feed(("a", 4)) == [("a", None, [("a", 3), ("a", 4)])]


def test_sliding_count_windows_give_full_windows_only() -> None:
    job = windows(CountSlidingWindowAssigner.of(3, 2), Content(), Listing())
    results = job.feed(*[("a", number) for number in range(5)])
    assert [[value for _, value in inputs] for _, _, inputs in results] == [[0, 1, 2], [2, 3, 4]]


def test_a_purging_trigger_forgets_and_a_plain_one_keeps() -> None:
    keeping = windows(GlobalWindows.create(), Content(aggregate=Count()), trigger=CountTrigger.of(2))
    assert keeping.feed(*[("a", 0)] * 4) == [2, 4]
    purging = windows(
        GlobalWindows.create(), Content(aggregate=Count()), trigger=PurgingTrigger.of(CountTrigger.of(2))
    )
    assert purging.feed(*[("a", 0)] * 4) == [2, 2]


def test_a_continuous_trigger_gives_early_results() -> None:
    job = windows(
        TumblingEventTimeWindows.of(Time.seconds(10)),
        Content(aggregate=Count()),
        trigger=ContinuousEventTimeTrigger.of(Time.seconds(4)),
    )
    job.feed(("a", 1), at=[1000])
    assert job.advance(4000) == [1]
    job.feed(("a", 2), at=[5000])
    assert job.advance(8000) == [2]
    assert job.advance(9999) == [2]


def test_a_window_that_is_over_leaves_no_state() -> None:
    job = windows(TumblingEventTimeWindows.of(Time.seconds(5)), Content(aggregate=Count()), Firings())
    job.feed(("a", 1), ("a", 2), at=[0, 3000])
    job.advance(MAX_WATERMARK)
    for table in ("_window", "_windows", "_window.fired"):
        assert job.operator.ctx.state is not None  # type: ignore[attr-defined]
        assert list(job.operator.ctx.state.table(table).entries()) == []  # type: ignore[attr-defined]
