"""The job under chaos: Kafka to keyed windows to Kafka, and numbered records to files on a disk and on S3, exactly once.

A record is JSON: `n` (its number), `key`, `ts` (event time, ms). Topic out: one line for each key and window with the count and the
sum of the numbers, so that a record which replaced another would show. Files out: `key,position,n`, position counted in state, so that
a record lost, doubled or counted on forgotten state would show.
"""

import argparse
import json
import sys
from collections.abc import Iterable
from typing import Any

from penstock.common import Duration, Time, Types, WatermarkStrategy
from penstock.common.serialization import Encoder, SimpleStringSchema
from penstock.common.watermark_strategy import TimestampAssigner
from penstock.datastream import (
    AggregateFunction,
    KeyedProcessFunction,
    ProcessWindowFunction,
    RuntimeContext,
    StreamExecutionEnvironment,
)
from penstock.datastream.connectors.base import DeliveryGuarantee
from penstock.datastream.connectors.file_system import FileSink, RollingPolicy
from penstock.datastream.connectors.kafka import (
    KafkaOffsetsInitializer,
    KafkaRecordSerializationSchema,
    KafkaSink,
    KafkaSource,
)
from penstock.datastream.state import ValueStateDescriptor
from penstock.datastream.window import TumblingEventTimeWindows

WINDOW_MS = 1_000
DISORDER_MS = 2_000

Record = tuple[str, int, int]
CountAndSum = tuple[int, int]


class RecordTime(TimestampAssigner):
    """Event time of a record: its own `ts`. Asked at the source, where each partition has a watermark of its own."""

    def extract_timestamp(self, value: str, record_timestamp: int) -> int:
        return int(json.loads(value)["ts"])


class Total(AggregateFunction):
    """Count of records and sum of their numbers."""

    def create_accumulator(self) -> CountAndSum:
        return 0, 0

    def add(self, value: Record, accumulator: CountAndSum) -> CountAndSum:
        return accumulator[0] + 1, accumulator[1] + value[1]

    def get_result(self, accumulator: CountAndSum) -> CountAndSum:
        return accumulator

    def merge(self, a: CountAndSum, b: CountAndSum) -> CountAndSum:
        return a[0] + b[0], a[1] + b[1]


class WindowLine(ProcessWindowFunction):
    """The line of one key's window."""

    def process(
        self, key: str, context: ProcessWindowFunction.Context, elements: Iterable[CountAndSum]
    ) -> Iterable[str]:
        count, total = next(iter(elements))
        yield f"{key},{context.window().start},{count},{total}"


class Position(KeyedProcessFunction):
    """Numbers the records of each key from one on."""

    def open(self, runtime_context: RuntimeContext) -> None:
        self._count = runtime_context.get_state(ValueStateDescriptor("count", Types.LONG()))

    def process_element(self, value: Record, ctx: KeyedProcessFunction.Context) -> Iterable[str]:
        position = (self._count.value() or 0) + 1
        self._count.update(position)
        yield f"{value[0]},{position},{value[1]}"


def parse(line: str) -> Record:
    """A record of the topic."""
    found = json.loads(line)
    return found["key"], found["n"], found["ts"]


def source(options: argparse.Namespace) -> KafkaSource:
    """The input topic from its beginning."""
    return (
        KafkaSource.builder()
        .set_bootstrap_servers(options.bootstrap_servers)
        .set_topics(options.source)
        .set_group_id("chaos")
        .set_starting_offsets(KafkaOffsetsInitializer.earliest())
        .set_value_only_deserializer(SimpleStringSchema())
        .build()
    )


def kafka_sink(options: argparse.Namespace) -> KafkaSink:
    """The output topic, in transactions that commit with the checkpoint."""
    return (
        KafkaSink.builder()
        .set_bootstrap_servers(options.bootstrap_servers)
        .set_record_serializer(
            KafkaRecordSerializationSchema.builder()
            .set_topic(options.target)
            .set_value_serialization_schema(SimpleStringSchema())
            .build()
        )
        .set_delivery_guarantee(DeliveryGuarantee.EXACTLY_ONCE)
        .set_transactional_id_prefix("chaos")
        .set_property("transaction.timeout.ms", "600000")
        .build()
    )


def file_sink(folder: str) -> Any:
    """Part files that appear with the checkpoint."""
    return (
        FileSink.for_row_format(folder, Encoder.simple_string_encoder())
        .with_rolling_policy(RollingPolicy.on_checkpoint_rolling_policy())
        .build()
    )


def main(arguments: list[str]) -> None:
    """Build and run the job."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("--bootstrap-servers", "--source", "--target"):
        parser.add_argument(name, required=True)
    parser.add_argument("--files", action="append", default=[], help="folder (path or URI), may be repeated")
    options = parser.parse_args(arguments)
    env = StreamExecutionEnvironment.get_execution_environment()
    watermarks = WatermarkStrategy.for_bounded_out_of_orderness(
        Duration.of_millis(DISORDER_MS)
    ).with_timestamp_assigner(RecordTime())
    records = (
        env.from_source(source(options), watermarks, "records")
        .uid("records")
        .map(parse)
        .key_by(lambda record: record[0])
    )
    (
        records.window(TumblingEventTimeWindows.of(Time.milliseconds(WINDOW_MS)))
        .aggregate(Total(), window_function=WindowLine(), output_type=Types.STRING())
        .uid("windows")
        .sink_to(kafka_sink(options))
        .uid("windows-out")
    )
    positions = records.process(Position(), output_type=Types.STRING()).uid("positions")
    for number, folder in enumerate(options.files):
        positions.sink_to(file_sink(folder)).uid(f"files-{number}")
    env.execute("chaos")


if __name__ == "__main__":
    main(sys.argv[1:])
