"""What each answer of a coordinator means, whose ids are whose, and what builders refuse; no broker needed."""

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import cloudpickle
import pytest
from confluent_kafka import KafkaError

from penstock.common.serialization import SimpleStringSchema
from penstock.connectors.kafka import api, protocol, sink_api
from penstock.connectors.kafka.errors import DeliveryFailed, TransactionUnsettled, UnusableProperties
from penstock.connectors.kafka.legacy_consumer import FlinkKafkaConsumer
from penstock.connectors.kafka.legacy_producer import FlinkKafkaProducer, Semantic
from penstock.connectors.kafka.producers import DeliveryWatch, OpenProducer, TopicPartitions
from penstock.connectors.kafka.producing import RecordSerializer, produce
from penstock.connectors.kafka.properties import client_properties, protocol_client_arguments
from penstock.connectors.kafka.protocol import CoordinatorClient, TransactionDescription
from penstock.connectors.kafka.sink import DeliveryGuarantee
from penstock.connectors.kafka.transactions import (
    Outcome,
    PreparedTransaction,
    abort_lingering,
    owner_of,
    resume_commit,
)
from penstock.connectors.printing.sink import line_prefix
from penstock.operators.contract import MIN_TIMESTAMP, Batch

PREPARED = PreparedTransaction(
    transactional_id="p-0-0", producer_id=7, producer_epoch=4, prepared_at=0, transaction_timeout_ms=1000
)


class Coordinator(CoordinatorClient):
    """Answers as told."""

    def __init__(
        self,
        code: int = protocol.OK,
        state: str = "",
        producer: tuple[int, int] = (7, 4),
        ongoing: Mapping[str, int] | None = None,
    ) -> None:
        super().__init__({"bootstrap.servers": "nowhere:1"})
        self.code, self.state, self.producer = code, state, producer
        self.ongoing = dict(ongoing or {})
        self.fenced: list[str] = []

    def end(self, transactional_id: str, producer_id: int, producer_epoch: int, commit: bool) -> int:
        return self.code

    def describe(self, transactional_id: str) -> TransactionDescription:
        return TransactionDescription(transactional_id, self.state, *self.producer, 1000)

    def list_all(self, prefix: str) -> list[str]:
        return sorted(name for name in self.ongoing if name.startswith(prefix))

    def fence(self, transactional_id: str, timeout_ms: int) -> int:
        self.fenced.append(transactional_id)
        return self.ongoing[transactional_id]


@pytest.mark.parametrize(
    ("code", "state", "producer", "outcome"),
    [
        (protocol.OK, "CompleteCommit", (7, 4), Outcome.COMMITTED),
        (protocol.INVALID_PRODUCER_EPOCH, "CompleteAbort", (7, 5), Outcome.LOST),
        (protocol.PRODUCER_FENCED, "PrepareEpochFence", (7, 5), Outcome.LOST),
        (protocol.INVALID_TXN_STATE, "CompleteAbort", (7, 4), Outcome.LOST),
        (protocol.INVALID_TXN_STATE, "Empty", (7, 4), Outcome.LOST),
        (protocol.INVALID_PRODUCER_EPOCH, "Ongoing", (7, 5), Outcome.SUPERSEDED),
        (protocol.INVALID_PRODUCER_EPOCH, "Empty", (7, 5), Outcome.SUPERSEDED),
        (protocol.INVALID_PRODUCER_EPOCH, "CompleteAbort", (7, 6), Outcome.SUPERSEDED),
        (protocol.INVALID_PRODUCER_ID_MAPPING, "Ongoing", (9, 0), Outcome.SUPERSEDED),
        (protocol.INVALID_PRODUCER_ID_MAPPING, "", (-1, -1), Outcome.EXPIRED),
    ],
)
def test_answers_and_outcomes(code: int, state: str, producer: tuple[int, int], outcome: Outcome) -> None:
    assert resume_commit(Coordinator(code, state, producer), PREPARED).outcome is outcome


def test_an_unexpected_answer_is_not_taken_for_a_commit() -> None:
    with pytest.raises(TransactionUnsettled, match="Kafka error 53"):
        resume_commit(Coordinator(53), PREPARED)


