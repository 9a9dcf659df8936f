"""Kafka to Kafka on one slot, beside the floor that librdkafka's Python boundary sets, and beside PyFlink where it is installed.

The floor is a bare loop of `consume` and `produce_batch` that looks at nothing but values. PyFlink runs the same
copies, with Flink's Kafka connector from Maven; without Python functions that is Java alone, with them its
thread mode, the faster one. Ratios are of one run on
one machine; docs/internals/kafka-speed.md says where the time goes.
"""

import os
import shutil
import subprocess
import sys
import uuid
from dataclasses import dataclass
from pathlib import Path

import msgspec
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

from benchmarks.measured import run_measured
from benchmarks.peers.environments import CACHE, FLINK, java_environment
from benchmarks.report import Figure, Report
from tests.servers import KafkaServer

RECORDS = 400_000
PARTITIONS = 4
PROGRAM = Path(__file__).parent / "programs" / "kafka_copy.py"
MODES = {
    "raw": "librdkafka's loop (the floor)",
    "copy": "source to sink, at least once",
    "exactly-once": "source to sink, exactly once",
    "json": "JSON decode, change, encode, exactly once",
}
PEER_TIMEOUT_SECONDS = 600
"""On two busy cores an exactly-once copy of PyFlink's takes minutes."""
_CONNECTOR = "org.apache.flink:flink-sql-connector-kafka:5.0.0-2.2"
_COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy"


@dataclass(frozen=True, slots=True)
class Run:
    """What a copy of the whole topic took: the job's own seconds, its start included, and CPU a record beyond an idle job's."""

    seconds: float
    cpu: float


def main() -> None:
    """Fill a topic, copy it in each mode, print the figures."""
    report = Report("kafka_to_kafka")
    jar = connector_jar()
    with KafkaServer() as kafka:
        admin = AdminClient({"bootstrap.servers": kafka.bootstrap, "log_level": 0})
        source, small = make_topic(admin), make_topic(admin)
        fill(kafka, source, RECORDS)
        fill(kafka, small, 100)

        def measure(mode: str, engine: str, python: str | Path, *more: str) -> Run:
            command: list[str | Path] = [python, PROGRAM, mode, kafka.bootstrap]
            target = make_topic(admin)
            env = flink_environment() if more else {}
            idle = run_measured([*command, small, make_topic(admin), *more], env=env)
            busy = run_measured([*command, source, target, *more], env=env, timeout=PEER_TIMEOUT_SECONDS)
            require_whole(kafka, target)
            cpu = (busy.cpu_seconds - idle.cpu_seconds) / RECORDS * 1e6
            report.add(Figure(f"{mode}: the job's seconds", engine, busy.seconds, "s"))
            report.add(Figure(f"{mode}: the same with 100 records", engine, idle.seconds, "s"))
            report.add(Figure(f"{mode}: CPU a record", engine, cpu, "µs"))
            return Run(busy.seconds, cpu)

        floor = measure("raw", "librdkafka", sys.executable)
        for mode in MODES:
            if mode == "raw":
                continue
            own = measure(mode, "penstock", sys.executable)
            report.add(Figure(f"{mode}: CPU", "penstock / floor", own.cpu / floor.cpu, "", None))
            if jar is not None:
                peer = measure(mode, "pyflink", FLINK.python, str(jar))
                seconds, cpu = peer.seconds / own.seconds, peer.cpu / own.cpu
                report.add(Figure(f"{mode}: seconds", "pyflink / penstock", seconds, "times", seconds, "> 1"))
                report.add(Figure(f"{mode}: CPU", "pyflink / penstock", cpu, "times", cpu, "> 1"))
    report.show()
    report.write()


def flink_environment() -> dict[str, str]:
    """What PyFlink needs: Java, and its own interpreter as `python` for the functions that run in the Java process."""
    java = java_environment()
    return {**java, "PATH": f"{FLINK.python.parent}:{java.get('PATH', os.environ['PATH'])}"}


def connector_jar() -> Path | None:
    """Flink's Kafka connector, fetched once; None where PyFlink or Maven is not installed."""
    maven = shutil.which("mvn")
    if not FLINK.is_installed or maven is None:
        return None
    folder = CACHE / "peers" / "flink-kafka-5.0.0-2.2"
    if not folder.is_dir():
        fresh = folder.with_suffix(".part")
        shutil.rmtree(fresh, ignore_errors=True)
        arguments = [f"-Dartifact={_CONNECTOR}", f"-DoutputDirectory={fresh}"]
        subprocess.run([maven, "-q", "-B", "-ntp", _COPY, *arguments], check=True, stdin=subprocess.DEVNULL)
        fresh.rename(folder)
    return next(folder.glob("*.jar"))


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
