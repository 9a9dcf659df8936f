"""The Kafka source on a real broker: offsets, restoring, bounds, discovery, transactions of others, group offsets."""

import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import cloudpickle
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewPartitions  # type: ignore[attr-defined]

from penstock.connectors.kafka.errors import KafkaConnectorError, TopicMissing
from penstock.connectors.kafka.offsets import Offsets
from penstock.connectors.kafka.source import KafkaSourceSettings, ValueDeserializer
from penstock.taskmanager.metrics import OperatorMetrics
from tests.connectors.reading import SourceRun
from tests.integration.sink_context import reader_context
from tests.servers import KafkaServer
from tests.servers.process import wait_until

pytestmark = pytest.mark.integration
Topics = Callable[[int], str]


@pytest.fixture
def fill(kafka: KafkaServer) -> Callable[..., None]:
    """Write values `first` to `last - 1` to a topic, in turn over its partitions."""

    def write(topic: str, first: int, last: int, partitions: int, timestamp: int = 0) -> None:
        producer = Producer({"bootstrap.servers": kafka.bootstrap, "enable.idempotence": True})
        for number in range(first, last):
            producer.produce(
                topic, str(number), partition=number % partitions, timestamp=timestamp or 1000 + number
            )
        assert producer.flush(30) == 0

    return write


def settings(
    kafka: KafkaServer, topic: str, group: str | None = None, **changes: object
) -> KafkaSourceSettings:
    properties = {"bootstrap.servers": kafka.bootstrap} | ({"group.id": group} if group else {})
    given: dict[str, object] = {"topics": [topic], "discovery_interval_seconds": 1.0} | changes
    return KafkaSourceSettings(properties, ValueDeserializer(bytes.decode), **given)  # type: ignore[arg-type]


def numbers(run: SourceRun) -> list[int]:
    return sorted(int(value) for part in run.values for value in part)


def test_a_bounded_source_reads_what_is_there_in_order_and_ends(
    kafka: KafkaServer, make_topic: Topics, fill: Callable[..., None]
) -> None:
    topic = make_topic(3)
    fill(topic, 0, 5000, 3)
    source = settings(kafka, topic, is_bounded=True, stopping=Offsets.latest())
    run = SourceRun(cloudpickle.loads(cloudpickle.dumps(source.definition())), 2)
    fill(topic, 5000, 6000, 3)
    run.run_to_end()
    assert numbers(run) == list(range(5000))
    for part in run.values:
        for partition in range(3):
            mine = [int(value) for value in part if int(value) % 3 == partition]
            assert mine == sorted(mine)
    assert run.snapshot()[1] == []
    run.close()


def test_a_restored_source_reads_each_record_once_at_another_parallelism(
    kafka: KafkaServer, make_topic: Topics, fill: Callable[..., None]
) -> None:
    topic = make_topic(4)
    fill(topic, 0, 20_000, 4)
    definition = settings(kafka, topic).definition()
    first = SourceRun(definition, 2)
    first.run(lambda: len(numbers(first)) > 6000)
    state, splits = first.snapshot()
    first.close()
    second = SourceRun(definition, 3, enumerator_state=state, splits=splits)
    second.run(lambda: len(numbers(first)) + len(numbers(second)) >= 20_000)
    assert sorted(numbers(first) + numbers(second)) == list(range(20_000))
    second.close()


def test_partitions_added_while_running_are_read_from_their_beginning(
    kafka: KafkaServer, make_topic: Topics, fill: Callable[..., None]
) -> None:
    topic = make_topic(1)
    fill(topic, 0, 10, 1)
    run = SourceRun(settings(kafka, topic, starting=Offsets.latest()).definition(), 2)
    fill(topic, 10, 20, 1)
    run.run(lambda: numbers(run) == list(range(10, 20)))
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    admin.create_partitions([NewPartitions(topic, 3)])[topic].result(30)
    fill(topic, 20, 50, 3)
    run.run(lambda: numbers(run) == list(range(10, 50)))
    run.close()


def test_offsets_by_time_by_number_and_by_group(
    kafka: KafkaServer, make_topic: Topics, fill: Callable[..., None]
) -> None:
    topic = make_topic(1)
    fill(topic, 0, 100, 1)

    def read(starting: Offsets, group: str | None = None) -> list[int]:
        run = SourceRun(
            settings(
                kafka, topic, group, starting=starting, is_bounded=True, stopping=Offsets.latest()
            ).definition()
        )
        run.run_to_end()
        run.close()
        return numbers(run)

    assert read(Offsets.timestamp(1090)) == list(range(90, 100))
    assert read(Offsets.timestamp(9999)) == []
    assert read(Offsets.offsets({(topic, 0): 95})) == list(range(95, 100))
    group = f"group-{uuid.uuid4().hex}"
    with pytest.raises(KafkaConnectorError, match="no committed offset"):
        read(Offsets.committed(), group)
    assert read(Offsets.committed("earliest"), group) == list(range(100))
    consumer = Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": group})
    consumer.commit(offsets=[TopicPartition(topic, 0, 42)], asynchronous=False)
    consumer.close()
    assert read(Offsets.committed(), group) == list(range(42, 100))


