"""Numbers each record of its key: topic of `user,page` lines in, `user,n` out exactly once.

Run by test_kafka_jobs.py up to the topic's end, and by test_autoscaler.py without one and with more work a record.

Were a record lost or counted twice, or an output lost or doubled, a number of some user would be missing or
repeated.
"""

import sys
import time
from collections.abc import Callable
from typing import Any

from penstock.common import Configuration, WatermarkStrategy
from penstock.common.serialization import SimpleStringSchema
from penstock.datastream import StreamExecutionEnvironment
from penstock.datastream.connectors.base import DeliveryGuarantee
from penstock.datastream.connectors.kafka import (
    KafkaOffsetsInitializer,
    KafkaRecordSerializationSchema,
    KafkaSink,
    KafkaSource,
)


def slowly(seconds: float) -> Callable[[str], str]:
    """A little work for each record, so that there is time to be killed in, or slots are the limit and not cores."""

    def work(line: str) -> str:
        time.sleep(seconds)
        return line

    return work


def main() -> None:
    """Read `source_topic` up to its present end, or with `WORK` seconds a record without one; write `target_topic`."""
    bootstrap, source_topic, target_topic, checkpoints, parallelism = sys.argv[1:6]
    work = float(sys.argv[6]) if len(sys.argv) > 6 else None
    configuration = Configuration()
    configuration.set_string("execution.checkpointing.dir", checkpoints)
    configuration.set_string("restart-strategy.type", "fixed-delay")
    configuration.set_string("restart-strategy.fixed-delay.attempts", "10")
    configuration.set_string("restart-strategy.fixed-delay.delay", "200 ms")
    env = StreamExecutionEnvironment.get_execution_environment(configuration)
    if work is None:
        env.set_parallelism(int(parallelism))
    env.enable_checkpointing(300)
    builder = (
        KafkaSource.builder()
        .set_bootstrap_servers(bootstrap)
        .set_topics(source_topic)
        .set_group_id(f"{source_topic}-readers")
        .set_starting_offsets(KafkaOffsetsInitializer.earliest())
        .set_value_only_deserializer(SimpleStringSchema())
    )
    source: Any = (builder if work else builder.set_bounded(KafkaOffsetsInitializer.latest())).build()
    sink: Any = (
        KafkaSink.builder()
        .set_bootstrap_servers(bootstrap)
        .set_delivery_guarantee(DeliveryGuarantee.EXACTLY_ONCE)
        .set_transactional_id_prefix(target_topic)
        .set_record_serializer(
            KafkaRecordSerializationSchema.builder()
            .set_topic(target_topic)
            .set_value_serialization_schema(SimpleStringSchema())
            .build()
        )
        .build()
    )
    (
        env.from_source(source, WatermarkStrategy.no_watermarks(), "clicks")
        .map(slowly(work or 0.0001))
        .map(lambda line: (line.split(",")[0], 1))
        .key_by(lambda pair: pair[0])
        .sum(1)
        .map(lambda pair: f"{pair[0]},{pair[1]}")
        .sink_to(sink)
    )
    env.execute("running counts")


if __name__ == "__main__":
    main()