def test_each_subtask_aborts_its_share_of_every_old_parallelism() -> None:
    names = [f"p-{subtask}-{number}" for subtask in range(5) for number in range(2)]
    foreign = ["p-x-0", "p-1", "q-0-0", "p-1-2-3"]
    aborted = []
    for subtask in range(2):
        coordinator = Coordinator(ongoing=dict.fromkeys([*names, *foreign], protocol.OK))
        aborted += abort_lingering(coordinator, "p", subtask, 2, 1000)
    assert sorted(aborted) == sorted(names)
    assert owner_of("a-1", "a-1-3-0") == 3


def test_builders_say_what_is_missing() -> None:
    with pytest.raises(UnusableProperties, match=r"bootstrap\.servers"):
        api.KafkaSource.builder().set_topics("t").build()
    with pytest.raises(UnusableProperties, match="set_value_only_deserializer"):
        api.KafkaSource.builder().set_bootstrap_servers("h:1").set_topics("t").build()
    builder = api.KafkaSource.builder().set_bootstrap_servers("h:1")
    builder.set_value_only_deserializer(SimpleStringSchema())
    with pytest.raises(UnusableProperties, match="set_topics"):
        builder.build()
    schema = sink_api.KafkaRecordSerializationSchema.builder().set_topic("t")
    with pytest.raises(UnusableProperties, match="set_value_serialization_schema"):
        schema.build()
    serializer = schema.set_value_serialization_schema(SimpleStringSchema()).build()
    sink = sink_api.KafkaSink.builder().set_bootstrap_servers("h:1").set_record_serializer(serializer)
    assert sink.build().create_committer() is None
    with pytest.raises(UnusableProperties, match="transactional id prefix"):
        sink.set_delivery_guarantee(DeliveryGuarantee.EXACTLY_ONCE).build()


def test_old_and_new_style_sources_travel_and_describe_themselves() -> None:
    properties = {"bootstrap.servers": "h:1", "group.id": "g", "auto.offset.reset": "smallest"}
    old = FlinkKafkaConsumer("user_clicks", SimpleStringSchema(), properties).definition()
    assert old.options["topics"] == ["user_clicks"]
    assert old.options["starting"]["kind"] == "committed"
    assert old.options["starting"]["fallback"] == "earliest"
    builder = api.KafkaSource.builder().set_bootstrap_servers("h:1").set_topics("a", "b")
    builder.set_value_only_deserializer(SimpleStringSchema()).set_bounded(
        api.KafkaOffsetsInitializer.latest()
    )
    new = cloudpickle.loads(cloudpickle.dumps(builder.build().definition()))
    assert new.options["is_bounded"] is True
    assert new.options["stopping"]["kind"] == "latest"
    assert new.spec().connector == "kafka"


class HeardProducer:
    """Takes records as librdkafka's producer does; refuses the first of a batch once, as a full queue would."""

    def __init__(self) -> None:
        self.heard: list[tuple[Any, ...]] = []
        self._refuses = True

    def __len__(self) -> int:
        return 0

    def poll(self, _seconds: float) -> None:
        """Nothing to call back."""

    def list_topics(self, topic: str, timeout: float) -> Any:
        return SimpleNamespace(topics={topic: SimpleNamespace(error=None, partitions={0: 0, 1: 1, 2: 2})})

    def produce(self, topic: str, value: bytes, key: bytes, partition: int, *rest: Any) -> None:
        assert rest[:2] == (None, None)
        self.heard.append((topic, value, key, partition, rest[2], *rest[3:]))

    def produce_batch(self, topic: str, messages: list[dict[str, Any]], partition: int) -> None:
        refused, self._refuses = self._refuses, False
        for position, one in enumerate(messages):
            if refused and position >= 1:
                one["_error"] = KafkaError(KafkaError._QUEUE_FULL)
                continue
            self.heard.append((topic, one["value"], one.get("key"), partition, 0))


