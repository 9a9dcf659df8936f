"""Function and state classes in PyFlink's shape: adapters, wrappers, serializers of windows, lifetimes, type checks."""

from collections.abc import Iterable
from io import BytesIO
from typing import Any

import pytest

from penstock.common import Duration, Row, Time, Types, UnsupportedOperation
from penstock.datastream import SinkFunction, SourceFunction, StreamExecutionEnvironment, functions
from penstock.datastream.functions import (
    AllWindowFunction,
    InternalWindowFunction,
    KeyedStateStore,
    ProcessAllWindowFunction,
    ProcessWindowFunction,
    RuntimeContext,
    WindowFunction,
)
from penstock.datastream.source_stream import declared_values
from penstock.datastream.state import (
    AggregatingState,
    AppendingState,
    BroadcastState,
    ListState,
    MapState,
    MergingState,
    OperatorStateStore,
    ReadOnlyBroadcastState,
    ReducingState,
    StateTtlConfig,
    ValueState,
)
from penstock.datastream.window import (
    CountSlidingWindowAssigner,
    CountTrigger,
    CountWindow,
    CountWindowSerializer,
    GlobalWindow,
    GlobalWindows,
    GlobalWindowSerializer,
    MergingWindowAssigner,
    Min,
    TimeWindow,
    TimeWindowSerializer,
    TumblingEventTimeWindows,
    Window,
    WindowOperationDescriptor,
)
from penstock.operators.broadcast import BroadcastContext
from penstock.operators.window_content import WindowContext

WINDOW = TimeWindow(0, 10)


class Recorder(WindowFunction[int, Any, str, TimeWindow], AllWindowFunction[int, Any, TimeWindow]):
    def __init__(self) -> None:
        self.calls: list[Any] = []

    def open(self, runtime_context: RuntimeContext) -> None:
        self.calls.append("open")

    def close(self) -> None:
        self.calls.append("close")

    def apply(self, *arguments: Any) -> Iterable[Any]:
        return [arguments]


class Processor(ProcessWindowFunction[int, Any, str, TimeWindow]):
    cleared: Any = None

    def process(self, *arguments: Any) -> Iterable[Any]:
        return [[argument.window() if hasattr(argument, "window") else argument for argument in arguments]]

    def clear(self, context: Any) -> None:
        self.cleared = (context.window(), context.window_state(), context.current_watermark())


class InternalContext(InternalWindowFunction.InternalWindowContext):
    def current_processing_time(self) -> int:
        return 1

    def current_watermark(self) -> int:
        return 2

    def window_state(self) -> Any:
        return "window state"

    def global_state(self) -> Any:
        return "global state"


@pytest.mark.parametrize(
    ("name", "data", "expected"),
    [
        ("InternalSingleValueWindowFunction", 5, ("k", WINDOW, [5])),
        ("InternalIterableWindowFunction", [5, 6], ("k", WINDOW, [5, 6])),
        ("InternalSingleValueAllWindowFunction", 5, (WINDOW, [5])),
        ("InternalIterableAllWindowFunction", [5, 6], (WINDOW, [5, 6])),
    ],
)
def test_window_functions_run_behind_one_signature(name: str, data: Any, expected: Any) -> None:
    recorder = Recorder()
    adapter = getattr(functions, name)(recorder)
    adapter.open(None)
    assert list(adapter.process("k", WINDOW, InternalContext(), data)) == [expected]
    adapter.clear(WINDOW, InternalContext())
    adapter.close()
    assert recorder.calls == ["open", "close"]


@pytest.mark.parametrize(
    ("name", "data", "expected"),
    [
        ("InternalSingleValueProcessWindowFunction", 5, ["k", WINDOW, [5]]),
        ("InternalIterableProcessWindowFunction", [5, 6], ["k", WINDOW, [5, 6]]),
        ("InternalSingleValueProcessAllWindowFunction", 5, [WINDOW, [5]]),
        ("InternalIterableProcessAllWindowFunction", [5, 6], [WINDOW, [5, 6]]),
    ],
)
def test_process_window_functions_get_their_context(name: str, data: Any, expected: Any) -> None:
    processor = Processor()
    adapter = getattr(functions, name)(processor)
    assert list(adapter.process("k", WINDOW, InternalContext(), data)) == [expected]
    adapter.clear(WINDOW, InternalContext())
    assert processor.cleared == (WINDOW, "window state", 2)


def test_a_context_without_a_window_says_so() -> None:
    context = functions.InternalProcessWindowContext()
    with pytest.raises(RuntimeError, match="no window yet"):
        context.current_processing_time()
    moved = functions.InternalProcessAllWindowContext(WINDOW, InternalContext())
    assert moved.current_processing_time() == 1
    assert str(moved.global_state()) == "global state"


def test_small_functions_do_what_their_names_say() -> None:
    assert functions.NullByteKeySelector().get_key("anything") == 0
    assert list(functions.PassThroughWindowFunction[int, str, TimeWindow]().apply("k", WINDOW, [1, 2])) == [
        1,
        2,
    ]
    assert list(functions.PassThroughAllWindowFunction[int, TimeWindow]().apply(WINDOW, [1, 2])) == [1, 2]
    assert functions.ReduceFunctionWrapper(lambda a, b: a + b).reduce(1, 2) == 3
    assert Min().reduce(4, 3) == 3
    for kind in (SourceFunction, SinkFunction):
        with pytest.raises(UnsupportedOperation, match="no JVM"):
            kind("org.example.Function")


