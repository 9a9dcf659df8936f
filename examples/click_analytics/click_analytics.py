"""Counts clicks per user as they come, from Kafka topic `user_clicks` (lines `user,page,...`).

Run it: penstock run examples/click_analytics/click_analytics.py [BOOTSTRAP_SERVERS]
"""

import sys

from pyflink.common import WatermarkStrategy
from pyflink.common.serialization import SimpleStringSchema
from pyflink.datastream import StreamExecutionEnvironment
from pyflink.datastream.connectors.kafka import KafkaOffsetsInitializer, KafkaSource


def main() -> None:
    bootstrap_servers = sys.argv[1] if len(sys.argv) > 1 else "localhost:9092"
    env = StreamExecutionEnvironment.get_execution_environment()
    source = (
        KafkaSource.builder()
        .set_bootstrap_servers(bootstrap_servers)
        .set_topics("user_clicks")
        .set_group_id("click-analytics")
        .set_starting_offsets(KafkaOffsetsInitializer.earliest())
        .set_value_only_deserializer(SimpleStringSchema())
        .build()
    )
    (
        env.from_source(source, WatermarkStrategy.no_watermarks(), "clicks")
        .uid("clicks")
        .filter(lambda e: "about_us" not in e)
        .map(lambda e: (e.split(",")[0], 1))
        .key_by(lambda x: x[0])
        .sum(1)
        .uid("clicks-per-user")
        .print()
    )
    env.execute("Real-Time Click Analytics")


if __name__ == "__main__":
    main()
