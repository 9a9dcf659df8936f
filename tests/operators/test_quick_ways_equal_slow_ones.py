"""What is written straight into the dicts of the hashmap backend equals what goes through its tables, under snapshots too."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.common.state_descriptors import ValueStateDescriptor
from penstock.common.time import Time
from penstock.datastream.functions import KeyedProcessFunction, ProcessWindowFunction, RuntimeContext
from penstock.datastream.window import SlidingEventTimeWindows, TumblingEventTimeWindows
from penstock.operators.contract import Batch
from penstock.operators.process import ProcessFactory
from penstock.operators.window import WindowFactory, WindowOperator
from penstock.operators.window_content import Content, Emission
from penstock.state.errors import NoCurrentKey
from penstock.state.hashmap import HashMapBackend
from penstock.windows.triggers import EventTimeTrigger
from tests.operators.harness import Harness

RECORDS = st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 60)), min_size=1, max_size=40)


def by_name(record: Any) -> Any:
    return record[0]


class Shows(ProcessWindowFunction[Any, Any, Any, Any]):
    """Gives what the window holds, and how often this key and window have been seen."""

    def process(self, key: Any, context: Any, elements: Iterable[Any]) -> Iterable[Any]:
        seen = context.window_state().get_state(ValueStateDescriptor("seen"))
        seen.update((seen.value() or 0) + 1)
        yield key, context.window().start, context.window().end, list(elements), seen.value()

    def clear(self, context: Any) -> None:
        context.window_state().get_state(ValueStateDescriptor("seen")).clear()


class SlowWindows(WindowOperator):
    """Takes the slow way: the quick one is only for the operator itself."""


def backend_of(job: Harness) -> HashMapBackend:
    state = job.operator.ctx.state  # type: ignore[attr-defined]
    assert isinstance(state, HashMapBackend)
    return state


@settings(deadline=None, max_examples=40)
@given(
    records=RECORDS,
    size=st.integers(1, 20),
    slide=st.integers(1, 25),
    content=st.sampled_from([Content(), Content(reduce=lambda first, second: (*first, *second))]),
    freezing=st.booleans(),
)
def test_windows_give_the_same_either_way(
    records: list[tuple[str, int]], size: int, slide: int, content: Content, freezing: bool
) -> None:
    sliding = SlidingEventTimeWindows.of(Time.milliseconds(size), Time.milliseconds(slide))
    tumbling = TumblingEventTimeWindows.of(Time.milliseconds(size))
    for assigner in (sliding, tumbling):
        spec = WindowFactory(
            assigner, EventTimeTrigger(), content, Emission(Shows(), is_process=True), late_tag="late"
        )
        given_by: list[tuple[Any, Any]] = []
        for operator in (WindowOperator(spec), SlowWindows(spec)):
            job, results = Harness(operator, [by_name]), []
            assert (operator._quick is None) is (type(operator) is SlowWindows)
            for start in range(0, len(records), 7):
                part = records[start : start + 7]
                job.operator.process(Batch(list(part), [time for _, time in part]), 0)
                if freezing and start == 7:
                    backend_of(job).freeze()
                results += job.advance(max(time for _, time in records[: start + 7]) - 12)
            results += job.advance(1000)
            given_by.append((sorted(results), job.output.side))
        assert given_by[0] == given_by[1]


class Tallies(KeyedProcessFunction):
    """Counts; every third record of a key forgets the count; a timer tells it."""

    def open(self, runtime_context: RuntimeContext) -> None:
        self.count = runtime_context.get_state(ValueStateDescriptor("count"))

    def process_element(self, value: Any, ctx: Any) -> Iterable[Any]:
        self.count.update((self.count.value() or 0) + 1)
        if self.count.value() == 3:
            self.count.clear()
        ctx.timer_service().register_event_time_timer(value[1] + 5)
        return [(value[0], self.count.value())]

    def on_timer(self, timestamp: int, ctx: Any) -> Iterable[Any]:
        return [(ctx.get_current_key(), timestamp, self.count.value())]


@settings(deadline=None, max_examples=40)
@given(records=RECORDS)
def test_value_state_tells_a_snapshot_under_way_what_was_there(records: list[tuple[str, int]]) -> None:
    half = len(records) // 2
    contents = []
    for rest in (records[half:], []):
        job = Harness(ProcessFactory(Tallies())(), [by_name])
        job.feed(*records[:half])
        frozen = backend_of(job).freeze()
        job.feed(*rest)
        frozen.finish()
        held = HashMapBackend(128, 0, 127)
        for group, chunk in frozen.chunks.items():
            held.load_group(group, chunk)
        timers = [held.event_timers.in_group(group) for group in range(128)]
        contents.append((sorted(held.table("count").entries()), timers))
    assert contents[0] == contents[1]


def test_state_without_a_key_is_refused_on_the_quick_way_too() -> None:
    job = Harness(ProcessFactory(Tallies())(), [by_name])
    function: Any = job.operator._function  # type: ignore[attr-defined]
    changes: list[Callable[[], Any]] = [
        function.count.value,
        function.count.clear,
        lambda: function.count.update(1),
    ]
    for change in changes:
        with pytest.raises(NoCurrentKey, match="'count' of operator 'test' was used where no key is set"):
            change()


def test_a_record_without_a_key_fails_behind_those_before_it() -> None:
    job = Harness(ProcessFactory(Tallies())(), [by_name])
    with pytest.raises(TypeError):
        job.feed(("a", 1), ("b", 2), None, ("c", 3))
    table = backend_of(job).table("count")
    assert sorted(key for key, _, _ in table.entries()) == ["a", "b"]
