"""Kafka to Kafka on one slot, beside the floor that librdkafka's Python boundary sets.

The floor is a bare loop of `consume` and `produce_batch` that looks at nothing but values. Ratios are of one run
on one machine; docs/internals/kafka-speed.md says where the time goes.
"""

import sys
import uuid
from pathlib import Path

import msgspec
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

from benchmarks.measured import run_measured
from benchmarks.report import Figure, Report
from tests.servers import KafkaServer

RECORDS = 400_000
PARTITIONS = 4
PROGRAM = Path(__file__).parent / "programs" / "kafka_copy.py"
MODES = {
    "raw": "librdkafka's loop (the floor)",
    "copy": "source to sink, at least once",
    "exactly-once": "source to sink, exactly once",
    "json": "JSON decode, change, encode",
}


def main() -> None:
    """Fill a topic, copy it in each mode, print the figures."""
    report = Report("kafka_to_kafka")
    with KafkaServer() as kafka:
        admin = AdminClient({"bootstrap.servers": kafka.bootstrap, "log_level": 0})
        source, small = make_topic(admin), make_topic(admin)
        fill(kafka, source, RECORDS)
        fill(kafka, small, 100)
        rates: dict[str, float] = {}
        for mode, what in MODES.items():
            command: list[str | Path] = [sys.executable, PROGRAM, mode, kafka.bootstrap]
            target = make_topic(admin)
            idle = run_measured([*command, small, make_topic(admin)])
            busy = run_measured([*command, source, target])
            require_whole(kafka, target)
            rates[mode] = RECORDS / max(busy.seconds - idle.seconds, 1e-3)
            cpu = (busy.cpu_seconds - idle.cpu_seconds) / RECORDS * 1e6
            ratio = rates[mode] / rates["raw"]
            report.add(Figure(f"{mode}: records a second", what, rates[mode], "1/s", ratio))
            report.add(Figure(f"{mode}: CPU a record", what, cpu, "µs"))
    report.show()
    report.write()


def require_whole(kafka: KafkaServer, topic: str) -> None:
    """Fail where a run lost records: its speed would be worth nothing. (Transactions' markers take offsets too.)"""
    consumer = Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": "bench-check", "log_level": 0})
    ends = [
        consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=30)[1]
        for partition in range(PARTITIONS)
    ]
    consumer.close()
    if sum(ends) < RECORDS:
        raise RuntimeError(f"{topic} holds {sum(ends)} of {RECORDS} records")


def make_topic(admin: AdminClient) -> str:
    """A new topic."""
    name = f"bench-{uuid.uuid4().hex[:8]}"
    admin.create_topics([NewTopic(name, PARTITIONS, 1)])[name].result(30)
    return name


def fill(kafka: KafkaServer, topic: str, count: int) -> None:
    """Clicks as JSON, about 60 bytes each."""
    producer = Producer({"bootstrap.servers": kafka.bootstrap, "linger.ms": 5, "log_level": 0})
    for start in range(0, count, 10_000):
        numbers = range(start, min(start + 10_000, count))
        values = [msgspec.json.encode({"user": n % 997, "page": f"/p{n % 31}", "at": n}) for n in numbers]
        while len(producer) > 50_000:
            producer.poll(0.01)
        producer.produce_batch(topic, [{"value": value} for value in values])
        producer.poll(0)
    left = producer.flush(60)
    if left:
        raise RuntimeError(f"{left} records of the input were not written")


if __name__ == "__main__":
    main()
