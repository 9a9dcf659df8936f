"""Counts clicks per user: from one Kafka topic to another, exactly once.

Arguments: bootstrap, input, output and, where slots and not cores shall be the limit, the seconds that a click takes.
"""

import json
import sys
import time
from collections.abc import Callable

from pyflink.common import Types, WatermarkStrategy
from pyflink.common.serialization import SimpleStringSchema
from pyflink.datastream import StreamExecutionEnvironment
from pyflink.datastream.connectors.base import DeliveryGuarantee
from pyflink.datastream.connectors.kafka import (
    KafkaOffsetsInitializer,
    KafkaRecordSerializationSchema,
    KafkaSink,
    KafkaSource,
)

VERSION = "v1"


def reader(seconds: float) -> Callable[[str], tuple[str, int]]:
    """Reads a click's user, in no less time than this."""

    def read(line: str) -> tuple[str, int]:
        if seconds:
            time.sleep(seconds)
        return json.loads(line)["user"], 1

    return read


def main() -> None:
    bootstrap, source_topic, sink_topic = sys.argv[1:4]
    work = float(sys.argv[4]) if len(sys.argv) > 4 else 0.0
    env = StreamExecutionEnvironment.get_execution_environment()
    source = (
        KafkaSource.builder()
        .set_bootstrap_servers(bootstrap)
        .set_topics(source_topic)
        .set_group_id(f"{sink_topic}-group")
        .set_starting_offsets(KafkaOffsetsInitializer.earliest())
        .set_value_only_deserializer(SimpleStringSchema())
        .build()
    )
    sink = (
        KafkaSink.builder()
        .set_bootstrap_servers(bootstrap)
        .set_record_serializer(
            KafkaRecordSerializationSchema.builder()
            .set_topic(sink_topic)
            .set_value_serialization_schema(SimpleStringSchema())
            .build()
        )
        .set_delivery_guarantee(DeliveryGuarantee.EXACTLY_ONCE)
        .set_transactional_id_prefix(sink_topic)
        .set_property("transaction.timeout.ms", "600000")
        .build()
    )
    clicks = env.from_source(source, WatermarkStrategy.no_watermarks(), "clicks").uid("clicks")
    counts = (
        clicks.map(reader(work), output_type=Types.TUPLE([Types.STRING(), Types.INT()]))
        .uid("user")
        .key_by(lambda pair: pair[0])
        .sum(1)
        .uid("count")
    )
    lines = counts.map(lambda pair: f"{pair[0]},{pair[1]},{VERSION}", output_type=Types.STRING()).uid("line")
    lines.sink_to(sink).uid("counts")
    env.execute("clicks per user")


if __name__ == "__main__":
    main()
