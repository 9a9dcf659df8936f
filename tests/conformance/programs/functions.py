"""Process functions with state and timers, aggregations, connected and broadcast streams; prints the same lines on PyFlink and on Penstock."""

from collections.abc import Iterable
from typing import Any

from pyflink.common import Types, WatermarkStrategy
from pyflink.common.watermark_strategy import TimestampAssigner
from pyflink.datastream import OutputTag, StreamExecutionEnvironment
from pyflink.datastream.functions import (
    BroadcastProcessFunction,
    CoFlatMapFunction,
    KeyedProcessFunction,
    MapFunction,
    RuntimeContext,
)
from pyflink.datastream.state import (
    ListStateDescriptor,
    MapStateDescriptor,
    ReducingStateDescriptor,
    ValueStateDescriptor,
)

RECORDS = [
    ("a", 1),
    ("a", 3),
    ("b", 4),
    ("a", 20),
    ("b", 9),
    ("a", 22),
    ("a", 50),
    ("a", 37),
    ("b", 60),
    ("a", 61),
]
SIDE = OutputTag("side", Types.STRING())
RULES = MapStateDescriptor("rules", Types.STRING(), Types.INT())


class OwnTime(TimestampAssigner):
    def extract_timestamp(self, value: Any, record_timestamp: int) -> int:
        return int(value[1])


class AllStates(KeyedProcessFunction):
    def open(self, runtime_context: RuntimeContext) -> None:
        self.count = runtime_context.get_state(ValueStateDescriptor("count", Types.INT()))
        self.seen = runtime_context.get_list_state(ListStateDescriptor("seen", Types.INT()))
        self.last = runtime_context.get_map_state(MapStateDescriptor("last", Types.INT(), Types.INT()))
        self.most = runtime_context.get_reducing_state(ReducingStateDescriptor("most", max, Types.INT()))

    def process_element(self, value: Any, ctx: Any) -> Iterable[Any]:
        count = (self.count.value() or 0) + 1
        self.count.update(count)
        self.seen.add(value[1])
        self.last.put(value[1] % 2, value[1])
        self.most.add(value[1])
        ctx.timer_service().register_event_time_timer(100 + value[1] // 10 * 10)
        if value[1] == 22:
            ctx.timer_service().delete_event_time_timer(100)
        if count % 2:
            yield SIDE, str(("odd", value[1]))
        yield str((value[0], count, list(self.seen.get()), sorted(self.last.items()), self.most.get()))

    def on_timer(self, timestamp: int, ctx: Any) -> Iterable[Any]:
        yield str(("timer", ctx.get_current_key(), timestamp, ctx.time_domain().name, list(self.seen.get())))


class Numbering(MapFunction):
    def open(self, runtime_context: RuntimeContext) -> None:
        self.count = runtime_context.get_state(ValueStateDescriptor("count", Types.INT()))

    def map(self, value: Any) -> Any:
        count = (self.count.value() or 0) + 1
        self.count.update(count)
        return str((value[0], count))


class Sides(CoFlatMapFunction):
    def flat_map1(self, value: Any) -> Iterable[Any]:
        yield str(("left", value[1]))

    def flat_map2(self, value: Any) -> Iterable[Any]:
        yield str(("right", value[1]))


class Rules(BroadcastProcessFunction):
    def process_element(self, value: Any, ctx: Any) -> Iterable[Any]:
        yield str(("record", value[0]))

    def process_broadcast_element(self, value: Any, ctx: Any) -> Iterable[Any]:
        ctx.get_broadcast_state(RULES).put(value[0], value[1])
        yield str(("rule", value[0], value[1]))


def main() -> None:
    """Define and run the job."""
    env = StreamExecutionEnvironment.get_execution_environment()
    env.set_parallelism(1)
    strategy = WatermarkStrategy.for_monotonous_timestamps().with_timestamp_assigner(OwnTime())
    records = env.from_collection(RECORDS, Types.TUPLE([Types.STRING(), Types.INT()]))
    stream = records.assign_timestamps_and_watermarks(strategy)
    keyed = stream.key_by(lambda record: record[0], Types.STRING())
    text = Types.STRING()
    processed = keyed.process(AllStates(), text)
    processed.print("process")
    processed.get_side_output(SIDE).print("side")
    for name in ("min", "max", "min_by", "max_by", "sum"):
        getattr(keyed, name)(1).print(name)
    keyed.map(Numbering(), text).print("rich")
    both: Any = stream.connect(stream)
    both.flat_map(Sides(), text).print("connected")
    stream.connect(stream.broadcast(RULES)).process(Rules(), text).print("broadcast")
    stream.union(stream).map(lambda record: record[1], Types.INT()).print("union")
    env.execute()


if __name__ == "__main__":
    main()
