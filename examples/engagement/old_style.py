"""Engagement per window in PyFlink's old style: FlinkKafkaConsumer and FlinkKafkaProducer, exactly once.

Run it: penstock run examples/engagement/old_style.py [BOOTSTRAP_SERVERS]
"""

import sys

from engagement import engagement, watermarks
from pyflink.common.serialization import SimpleStringSchema
from pyflink.datastream import StreamExecutionEnvironment
from pyflink.datastream.connectors.kafka import FlinkKafkaConsumer, FlinkKafkaProducer, Semantic


def main() -> None:
    bootstrap_servers = sys.argv[1] if len(sys.argv) > 1 else "localhost:9092"
    env = StreamExecutionEnvironment.get_execution_environment()
    consumer = FlinkKafkaConsumer(
        topics="website-clicks",
        deserialization_schema=SimpleStringSchema(),
        properties={"bootstrap.servers": bootstrap_servers, "group.id": "engagement"},
    )
    consumer.set_start_from_earliest()
    producer = FlinkKafkaProducer(
        topic="user-metrics",
        serialization_schema=SimpleStringSchema(),
        producer_config={"bootstrap.servers": bootstrap_servers, "transaction.timeout.ms": "600000"},
        semantic=Semantic.EXACTLY_ONCE,
    )
    clicks = env.add_source(consumer).assign_timestamps_and_watermarks(watermarks())
    metrics, late = engagement(clicks)
    metrics.add_sink(producer)
    late.print("late")
    env.execute("Engagement per window")


if __name__ == "__main__":
    main()
