"""The click counter with a class of its own as state. Arguments: bootstrap, input, output."""

import json
import sys
from collections.abc import Iterator

from pyflink.common import Types, WatermarkStrategy
from pyflink.common.serialization import SimpleStringSchema
from pyflink.datastream import KeyedProcessFunction, RuntimeContext, StreamExecutionEnvironment
from pyflink.datastream.connectors.base import DeliveryGuarantee
from pyflink.datastream.connectors.kafka import (
    KafkaOffsetsInitializer,
    KafkaRecordSerializationSchema,
    KafkaSink,
    KafkaSource,
)
from pyflink.datastream.state import ValueStateDescriptor

VERSION = "v1"


class Tally:
    """The state of a user."""

    def __init__(self) -> None:
        self.clicks = 0


class CountClicks(KeyedProcessFunction):
    """Emits (user, clicks so far) for every click."""

    def open(self, runtime_context: RuntimeContext) -> None:
        self.tally = runtime_context.get_state(ValueStateDescriptor("tally", Types.PICKLED_BYTE_ARRAY()))

    def process_element(self, value: str, ctx: KeyedProcessFunction.Context) -> Iterator[tuple[str, int]]:
        tally = self.tally.value() or Tally()
        tally.clicks += 1
        self.tally.update(tally)
        yield value, tally.clicks


def main() -> None:
    bootstrap, source_topic, sink_topic = sys.argv[1:4]
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
        clicks.map(lambda line: json.loads(line)["user"], output_type=Types.STRING())
        .uid("user")
        .key_by(lambda user: user)
        .process(CountClicks())
        .uid("count")
    )
    lines = counts.map(lambda pair: f"{pair[0]},{pair[1]},{VERSION}", output_type=Types.STRING()).uid("line")
    lines.sink_to(sink).uid("counts")
    env.execute("clicks per user")


if __name__ == "__main__":
    main()
