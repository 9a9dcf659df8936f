"""A job that is stopped and restored at arbitrary points gives what an uninterrupted one gives: windows, timers, lifetimes, joins, async."""

from collections.abc import Callable, Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.common.state_descriptors import ListStateDescriptor, MapStateDescriptor, ValueStateDescriptor
from penstock.common.state_ttl import StateTtlConfig
from penstock.common.time import Time
from penstock.datastream.async_data_stream import AsyncDataStream
from penstock.datastream.functions import (
    AsyncFunction,
    KeyedBroadcastProcessFunction,
    KeyedProcessFunction,
    ProcessWindowFunction,
    RuntimeContext,
)
from penstock.datastream.window import (
    ContinuousEventTimeTrigger,
    CountEvictor,
    CountTrigger,
    EventTimeSessionWindows,
    GlobalWindows,
    PurgingTrigger,
    SlidingEventTimeWindows,
    TumblingEventTimeWindows,
    TumblingProcessingTimeWindows,
)
from penstock.operators.contract import MAX_WATERMARK
from penstock.testing import StreamHarness
from penstock.testing.operator_node import Placement

TEN = Time.milliseconds(10)
Build = Callable[..., Any]


def by_name(record: Any) -> Any:
    return record[0]


class Everything(ProcessWindowFunction[Any, Any, Any, Any]):
    """Counts firings in state of the window and of the key."""

    def process(self, key: Any, context: Any, elements: Iterable[Any]) -> Iterable[Any]:
        ever = context.global_state().get_state(ValueStateDescriptor("ever"))
        ever.update((ever.value() or 0) + 1)
        yield key, str(context.window()), sorted(elements), ever.value()


class Timing(KeyedProcessFunction):
    """Collects values until a timer of either clock gives them; values live fifty milliseconds, tags for good."""

    def open(self, runtime_context: RuntimeContext) -> None:
        ttl = StateTtlConfig.new_builder(Time.milliseconds(50)).update_ttl_on_read_and_write().build()
        values, tags = ListStateDescriptor("values"), MapStateDescriptor("tags")
        values.enable_time_to_live(ttl)
        self.values = runtime_context.get_list_state(values)
        self.tags = runtime_context.get_map_state(tags)

    def process_element(self, value: Any, ctx: Any) -> Iterable[Any]:
        self.values.add(value[1])
        self.tags.put(value[1] % 3, value[1])
        service = ctx.timer_service()
        if value[1] % 2:
            service.register_event_time_timer(ctx.timestamp() + 20)
        else:
            service.register_processing_time_timer(service.current_processing_time() + 15)
        if value[1] % 5 == 0:
            service.delete_event_time_timer(ctx.timestamp() + 20)
        return ()

    def on_timer(self, timestamp: int, ctx: Any) -> Iterable[Any]:
        yield ctx.get_current_key(), timestamp, list(self.values.get()), sorted(self.tags.items())


class Rules(KeyedBroadcastProcessFunction[Any, Any, Any, Any]):
    def process_element(self, value: Any, ctx: Any) -> Iterable[Any]:
        yield value, sorted(ctx.get_broadcast_state(RULES).items())

    def process_broadcast_element(self, value: Any, ctx: Any) -> Iterable[Any]:
        ctx.get_broadcast_state(RULES).put(value[0], value[1])
        return ()


RULES = MapStateDescriptor("rules")


class Echo(AsyncFunction):
    async def async_invoke(self, value: Any) -> list[Any]:
        return [value]


def window(assigner: Any, trigger: Any = None, evictor: Any = None, lateness: int = 0) -> Build:
    def build(stream: Any) -> Any:
        windowed = stream.key_by(by_name).window(assigner).allowed_lateness(lateness)
        windowed = windowed if trigger is None else windowed.trigger(trigger)
        windowed = windowed if evictor is None else windowed.evictor(evictor)
        return windowed.process(Everything())

    return build


PROGRAMS: dict[str, Build] = {
    "reduce": lambda s: s.key_by(by_name).reduce(lambda a, b: (a[0], a[1] + b[1])),
    "tumbling": window(TumblingEventTimeWindows.of(TEN)),
    "tumbling-late": window(TumblingEventTimeWindows.of(TEN), lateness=15),
    "sliding": window(SlidingEventTimeWindows.of(TEN, Time.milliseconds(4))),
    "sessions": window(EventTimeSessionWindows.with_gap(TEN), lateness=5),
    "clock": window(TumblingProcessingTimeWindows.of(TEN)),
    "count-evicting": window(GlobalWindows.create(), CountTrigger.of(3), CountEvictor.of(2)),
    "continuous": window(
        TumblingEventTimeWindows.of(Time.milliseconds(40)),
        PurgingTrigger.of(ContinuousEventTimeTrigger.of(TEN)),
    ),
    "count-sliding": lambda s: s.key_by(by_name).count_window(3, 2).process(Everything()),
    "timers": lambda s: s.key_by(by_name).process(Timing()),
    "interval-join": lambda a, b: (
        a.key_by(by_name).interval_join(b.key_by(by_name)).between(-5, 10).process(lambda x, y: [(x, y)])
    ),
    "window-join": lambda a, b: (
        a.join(b)
        .where(by_name)
        .equal_to(by_name)
        .window(TumblingEventTimeWindows.of(TEN))
        .apply(lambda x, y: (x, y))
    ),
    "co-group": lambda a, b: (
        a.co_group(b)
        .where(by_name)
        .equal_to(by_name)
        .window(EventTimeSessionWindows.with_gap(TEN))
        .apply(lambda xs, ys: [(xs, ys)])
    ),
    "broadcast": lambda a, b: a.key_by(by_name).connect(b.broadcast(RULES)).process(Rules()),
    "async": lambda s: AsyncDataStream.ordered_wait(s, Echo(), Time.seconds(30), 3),
}

