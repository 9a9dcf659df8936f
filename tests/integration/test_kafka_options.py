"""The Kafka connector's options on a real broker: whole records, patterns, logins, lost offsets, a broker that goes away."""

import threading
import uuid
from collections.abc import Callable
from typing import Any

import cloudpickle
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

from penstock.common.serialization import DeserializationSchema, SimpleStringSchema
from penstock.common.typeinfo import Types
from penstock.connectors.contract import ReaderContext
from penstock.connectors.kafka.api import KafkaOffsetsInitializer, KafkaSource, KafkaTopicPartition
from penstock.connectors.kafka.enumerator import KafkaEnumerator
from penstock.connectors.kafka.errors import OffsetOutOfRange, RecordUnreadable
from penstock.connectors.kafka.producers import open_producer
from penstock.connectors.kafka.producing import RecordSerializer, flush, produce
from penstock.connectors.kafka.records import KafkaRecord, KafkaRecordDeserializationSchema
from penstock.connectors.kafka.sink import DeliveryGuarantee
from penstock.connectors.kafka.sink_api import KafkaRecordSerializationSchema, KafkaSink
from penstock.formats.json_rows import JsonRowDeserializationSchema
from penstock.operators.contract import Batch
from tests.connectors.reading import SourceRun
from tests.integration.conftest import read_partitions
from tests.integration.sink_context import sink_context
from tests.servers import KafkaServer
from tests.servers.kafka_guarded import PASSWORD, USER, GuardedKafkaServer
from tests.servers.process import wait_until

pytestmark = pytest.mark.integration
Topics = Callable[[int], str]


def builder(kafka: KafkaServer, topic: str) -> Any:
    return (
        KafkaSource.builder()
        .set_bootstrap_servers(kafka.bootstrap)
        .set_topics(topic)
        .set_bounded(KafkaOffsetsInitializer.latest())
    )


def read(source: KafkaSource, parallelism: int = 1) -> list[Any]:
    run = SourceRun(cloudpickle.loads(cloudpickle.dumps(source.definition())), parallelism)
    try:
        return [value for part in run.run_to_end() for value in part]
    finally:
        run.close()


def write(kafka: KafkaServer, serializer: RecordSerializer, batch: Batch) -> None:
    opened = open_producer({"bootstrap.servers": kafka.bootstrap})
    produce(opened, serializer, batch)
    flush(opened)


class Whole(KafkaRecordDeserializationSchema):
    """Everything of a record but those whose value is `skip`."""

    def deserialize(self, message: Any) -> Any:
        return None if message.value == b"skip" else message


def test_whole_records_with_headers_keys_times_and_chosen_partitions(
    kafka: KafkaServer, make_topic: Topics
) -> None:
    topic = make_topic(3)
    serializer = RecordSerializer(
        topic,
        str.encode,
        key=lambda value: f"k{value}".encode(),
        headers=lambda value: [("h", value.encode()), ("h", None)],
        partitioner=lambda record, key, value, topic, partitions: partitions[2],
    )
    write(kafka, serializer, Batch(["a", "skip", "b"], [1000, 2000, 3000]))
    found = read(builder(kafka, topic).set_deserializer(Whole()).build())
    assert found == [
        KafkaRecord(topic, 2, 0, 1000, b"ka", b"a", [("h", b"a"), ("h", None)]),
        KafkaRecord(topic, 2, 2, 3000, b"kb", b"b", [("h", b"b"), ("h", None)]),
    ]


def test_keys_with_values_and_tombstones(kafka: KafkaServer, make_topic: Topics) -> None:
    topic = make_topic(1)
    producer = Producer({"bootstrap.servers": kafka.bootstrap})
    producer.produce(topic, b"v", b"k")
    producer.produce(topic, None, b"gone")
    producer.produce(topic, b"alone")
    assert producer.flush(30) == 0
    strings = SimpleStringSchema()
    pairs = builder(kafka, topic).set_deserializer(
        KafkaRecordDeserializationSchema.key_value(strings, strings)
    )
    assert read(pairs.build()) == [("k", "v"), ("gone", None), (None, "alone")]
    assert read(builder(kafka, topic).set_value_only_deserializer(strings).build()) == ["v", None, "alone"]


class Strict(DeserializationSchema):
    """Refuses what is no number, with an error of its own."""

    def deserialize(self, message: bytes) -> int:
        return int(message)


