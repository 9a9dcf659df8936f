"""Engagement per window: from Kafka topic `website-clicks` to topic `user-metrics`, or from files to files, exactly once.

    penstock run engagement.py --bootstrap-servers localhost:9092
    penstock run engagement.py --input clicks/ --output metrics/

A click is a JSON object with `ts` (event time, ms), `user` and `page`. Out come JSON lines: how many clicks each page and
each user had in each window of five seconds. A click that is late but within the allowed lateness sends the window's
new count again; a later one goes to the stream of late clicks, counted by nobody and lost to nobody.
"""

import argparse
import json
import sys
from collections.abc import Iterable
from typing import Any

from pyflink.common import Duration, Time, Types, WatermarkStrategy
from pyflink.common.serialization import Encoder, SimpleStringSchema
from pyflink.common.watermark_strategy import TimestampAssigner
from pyflink.datastream import (
    AggregateFunction,
    DataStream,
    OutputTag,
    ProcessWindowFunction,
    StreamExecutionEnvironment,
)
from pyflink.datastream.connectors.base import DeliveryGuarantee
from pyflink.datastream.connectors.file_system import FileSink, FileSource, RollingPolicy, StreamFormat
from pyflink.datastream.connectors.kafka import (
    KafkaOffsetsInitializer,
    KafkaRecordSerializationSchema,
    KafkaSink,
    KafkaSource,
)
from pyflink.datastream.window import TumblingEventTimeWindows

WINDOW = Time.seconds(5)
OUT_OF_ORDERNESS = Duration.of_seconds(2)
IDLE_AFTER = Duration.of_seconds(1)
ALLOWED_LATENESS_MS = 1_000
VERSION = 1


class ClickTime(TimestampAssigner):
    """Event time of a click, from its own `ts`."""

    def extract_timestamp(self, value: str, record_timestamp: int) -> int:
        return int(json.loads(value)["ts"])


class Count(AggregateFunction):
    """Counts without keeping the clicks."""

    def create_accumulator(self) -> int:
        return 0

    def add(self, value: Any, accumulator: int) -> int:
        return accumulator + 1

    def get_result(self, accumulator: int) -> int:
        return accumulator

    def merge(self, a: int, b: int) -> int:
        return a + b


class Metric(ProcessWindowFunction):
    """Makes the line of one key's window."""

    def process(
        self, key: tuple[str, str], context: ProcessWindowFunction.Context, elements: Iterable[int]
    ) -> Iterable[str]:
        kind, name = key
        line = {
            "window": context.window().start,
            "kind": kind,
            "key": name,
            "count": next(iter(elements)),
            "version": VERSION,
        }
        yield json.dumps(line)


def watermarks() -> WatermarkStrategy:
    """Clicks may come two seconds out of order; a quiet source does not hold the others back."""
    return (
        WatermarkStrategy.for_bounded_out_of_orderness(OUT_OF_ORDERNESS)
        .with_timestamp_assigner(ClickTime())
        .with_idleness(IDLE_AFTER)
    )


def engagement(clicks: DataStream) -> tuple[DataStream, DataStream]:
    """Streams of metric lines and of late clicks (tuples of kind and name), from a stream of JSON clicks with event time."""
    late_clicks = OutputTag("late-clicks", Types.TUPLE([Types.STRING(), Types.STRING()]))

    def subjects(click: str) -> Iterable[tuple[str, str]]:
        found = json.loads(click)
        yield "page", found["page"]
        yield "user", found["user"]

    metrics = (
        clicks.flat_map(subjects, output_type=Types.TUPLE([Types.STRING(), Types.STRING()]))
        .uid("subjects")
        .key_by(lambda subject: (subject[0], subject[1]))
        .window(TumblingEventTimeWindows.of(WINDOW))
        .allowed_lateness(ALLOWED_LATENESS_MS)
        .side_output_late_data(late_clicks)
        .aggregate(
            Count(), window_function=Metric(), accumulator_type=Types.LONG(), output_type=Types.STRING()
        )
        .uid("count-per-window")
    )
    return metrics, metrics.get_side_output(late_clicks)


def kafka_source(bootstrap_servers: str) -> KafkaSource:
    """Topic `website-clicks` from its beginning; afterwards from the offsets of the restored state."""
    return (
        KafkaSource.builder()
        .set_bootstrap_servers(bootstrap_servers)
        .set_topics("website-clicks")
        .set_group_id("engagement")
        .set_starting_offsets(KafkaOffsetsInitializer.earliest())
        .set_value_only_deserializer(SimpleStringSchema())
        .build()
    )


def kafka_sink(bootstrap_servers: str) -> KafkaSink:
    """Topic `user-metrics`, in transactions that commit with the checkpoint."""
    return (
        KafkaSink.builder()
        .set_bootstrap_servers(bootstrap_servers)
        .set_record_serializer(
            KafkaRecordSerializationSchema.builder()
            .set_topic("user-metrics")
            .set_value_serialization_schema(SimpleStringSchema())
            .build()
        )
        .set_delivery_guarantee(DeliveryGuarantee.EXACTLY_ONCE)
        .set_transactional_id_prefix("engagement")
        .set_property("transaction.timeout.ms", "600000")
        .build()
    )


def file_source(folder: str) -> FileSource:
    """Every file of the folder, and those that appear later (renamed in when they are complete)."""
    return (
        FileSource.for_record_stream_format(StreamFormat.text_line_format(), folder)
        .monitor_continuously(Duration.of_millis(250))
        .build()
    )


def file_sink(folder: str) -> FileSink:
    """Part files that appear with the checkpoint."""
    return (
        FileSink.for_row_format(folder, Encoder.simple_string_encoder())
        .with_rolling_policy(RollingPolicy.on_checkpoint_rolling_policy())
        .build()
    )


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(description="Clicks per page and user in windows of five seconds.")
    parser.add_argument("--bootstrap-servers", default="localhost:9092")
    parser.add_argument("--input", help="folder of JSON-lines files, instead of Kafka")
    parser.add_argument("--output", help="folder for metrics/ and late/, instead of Kafka")
    options = parser.parse_args(arguments)
    if bool(options.input) != bool(options.output):
        parser.error("--input and --output go together")

    env = StreamExecutionEnvironment.get_execution_environment()
    source = file_source(options.input) if options.input else kafka_source(options.bootstrap_servers)
    clicks = env.from_source(source, watermarks(), "clicks").uid("clicks")
    metrics, late = engagement(clicks)
    if options.output:
        metrics.sink_to(file_sink(f"{options.output}/metrics")).uid("metrics")
        late.map(json.dumps, output_type=Types.STRING()).sink_to(file_sink(f"{options.output}/late")).uid(
            "late"
        )
    else:
        metrics.sink_to(kafka_sink(options.bootstrap_servers)).uid("metrics")
        late.print("late")
    env.execute("Engagement per window")


if __name__ == "__main__":
    main(sys.argv[1:])
