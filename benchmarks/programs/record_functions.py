"""Programs of Python functions, one record at a time, in PyFlink's API: run as they are by Penstock and by PyFlink.

`python record_functions.py NAME INPUT PARALLELISM [--option KEY=VALUE ...]`, NAME one of PROGRAMS. INPUT is a folder of
JSON lines (`benchmarks.clicks`). Results go nowhere, or are printed with `--print`. The last line that it writes is
JSON: the job's net run time in milliseconds.
"""

import argparse
import json
import sys

from pyflink.common import Configuration, Duration, Time, Types, WatermarkStrategy
from pyflink.common.watermark_strategy import TimestampAssigner
from pyflink.datastream import StreamExecutionEnvironment
from pyflink.datastream.connectors.file_system import FileSource, StreamFormat
from pyflink.datastream.functions import (
    AggregateFunction,
    KeyedProcessFunction,
    ProcessWindowFunction,
)
from pyflink.datastream.state import ValueStateDescriptor
from pyflink.datastream.window import TumblingEventTimeWindows

PAIR = Types.TUPLE([Types.STRING(), Types.INT()])
TIMED = Types.TUPLE([Types.STRING(), Types.LONG()])
COUNTED = Types.TUPLE([Types.STRING(), Types.LONG(), Types.LONG()])
WINDOW_SECONDS = 10
SILENCE_MS = 5_000


class SecondField(TimestampAssigner):
    """The event time of (user, time)."""

    def extract_timestamp(self, value, record_timestamp):
        return value[1]


class Count(AggregateFunction):
    """How many."""

    def create_accumulator(self):
        return 0

    def add(self, value, accumulator):
        return accumulator + 1

    def get_result(self, accumulator):
        return accumulator

    def merge(self, first, second):
        return first + second


class WithWindow(ProcessWindowFunction):
    """The count with its user and the window's start."""

    def process(self, key, context, elements):
        yield key, context.window().start, next(iter(elements))


class Visit(KeyedProcessFunction):
    """Counts a user's clicks until the user is silent for five seconds; a timer gives the result."""

    def open(self, runtime_context):
        self.count = runtime_context.get_state(ValueStateDescriptor("count", Types.LONG()))
        self.ends = runtime_context.get_state(ValueStateDescriptor("ends", Types.LONG()))

    def process_element(self, value, ctx):
        count = self.count.value()
        if count is None:
            ctx.timer_service().register_event_time_timer(value[1] + SILENCE_MS)
        self.count.update((count or 0) + 1)
        self.ends.update(value[1] + SILENCE_MS)

    def on_timer(self, timestamp, ctx):
        ends = self.ends.value()
        if timestamp < ends:
            ctx.timer_service().register_event_time_timer(ends)
            return
        yield ctx.get_current_key(), ends, self.count.value()
        self.count.clear()
        self.ends.clear()


def user_and_time(line):
    click = json.loads(line)
    return click["user"], click["ts"]


def with_time(stream):
    order = WatermarkStrategy.for_bounded_out_of_orderness(Duration.of_seconds(1))
    timed = stream.map(user_and_time, output_type=TIMED)
    return timed.assign_timestamps_and_watermarks(order.with_timestamp_assigner(SecondField()))


def running_sum(lines):
    """JSON decode, filter, map, key_by, sum."""
    return (
        lines.map(json.loads, output_type=Types.PICKLED_BYTE_ARRAY())
        .filter(lambda click: click["action"] == "click")
        .map(lambda click: (click["user"], 1), output_type=PAIR)
        .key_by(lambda pair: pair[0], key_type=Types.STRING())
        .sum(1)
    )


def window_count(lines):
    """A count per user and tumbling window of event time."""
    return (
        with_time(lines)
        .key_by(lambda pair: pair[0], key_type=Types.STRING())
        .window(TumblingEventTimeWindows.of(Time.seconds(WINDOW_SECONDS)))
        .aggregate(Count(), WithWindow(), accumulator_type=Types.LONG(), output_type=COUNTED)
    )


def visits(lines):
    """A process function with value state and event-time timers."""
    keyed = with_time(lines).key_by(lambda pair: pair[0], key_type=Types.STRING())
    return keyed.process(Visit(), output_type=COUNTED)


PROGRAMS = {"running_sum": running_sum, "window_count": window_count, "visits": visits}


def discard(stream):
    """The cheapest sink that there is: Flink's own, or nothing after a filter."""
    try:
        from pyflink.datastream.connectors.base import Sink
        from pyflink.java_gateway import get_gateway

        discarding = get_gateway().jvm.org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink()
    except Exception:  # noqa: BLE001 - Penstock has no Java to ask
        stream.filter(lambda value: False).print()
    else:
        stream.sink_to(Sink(discarding))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program", choices=sorted(PROGRAMS))
    parser.add_argument("input")
    parser.add_argument("parallelism", type=int)
    parser.add_argument("--option", action="append", default=[])
    parser.add_argument("--print", action="store_true")
    arguments = parser.parse_args()
    configuration = Configuration()
    for option in arguments.option:
        configuration.set_string(*option.split("=", 1))
    env = StreamExecutionEnvironment.get_execution_environment(configuration)
    env.set_parallelism(arguments.parallelism)
    source = FileSource.for_record_stream_format(StreamFormat.text_line_format(), arguments.input).build()
    lines = env.from_source(source, WatermarkStrategy.no_watermarks(), "clicks")
    results = PROGRAMS[arguments.program](lines)
    if arguments.print:
        results.print()
    else:
        discard(results)
    done = env.execute(arguments.program)
    sys.stdout.write(json.dumps({"net_runtime_ms": done.get_net_runtime()}) + "\n")


if __name__ == "__main__":
    main()