def test_a_record_that_cannot_be_read_is_named_or_left_out(kafka: KafkaServer, make_topic: Topics) -> None:
    topic = make_topic(1)
    write(kafka, RecordSerializer(topic, str.encode), Batch(['{"n": 1}', "no", '{"n": 3}']))
    with pytest.raises(RecordUnreadable, match=rf"{topic}\[0\] offset 0 cannot be read: ValueError"):
        read(builder(kafka, topic).set_value_only_deserializer(Strict()).build())
    row = Types.ROW_NAMED(["n"], [Types.INT()])
    lenient = JsonRowDeserializationSchema.builder().type_info(row).ignore_parse_errors().build()
    assert [one.n for one in read(builder(kafka, topic).set_value_only_deserializer(lenient).build())] == [
        1,
        3,
    ]
    strict = JsonRowDeserializationSchema.builder().type_info(row).build()
    with pytest.raises(RecordUnreadable, match="offset 1 cannot be read: BadValue: not JSON"):
        read(builder(kafka, topic).set_value_only_deserializer(strict).build())


def test_topics_by_pattern_and_partitions_by_name(kafka: KafkaServer) -> None:
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    stem = f"p{uuid.uuid4().hex[:8]}"
    names = [f"{stem}-a", f"{stem}-b", f"x-{stem}-c"]
    for future in admin.create_topics([NewTopic(name, 2, 1) for name in names]).values():
        future.result(30)
    for name in names:
        write(
            kafka,
            RecordSerializer(name, str.encode, partitioner=lambda r, *_: int(r[-1])),
            Batch([f"{name}0", f"{name}1"]),
        )
    base = (
        KafkaSource.builder()
        .set_bootstrap_servers(kafka.bootstrap)
        .set_value_only_deserializer(SimpleStringSchema())
        .set_bounded(KafkaOffsetsInitializer.latest())
    )
    matched = read(base.set_topic_pattern(f"{stem}-.*").build(), 2)
    assert sorted(matched) == sorted(f"{name}{n}" for name in names[:2] for n in (0, 1))
    some = (
        KafkaSource.builder()
        .set_bootstrap_servers(kafka.bootstrap)
        .set_value_only_deserializer(SimpleStringSchema())
        .set_bounded(KafkaOffsetsInitializer.latest())
        .set_partitions({KafkaTopicPartition(names[0], 1), KafkaTopicPartition(names[2], 0)})
    )
    assert sorted(read(some.build())) == sorted([f"{names[0]}1", f"{names[2]}0"])


def test_offsets_that_retention_removed_are_a_named_loss(kafka: KafkaServer, make_topic: Topics) -> None:
    topic = make_topic(1)
    write(kafka, RecordSerializer(topic, str.encode), Batch([str(n) for n in range(10)]))
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    admin.delete_records([TopicPartition(topic, 0, 6)])[TopicPartition(topic, 0, 6)].result(30)
    source = builder(kafka, topic).set_value_only_deserializer(SimpleStringSchema()).build()
    split = {"id": f"{topic}-0", "topic": topic, "partition": 0, "position": 2, "end": 10}
    run = SourceRun(
        source.definition(), enumerator_state={"known": [split["id"]], "pending": []}, splits=[split]
    )
    with pytest.raises(OffsetOutOfRange, match=rf"{topic}\[0\]: offset 2 is not in the partition any more"):
        run.run_to_end()
    run.close()
    assert read(source) == ["6", "7", "8", "9"]


def test_a_source_and_a_sink_outlive_a_broker_that_goes_away() -> None:
    with KafkaServer() as kafka:
        admin = AdminClient({"bootstrap.servers": kafka.bootstrap, "log_level": 0})
        admin.create_topics([NewTopic("t", 1, 1)])["t"].result(30)
        source = (
            KafkaSource.builder()
            .set_bootstrap_servers(kafka.bootstrap)
            .set_topics("t")
            .set_value_only_deserializer(SimpleStringSchema())
        )
        run = SourceRun(source.build().definition())
        opened = open_producer({"bootstrap.servers": kafka.bootstrap})
        serializer = RecordSerializer("t", str.encode)
        produce(opened, serializer, Batch(["before"]))
        flush(opened)
        run.run(lambda: run.values[0] == ["before"])
        kafka.kill()
        produce(opened, serializer, Batch(["while away"]))
        start = threading.Thread(target=kafka.start)
        start.start()
        flush(opened)
        start.join(60)
        assert not start.is_alive()
        run.run(lambda: run.values[0] == ["before", "while away"], 60)
        run.close()