def test_contexts_and_states_are_of_pyflinks_classes() -> None:
    assert issubclass(RuntimeContext, KeyedStateStore)
    assert issubclass(WindowContext, ProcessWindowFunction.Context)
    assert issubclass(WindowContext, ProcessAllWindowFunction.Context)
    assert all(issubclass(kind, AppendingState) for kind in (ListState, ReducingState, AggregatingState))
    assert all(issubclass(kind, MergingState) for kind in (ListState, ReducingState, AggregatingState))
    assert not issubclass(ValueState, AppendingState)
    assert issubclass(BroadcastState, ReadOnlyBroadcastState)
    assert issubclass(BroadcastContext, OperatorStateStore)
    assert "MapState[str, int]" in str(MapState[str, int])


@pytest.mark.parametrize(
    ("serializer", "window", "size"),
    [
        (TimeWindowSerializer(), TimeWindow(-5, 10**15), 16),
        (CountWindowSerializer(), CountWindow(7), 8),
        (GlobalWindowSerializer(), GlobalWindow.get(), 1),
    ],
)
def test_windows_survive_their_serializers(serializer: Any, window: Any, size: int) -> None:
    stream = BytesIO()
    serializer.serialize(window, stream)
    assert len(stream.getvalue()) == size
    stream.seek(0)
    assert serializer.deserialize(stream) == window
    assert isinstance(window, Window)


@pytest.mark.parametrize("serializer", [TimeWindowSerializer(), CountWindowSerializer()])
def test_a_window_that_was_cut_off_is_none(serializer: Any) -> None:
    with pytest.raises(EOFError, match="3 are left"):
        serializer.deserialize(BytesIO(b"abc"))


def test_assigners_name_their_serializers_and_operations_their_parts() -> None:
    tumbling = TumblingEventTimeWindows.of(Time.seconds(1))
    assert isinstance(tumbling.get_window_serializer(), TimeWindowSerializer)
    assert isinstance(CountSlidingWindowAssigner.of(2, 1).get_window_serializer(), CountWindowSerializer)
    assert isinstance(GlobalWindows.create().get_window_serializer(), GlobalWindowSerializer)
    descriptor = WindowOperationDescriptor(tumbling, CountTrigger.of(1), 0, None, None, None, None)
    assert descriptor.generate_op_name() == "TumblingEventTimeWindows"
    assert "CountTrigger, reduce)" in descriptor.generate_op_desc("WindowedStream", "reduce")


def test_windows_that_touch_are_merged() -> None:
    merged: list[Any] = []

    class Callback(MergingWindowAssigner.MergeCallback):
        def merge(self, to_be_merged: Iterable[Any], merge_result: Any) -> None:
            merged.append((list(to_be_merged), merge_result))

    windows = [TimeWindow(5, 9), TimeWindow(0, 5), TimeWindow(20, 30)]
    TimeWindow.merge_windows(windows, Callback())
    assert merged == [([TimeWindow(0, 5), TimeWindow(5, 9)], TimeWindow(0, 9))]


def test_a_lifetime_has_every_setting() -> None:
    config = (
        StateTtlConfig.new_builder(Time.seconds(1))
        .set_ttl(Time.seconds(2))
        .update_ttl_on_read_and_write()
        .return_expired_if_not_cleaned_up()
        .use_processing_time()
        .cleanup_full_snapshot()
        .cleanup_incrementally(7, True)
        .cleanup_in_rocksdb_compact_filter(50, Duration.of_days(1))
        .disable_cleanup_in_background()
        .build()
    )
    assert (config.get_ttl(), config.is_enabled()) == (Time.seconds(2), True)
    assert config.get_update_type() is StateTtlConfig.UpdateType.OnReadAndWrite
    assert config.get_state_visibility() is StateTtlConfig.StateVisibility.ReturnExpiredIfNotCleanedUp
    assert config.get_ttl_time_characteristic() is StateTtlConfig.TtlTimeCharacteristic.ProcessingTime
    cleanup = config.get_cleanup_strategies()
    assert (cleanup.is_cleanup_in_background(), cleanup.in_full_snapshot()) == (False, True)
    incremental = cleanup.get_incremental_cleanup_strategy()
    assert incremental is not None
    assert (incremental.get_cleanup_size(), incremental.run_cleanup_for_every_record()) == (7, True)
    compaction = cleanup.get_rocksdb_compact_filter_cleanup_strategy()
    assert compaction is not None
    assert compaction.get_query_time_after_num_entries() == 50
    assert compaction.get_periodic_compaction_time() == Duration.of_days(1)
    bare = StateTtlConfig.new_builder(Time.seconds(1)).disable_cleanup_in_background().build()
    assert bare.get_cleanup_strategies().get_incremental_cleanup_strategy() is None
    assert bare.get_cleanup_strategies().get_rocksdb_compact_filter_cleanup_strategy() is None
    assert (
        not StateTtlConfig.new_builder(Time.seconds(1))
        .set_update_type(StateTtlConfig.UpdateType.Disabled)
        .build()
        .is_enabled()
    )
    with pytest.raises(ValueError, match="longer than zero"):
        StateTtlConfig.new_builder(Time.seconds(0)).build()


def test_a_collection_is_brought_into_its_declared_shape() -> None:
    kind = Types.ROW_NAMED(["name", "weight"], [Types.STRING(), Types.FLOAT()])
    found = declared_values([{"weight": 0.1, "name": "a"}, ("b", None), Row(weight=2.5, name="c")], kind)
    assert [(row.name, row.weight) for row in found] == [("a", 0.10000000149011612), ("b", None), ("c", 2.5)]
    pairs = Types.TUPLE([Types.INT(), Types.FLOAT()])
    assert declared_values([[1, 0.1]], pairs) == [(1, 0.10000000149011612)]
    with pytest.raises(ValueError, match="2 fields, its type has 1"):
        declared_values([(1, 2)], Types.TUPLE([Types.INT()]))
    with pytest.raises(ValueError, match="is not a tuple"):
        StreamExecutionEnvironment().from_collection([5], pairs)