def written(serializer: RecordSerializer, batch: Batch) -> list[tuple[Any, ...]]:
    producer: Any = HeardProducer()
    produce(OpenProducer(producer, DeliveryWatch(), TopicPartitions(producer)), serializer, batch)
    return list(producer.heard)


def test_the_old_style_producer_writes_no_times_unless_told() -> None:
    sink = FlinkKafkaProducer(
        "t", SimpleStringSchema(), {"bootstrap.servers": "h:1"}, 5, Semantic.EXACTLY_ONCE
    )
    assert written(sink.connector_sink().serializer, Batch(["a"], [5])) == [("t", b"a", None, -1, 0)]
    sink.set_write_timestamp_to_kafka(True)
    assert written(sink.connector_sink().serializer, Batch(["a"], [5])) == [("t", b"a", None, -1, 5)]


def test_records_go_to_their_topics_in_order_without_impossible_times() -> None:
    serializer = RecordSerializer(lambda value: value[0], str.encode, key=lambda value: value[1:].encode())
    batch = Batch(["a1", "b2", "a3", "a4"], [MIN_TIMESTAMP, 9, 10, 2**62])
    assert written(serializer, batch) == [
        ("a", b"a1", b"1", -1, 0),
        ("b", b"b2", b"2", -1, 9),
        ("a", b"a3", b"3", -1, 10),
        ("a", b"a4", b"4", -1, 0),
    ]
    untimed = written(serializer, Batch(["a1", "b2", "a3"]))
    assert sorted(untimed) == [
        ("a", b"a1", b"1", -1, 0),
        ("a", b"a3", b"3", -1, 0),
        ("b", b"b2", b"2", -1, 0),
    ]


def test_a_full_queue_keeps_the_order() -> None:
    serializer = RecordSerializer("t", str.encode)
    assert [one[1] for one in written(serializer, Batch(["1", "2", "3"]))] == [b"1", b"2", b"3"]


def test_partitioners_and_headers_are_asked_for_each_record() -> None:
    def choose(record: str, key: bytes | None, value: bytes | None, topic: str, partitions: list[int]) -> int:
        assert (key, value, topic) == (None, record.encode(), "t")
        return partitions[int(record) % len(partitions)] if record != "9" else 7

    schema = sink_api.KafkaRecordSerializationSchema.builder().set_topic("t")
    schema = schema.set_value_serialization_schema(SimpleStringSchema()).set_partitioner(choose)
    assert [one[3] for one in written(schema.build().serializer, Batch(["1", "5", "3"]))] == [1, 2, 0]
    with pytest.raises(DeliveryFailed, match="chose 7, but 't' has the partitions 0 to 2"):
        written(schema.build().serializer, Batch(["9"]))
    headed = schema.set_header_provider(lambda record: {"n": record.encode()} if record == "1" else None)
    assert written(headed.build().serializer, Batch(["1", "2"], [5, 6])) == [
        ("t", b"1", None, 1, 5, [("n", b"1")]),
        ("t", b"2", None, 2, 6),
    ]


def test_credentials_reach_both_clients_and_java_words_are_left_out() -> None:
    properties = {
        "bootstrap.servers": "a:1,b:2",
        "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": "SCRAM-SHA-256",
        "sasl.username": "u",
        "sasl.password": "p",
        "key.deserializer": "org.example.Java",
    }
    arguments = protocol_client_arguments(properties)
    assert arguments["bootstrap_servers"] == ["a:1", "b:2"]
    assert arguments["sasl_mechanism"] == "SCRAM-SHA-256"
    assert arguments["sasl_plain_username"] == "u"
    assert "key.deserializer" not in client_properties(properties)
    assert client_properties(properties, enable_auto_commit=False)["enable.auto.commit"] is False


@pytest.mark.parametrize(
    ("identifier", "parallelism", "expected"),
    [("", 1, ""), ("", 4, "2> "), ("x", 1, "x> "), ("x", 4, "x:2> ")],
)
def test_print_prefixes_are_flinks(identifier: str, parallelism: int, expected: str) -> None:
    assert line_prefix(identifier, 1, parallelism) == expected