class Gauges:
    """Remembers what is published."""

    def __init__(self) -> None:
        self.read: dict[str, Callable[[], float]] = {}

    def counter(self, name: str) -> Callable[[int], None]:
        return lambda _count: None

    def gauge(self, name: str, read: Callable[[], float]) -> None:
        self.read[name] = read


def test_commits_and_lag_are_counted(kafka: KafkaServer, make_topic: Topics) -> None:
    topic, group = make_topic(1), f"g-{uuid.uuid4().hex}"
    write(kafka, RecordSerializer(topic, str.encode), Batch([str(n) for n in range(50)]))
    source = (
        KafkaSource.builder()
        .set_bootstrap_servers(kafka.bootstrap)
        .set_topics(topic)
        .set_group_id(group)
        .set_client_id_prefix("counted")
        .set_value_only_deserializer(SimpleStringSchema())
        .build()
    )
    definition, gauges = source.definition(), Gauges()
    reader = definition.create_reader()
    reader.open(ReaderContext(0, 1, "t", gauges, {}, lambda: None))
    enumerator = KafkaEnumerator(definition.options, 1, None)
    enumerator.discover()
    reader.add_splits(enumerator.take_assignments([])[0])
    seen: list[Any] = []

    def polled() -> bool:
        batch = reader.poll(1000)
        seen.extend(batch.batch.values if batch else [])
        return len(seen) == 50

    wait_until(polled, "all records")
    reader.snapshot()
    reader.notify_complete(1)
    wait_until(lambda: gauges.read["KafkaSourceReader.commitsSucceeded"]() == 1, "the commit")
    assert gauges.read["KafkaSourceReader.commitsFailed"]() == 0
    wait_until(lambda: gauges.read["KafkaSourceReader.records-lag-max"]() == 0, "no lag")
    assert gauges.read["pendingRecords"]() == 0
    consumer = Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": group, "log_level": 0})
    assert consumer.committed([TopicPartition(topic, 0)], timeout=30)[0].offset == 50
    consumer.close()
    reader.close()
    enumerator.close()


@pytest.fixture
def login(guarded_kafka: GuardedKafkaServer) -> dict[str, str]:
    """A client's properties in Java's names, for the broker that wants a login."""
    jaas = "org.apache.kafka.common.security.plain.PlainLoginModule required"
    return {
        "bootstrap.servers": guarded_kafka.login_bootstrap,
        "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": "PLAIN",
        "sasl.jaas.config": f'{jaas} username="{USER}" password="{PASSWORD}";',
    }


def test_exactly_once_with_a_login_in_javas_words(
    guarded_kafka: GuardedKafkaServer, login: dict[str, str]
) -> None:
    admin = AdminClient({"bootstrap.servers": guarded_kafka.bootstrap})
    admin.create_topics([NewTopic("t", 1, 1)])["t"].result(30)
    schema = KafkaRecordSerializationSchema.builder().set_topic("t")
    sink = (
        KafkaSink.builder()
        .set_bootstrap_servers(login["bootstrap.servers"])
        .set_properties(login)
        .set_record_serializer(schema.set_value_serialization_schema(SimpleStringSchema()).build())
        .set_delivery_guarantee(DeliveryGuarantee.EXACTLY_ONCE)
        .set_transactional_id_prefix("logged-in")
        .build()
    )
    writer, committer = sink.create_writer(), sink.create_committer()
    assert committer is not None
    committer.open(sink_context(0, 1))
    writer.open(sink_context(0, 1), [], None)
    writer.write(Batch(["a", "b"]))
    committer.commit(writer.prepare_commit(1))
    assert read_partitions(guarded_kafka.bootstrap, "t") == {0: ["a", "b"]}
    source = (
        KafkaSource.builder()
        .set_properties(login)
        .set_topics("t")
        .set_bounded(KafkaOffsetsInitializer.latest())
        .set_value_only_deserializer(SimpleStringSchema())
    )
    assert read(source.build()) == ["a", "b"]
    writer.close()
    committer.close()
