"""Counts clicks per user as they come, from Kafka topic `user_clicks` (lines `user,page,...`). PyFlink's old style.

Run it: penstock run examples/click_analytics/old_style.py [BOOTSTRAP_SERVERS]
"""

import sys

from pyflink.common.serialization import SimpleStringSchema
from pyflink.datastream import StreamExecutionEnvironment
from pyflink.datastream.connectors import FlinkKafkaConsumer


def main() -> None:
    bootstrap_servers = sys.argv[1] if len(sys.argv) > 1 else "localhost:9092"
    env = StreamExecutionEnvironment.get_execution_environment()
    env.set_parallelism(1)
    consumer = FlinkKafkaConsumer(
        topics="user_clicks",
        deserialization_schema=SimpleStringSchema(),
        properties={"bootstrap.servers": bootstrap_servers, "group.id": "click-analytics"},
    )
    consumer.set_start_from_earliest()
    (
        env.add_source(consumer)
        .filter(lambda e: "about_us" not in e)
        .map(lambda e: (e.split(",")[0], 1))
        .key_by(lambda x: x[0])
        .sum(1)
        .print()
    )
    env.execute("Real-Time Click Analytics")


if __name__ == "__main__":
    main()
