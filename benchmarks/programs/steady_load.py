"""Endless records over keys, windows and timers, for measuring memory; `python steady_load.py` never ends by itself."""

from pyflink.common import Duration, Time, Types, WatermarkStrategy
from pyflink.common.watermark_strategy import TimestampAssigner
from pyflink.datastream import StreamExecutionEnvironment
from pyflink.datastream.connectors.number_seq import NumberSequenceSource
from pyflink.datastream.window import TumblingEventTimeWindows


class ItsOwnTime(TimestampAssigner):
    def extract_timestamp(self, value, record_timestamp):
        return value


env = StreamExecutionEnvironment.get_execution_environment()
env.set_parallelism(1)
order = WatermarkStrategy.for_bounded_out_of_orderness(Duration.of_millis(10))
numbers = env.from_source(
    NumberSequenceSource(1, 1 << 60), order.with_timestamp_assigner(ItsOwnTime()), "numbers", Types.LONG()
)
(
    numbers.map(lambda number: (number % 10_007, 1))
    .key_by(lambda pair: pair[0])
    .window(TumblingEventTimeWindows.of(Time.milliseconds(5000)))
    .reduce(lambda first, second: (first[0], first[1] + second[1]))
    .key_by(lambda pair: pair[0] % 1000)
    .sum(1)
    .filter(lambda pair: False)
    .print()
)
env.execute("steady load")
