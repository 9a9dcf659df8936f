"""Windows, triggers, reductions and async I/O of one small stream; prints the same lines on PyFlink and on Penstock."""

from collections.abc import Iterable
from typing import Any

from pyflink.common import Time, Types, WatermarkStrategy
from pyflink.common.watermark_strategy import TimestampAssigner
from pyflink.datastream import AsyncDataStream, AsyncFunction, StreamExecutionEnvironment
from pyflink.datastream.functions import (
    AggregateFunction,
    AllWindowFunction,
    ProcessWindowFunction,
)
from pyflink.datastream.state import ValueStateDescriptor
from pyflink.datastream.window import (
    ContinuousEventTimeTrigger,
    CountTrigger,
    EventTimeSessionWindows,
    GlobalWindows,
    PurgingTrigger,
    SessionWindowTimeGapExtractor,
    SlidingEventTimeWindows,
    TumblingEventTimeWindows,
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


class OwnTime(TimestampAssigner):
    def extract_timestamp(self, value: Any, record_timestamp: int) -> int:
        return int(value[1])


class Gap(SessionWindowTimeGapExtractor):
    def extract(self, element: Any) -> int:
        return int(element[1]) % 7 + 1


class Spans(ProcessWindowFunction):
    def process(self, key: Any, context: Any, elements: Iterable[Any]) -> Iterable[Any]:
        yield str((key, context.window().start, [element[1] for element in elements]))


class Lists(ProcessWindowFunction):
    def process(self, key: Any, context: Any, elements: Iterable[Any]) -> Iterable[Any]:
        yield str((key, [element[1] for element in elements]))


class Numbered(ProcessWindowFunction):
    def process(self, key: Any, context: Any, elements: Iterable[Any]) -> Iterable[Any]:
        count = context.global_state().get_state(ValueStateDescriptor("count", Types.INT()))
        count.update((count.value() or 0) + 1)
        yield str((key, list(elements), count.value()))


class Everything(AllWindowFunction):
    def apply(self, window: Any, inputs: Iterable[Any]) -> Iterable[Any]:
        return [str((window.start, [record[1] for record in inputs]))]


class Mean(AggregateFunction):
    def create_accumulator(self) -> Any:
        return (0, 0)

    def add(self, value: Any, accumulator: Any) -> Any:
        return accumulator[0] + value[1], accumulator[1] + 1

    def get_result(self, accumulator: Any) -> Any:
        return str(accumulator)

    def merge(self, acc_a: Any, acc_b: Any) -> Any:
        return acc_a[0] + acc_b[0], acc_a[1] + acc_b[1]


class Tenfold(AsyncFunction):
    async def async_invoke(self, value: Any) -> list[Any]:
        return [value[1] * 10]


def millis(number: int) -> Time:
    return Time.milliseconds(number)


def main() -> None:
    """Define and run the job."""
    env = StreamExecutionEnvironment.get_execution_environment()
    env.set_parallelism(1)
    strategy = WatermarkStrategy.for_monotonous_timestamps().with_timestamp_assigner(OwnTime())
    records = env.from_collection(RECORDS, Types.TUPLE([Types.STRING(), Types.INT()]))
    stream = records.assign_timestamps_and_watermarks(strategy)
    keyed = stream.key_by(lambda record: record[0], Types.STRING())
    text = Types.STRING()
    sessions = EventTimeSessionWindows.with_gap(millis(10))
    early = PurgingTrigger.of(ContinuousEventTimeTrigger.of(millis(10)))
    keyed.window(EventTimeSessionWindows.with_dynamic_gap(Gap())).process(Spans(), text).print("dynamic")
    keyed.window(TumblingEventTimeWindows.of(millis(40))).trigger(early).process(Spans(), text).print(
        "purging"
    )
    keyed.window(sessions).trigger(CountTrigger.of(2)).process(Spans(), text).print("session-count")
    keyed.window(SlidingEventTimeWindows.of(millis(20), millis(15), millis(3))).process(Spans(), text).print(
        "sliding"
    )
    keyed.count_window(2).process(Lists(), text).print("count")
    triple = PurgingTrigger.of(CountTrigger.of(3))
    keyed.window(GlobalWindows.create()).trigger(triple).process(Lists(), text).print("global")
    keyed.window(EventTimeSessionWindows.with_gap(millis(12))).aggregate(Mean(), output_type=text).print(
        "mean"
    )
    tumbling = TumblingEventTimeWindows.of(millis(25))
    keyed.window(tumbling).reduce(lambda a, b: (a[0], a[1] + b[1]), Numbered(), text).print("reduce-process")
    stream.window_all(tumbling).apply(Everything(), text).print("all")
    keyed.reduce(lambda a, b: (a[0], a[1] + b[1])).map(str, text).print("reduce")
    AsyncDataStream.ordered_wait(stream, Tenfold(), Time.seconds(60), 3, Types.INT()).print("async")
    env.execute()


if __name__ == "__main__":
    main()
