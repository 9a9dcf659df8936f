"""Real servers for the integration tests, started on first use and shared by the session (and started per xdist worker)."""

import signal
import threading
import time
import uuid
from collections.abc import Callable, Iterator

import pytest
from confluent_kafka import Consumer, KafkaError, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

from tests.servers import KafkaServer, PostgresServer, S3Server, ZooKeeperServer
from tests.servers.kafka_guarded import GuardedKafkaServer

INSTALL_SECONDS = 300


def pytest_sessionstart(session: pytest.Session) -> None:
    """A session that is told to end takes its servers with it."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, lambda *_: pytest.exit("terminated", returncode=143))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The first test of a session may install a server: give each the time for it."""
    for item in items:
        if "tests/integration" in item.nodeid and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(INSTALL_SECONDS))


@pytest.fixture(scope="session")
def kafka() -> Iterator[KafkaServer]:
    """A broker that looks for expired transactions every second rather than every ten."""
    with KafkaServer(
        overrides={"transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000"}
    ) as server:
        yield server


@pytest.fixture(scope="session")
def guarded_kafka() -> Iterator[GuardedKafkaServer]:
    """A broker that wants a login."""
    with GuardedKafkaServer() as server:
        yield server


@pytest.fixture(scope="session")
def s3() -> Iterator[S3Server]:
    """An S3 server."""
    with S3Server() as server:
        yield server


@pytest.fixture(scope="session")
def zookeeper() -> Iterator[ZooKeeperServer]:
    """A ZooKeeper server."""
    with ZooKeeperServer() as server:
        yield server


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server."""
    with PostgresServer() as server:
        yield server


@pytest.fixture
def make_topic(kafka: KafkaServer) -> Callable[[int], str]:
    """Make a topic of so many partitions; its name."""
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap, "log_level": 0})

    def make(partitions: int) -> str:
        name = f"topic-{uuid.uuid4().hex[:12]}"
        admin.create_topics([NewTopic(name, partitions, 1)])[name].result(30)
        return name

    return make


@pytest.fixture
def read_committed(kafka: KafkaServer) -> Callable[[str], list[str]]:
    """Every committed value of a topic, partition by partition, up to the ends at the time of the call."""

    def read(topic: str) -> list[str]:
        return [value for values in read_partitions(kafka.bootstrap, topic).values() for value in values]

    return read


def read_partitions(bootstrap: str, topic: str, deadline_seconds: float = 60) -> dict[int, list[str]]:
    """Committed values by partition. Waits until no transaction holds the last stable offset back."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": f"read-{uuid.uuid4().hex}",
            "isolation.level": "read_committed",
            "auto.offset.reset": "error",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "log_level": 0,
        }
    )
    try:
        partitions = list(consumer.list_topics(topic, timeout=30).topics[topic].partitions)
        consumer.assign([TopicPartition(topic, partition, 0) for partition in partitions])
        found: dict[int, list[str]] = {partition: [] for partition in partitions}
        ended: set[int] = set()
        end = time.monotonic() + deadline_seconds
        while len(ended) < len(partitions):
            assert time.monotonic() < end, f"no end of {topic} in {deadline_seconds} s"
            for message in consumer.consume(1000, 0.2):
                partition = message.partition()
                if partition is None:
                    raise AssertionError(f"{topic}: {message.error()}")
                if error := message.error():
                    assert error.code() == KafkaError._PARTITION_EOF, f"{topic}: {error}"
                    ended.add(partition)
                else:
                    found[partition].append((message.value() or b"").decode())
        return found
    finally:
        consumer.close()