def test_group_offsets_are_committed_with_the_checkpoint_not_before(
    kafka: KafkaServer, make_topic: Topics, fill: Callable[..., None]
) -> None:
    topic = make_topic(1)
    group = f"group-{uuid.uuid4().hex}"
    fill(topic, 0, 50, 1)
    run = SourceRun(settings(kafka, topic, group).definition())
    run.run(lambda: len(numbers(run)) == 50)
    run.snapshot()
    fill(topic, 50, 60, 1)
    run.run(lambda: len(numbers(run)) == 60)
    observer = Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": group})

    def committed() -> int:
        return int(observer.committed([TopicPartition(topic, 0)], timeout=10)[0].offset)

    assert committed() < 0
    run.readers[0].notify_complete(1)
    wait_until(lambda: committed() == 50, "the group's offset is the checkpoint's")
    run.close()
    observer.close()


def test_aborted_transactions_are_not_read(kafka: KafkaServer, make_topic: Topics) -> None:
    topic = make_topic(1)
    producer = Producer({"bootstrap.servers": kafka.bootstrap, "transactional.id": f"t-{uuid.uuid4().hex}"})
    producer.init_transactions(30)
    for number in range(4):
        producer.begin_transaction()
        producer.produce(topic, str(number), partition=0)
        if number % 2:
            producer.abort_transaction(30)
        else:
            producer.commit_transaction(30)
    run = SourceRun(settings(kafka, topic, is_bounded=True, stopping=Offsets.latest()).definition())
    run.run_to_end()
    assert numbers(run) == [0, 2]
    run.close()


def test_markers_of_transactions_count_as_read_and_no_lag_is_left(
    kafka: KafkaServer, make_topic: Topics
) -> None:
    topic = make_topic(1)
    producer = Producer({"bootstrap.servers": kafka.bootstrap, "transactional.id": f"t-{uuid.uuid4().hex}"})
    producer.init_transactions(30)
    for number in range(4):
        producer.begin_transaction()
        producer.produce(topic, str(number), partition=0)
        producer.commit_transaction(30)
    figures = OperatorMetrics()
    reader = settings(kafka, topic).definition().create_reader()
    reader.open(replace(reader_context(lambda: None), metrics=figures))
    reader.add_splits([{"id": f"{topic}-0", "topic": topic, "partition": 0, "position": 0, "end": None}])

    def position() -> int:
        reader.poll(100)
        return int(reader.snapshot()[0]["position"])

    try:
        wait_until(lambda: position() == 8, "the last marker is passed", 30)
        wait_until(lambda: figures.collect()["pendingRecords"] == 0, "nothing waits", 30)
        prefix = f"KafkaSourceReader.topic.{topic}.partition.0"
        assert figures.collect()[f"{prefix}.currentOffset"] == 7
        assert figures.collect()[f"{prefix}.committedOffset"] == -1
    finally:
        reader.close()


def test_a_missing_topic_is_named(kafka: KafkaServer) -> None:
    with pytest.raises(TopicMissing, match="'no-such-topic' does not exist"):
        SourceRun(settings(kafka, "no-such-topic").definition())


def test_the_source_goes_on_after_the_broker_restarts(
    kafka: KafkaServer, make_topic: Topics, fill: Callable[..., None]
) -> None:
    topic = make_topic(2)
    fill(topic, 0, 100, 2)
    run = SourceRun(settings(kafka, topic, discovery_interval_seconds=None).definition())
    run.run(lambda: len(numbers(run)) == 100)
    kafka.restart()
    fill(topic, 100, 200, 2)
    run.run(lambda: numbers(run) == list(range(200)), deadline_seconds=60)
    run.close()


def test_a_record_is_told_by_topic_partition_and_offset(
    kafka: KafkaServer, make_topic: Topics, fill: Callable[..., None]
) -> None:
    topic = make_topic(2)
    fill(topic, 0, 400, 2)
    run = SourceRun(settings(kafka, topic).definition())
    run.run(lambda: bool(run.values[0]))
    reader: Any = run.readers[0]
    last = int(run.values[0][-1])
    count = len(run.values[0])
    run.close()
    # Numbers go to the partitions in turn, so a number says where its record is.
    assert reader.where(count - 1) == f"topic {topic}, partition {last % 2}, offset {last // 2}"
    assert reader.where(10_000) is None


def test_a_paused_partition_waits_and_loses_nothing(
    kafka: KafkaServer, make_topic: Topics, fill: Callable[..., None]
) -> None:
    topic = make_topic(2)
    fill(topic, 0, 30_000, 2)
    run = SourceRun(settings(kafka, topic).definition())
    run.run(lambda: len(run.values[0]) > 1000)
    reader: Any = run.readers[0]
    reader.pause_splits(frozenset({f"{topic}-0"}))
    seen = len([value for value in run.values[0] if int(value) % 2 == 0])
    assert seen < 15_000
    run.run(lambda: len([value for value in run.values[0] if int(value) % 2]) == 15_000)
    fill(topic, 30_000, 30_100, 2)
    run.run(lambda: len([value for value in run.values[0] if int(value) % 2]) == 15_050)
    assert len([value for value in run.values[0] if int(value) % 2 == 0]) == seen
    reader.pause_splits(frozenset())
    run.run(lambda: len(run.values[0]) >= 30_100)
    assert numbers(run) == list(range(30_100))
    even = [int(value) for value in run.values[0] if int(value) % 2 == 0]
    assert even == sorted(even)
    run.close()