ELEMENT = st.tuples(
    st.just("element"), st.sampled_from("abc"), st.integers(0, 20), st.integers(-15, 15), st.integers(0, 1)
)
EVENTS = st.lists(
    st.one_of(
        ELEMENT,
        ELEMENT,
        ELEMENT,
        st.tuples(st.just("watermark"), st.integers(0, 25)),
        st.tuples(st.just("clock"), st.integers(0, 25)),
        st.just(("restore",)),
    ),
    min_size=1,
    max_size=40,
)


class Run:
    """Feeds events to a program; restores, if asked to, at the marks."""

    def __init__(self, build: Build, restores: bool, **options: Any) -> None:
        self.build, self.restores, self.options = build, restores, options
        self.job = StreamHarness(build, **options)
        self.results: list[Any] = []
        self.event_time = self.clock = 0

    def feed(self, event: tuple[Any, ...]) -> None:
        kind, *rest = event
        if kind == "element":
            name, number, jitter, side = rest
            stream = side % len(self.job._inputs)
            self.job.process_element((name, number), self.event_time + jitter, stream)
        elif kind == "watermark":
            self.event_time += rest[0]
            self.job.process_watermark(self.event_time)
        elif kind == "clock":
            self.clock += rest[0]
            self.job.set_processing_time(self.clock)
        else:
            if self.restores:
                self.restore()
            # A restored job hears of event time anew, which also fires timers that were set behind it: so both move on.
            self.event_time += 1
            self.job.process_watermark(self.event_time)
        self.results += self.job.extract_output()

    def restore(self) -> None:
        stored = self.job.snapshot()
        self.results += self.job.extract_output()
        self.job.close()
        self.job = StreamHarness(self.build, restored=stored, **self.options)

    def finish(self) -> list[Any]:
        self.job.process_watermark(MAX_WATERMARK)
        self.job.settle()
        self.results += self.job.extract_output()
        self.job.close()
        return self.results


@pytest.mark.parametrize("name", PROGRAMS)
def test_what_is_restored_goes_on_as_if_nothing_had_been(name: str) -> None:
    @settings(max_examples=15)
    @given(EVENTS)
    def holds(events: list[tuple[Any, ...]]) -> None:
        whole, broken = Run(PROGRAMS[name], restores=False), Run(PROGRAMS[name], restores=True)
        for event in [("watermark", 0), *events]:
            whole.feed(event)
            broken.feed(event)
        assert sorted(map(repr, broken.finish())) == sorted(map(repr, whole.finish()))

    holds()


@pytest.mark.parametrize("name", [name for name in PROGRAMS if name not in ("async", "broadcast")])
def test_a_job_on_rocksdb_gives_the_same_over_restores(name: str) -> None:
    @settings(max_examples=3)
    @given(EVENTS)
    def holds(events: list[tuple[Any, ...]]) -> None:
        with TemporaryDirectory() as folder:
            options: dict[str, Any] = {
                "configuration": {"state.backend.type": "rocksdb", "io.tmp.dirs": folder},
                "state_folder": Path(folder) / "snapshots",
            }
            whole = Run(PROGRAMS[name], restores=False)
            broken = Run(PROGRAMS[name], restores=True, **options)
            for event in [("watermark", 0), *events]:
                whole.feed(event)
                broken.feed(event)
            assert sorted(map(repr, broken.finish())) == sorted(map(repr, whole.finish()))

    holds()


KEYED = ["reduce", "tumbling", "sessions", "timers", "interval-join"]


@pytest.mark.parametrize("name", KEYED)
def test_two_subtasks_go_on_where_one_was(name: str) -> None:
    build = PROGRAMS[name]
    whole = StreamHarness(build)
    sides = len(whole._inputs)
    records = [((f"key-{number % 7}", number), number) for number in range(30)]

    def feed(job: StreamHarness, part: list[Any], owned: set[str]) -> list[Any]:
        for value, time in part:
            if value[0] in owned:
                job.process_element(value, time, value[1] % sides)
        return job.extract_output()

    names = {f"key-{number}" for number in range(7)}
    before = feed(whole, records[:15], names)
    stored = whole.snapshot()
    expected = before + feed(whole, records[15:], names)
    whole.finish()
    expected += whole.extract_output()
    whole.close()

    results = list(before)
    for index in (0, 1):
        with StreamHarness(build, restored=stored, placement=Placement(index, 2)) as part:
            backend = part._nodes[-1].backend
            assert backend is not None
            owned = {one for one in names if backend.first <= _group(one) <= backend.last}
            results += feed(part, records[15:], owned)
            part.finish()
            results += part.extract_output()
    assert sorted(map(repr, results)) == sorted(map(repr, expected))


def _group(key: str) -> int:
    from penstock_api.keys import key_group

    return key_group(key, 128)
