"""Records into a producer's queue: how a record becomes a Kafka record, and the calls that queue many.

Used by the sink's writers. librdkafka's Python batch call is the cheapest way in, but takes neither timestamps nor
headers; records with either go one by one, with positional arguments, which cost half of named ones.
docs/internals/kafka-speed.md has the measurements.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from confluent_kafka import KafkaError, KafkaException

from penstock.connectors.kafka.errors import DeliveryFailed
from penstock.connectors.kafka.producers import OpenProducer
from penstock.operators.contract import MIN_TIMESTAMP, Batch

_FLUSH_SECONDS = 120.0
_MAX_QUEUED = 100_000
_MAX_TIMESTAMP = 2**62  # watermark-like values are no times that a broker would take
_ANY_PARTITION = -1

Headers = Mapping[str, bytes | None] | Sequence[tuple[str, bytes | None]]
Partitioner = Callable[[Any, bytes | None, bytes | None, str, list[int]], int]
"""Record, key, value, topic, the topic's partitions → the partition."""


@dataclass(frozen=True, slots=True)
class RecordSerializer:
    """How a record becomes a Kafka record. `topic` is a name or a function of the record."""

    topic: str | Callable[[Any], str]
    value: Callable[[Any], bytes | None]
    key: Callable[[Any], bytes | None] | None = None
    is_timestamped: bool = True
    """Whether a record's event time becomes the Kafka record's."""
    headers: Callable[[Any], Headers | None] | None = None
    partitioner: Partitioner | None = None
    """None: by the key, as Java producers do, or spread where there is none."""


def produce(opened: OpenProducer, serializer: RecordSerializer, batch: Batch) -> None:
    """Queue every record of the batch, in order, waiting while the queue is full."""
    producer = opened.producer
    # Waiting for room before rather than after a refusal keeps the order of records.
    while len(producer) + len(batch) > _MAX_QUEUED and len(producer):
        producer.poll(0.05)
        opened.watch.check()
    if serializer.headers is None and (batch.timestamps is None or not serializer.is_timestamped):
        _produce_together(opened, serializer, batch.values)
    else:
        _produce_singly(opened, serializer, batch)
    producer.poll(0)
    opened.watch.check()


def flush(opened: OpenProducer) -> None:
    """Wait until every queued record is acknowledged; raise if one was not."""
    left = opened.producer.flush(_FLUSH_SECONDS)
    opened.watch.check()
    if left:
        raise DeliveryFailed(f"Kafka sink: {left} records unacknowledged after {_FLUSH_SECONDS:g} s")


def _produce_together(opened: OpenProducer, serializer: RecordSerializer, values: Sequence[Any]) -> None:
    for (topic, partition), messages in _messages(opened, serializer, values).items():
        waiting = messages
        while waiting:
            try:
                opened.producer.produce_batch(topic, waiting, partition)
            except KafkaException as error:
                raise DeliveryFailed(f"Kafka sink: topic {topic!r}: {error.args[0].str()}") from error
            waiting = _refused(topic, waiting)
            if waiting:
                opened.producer.poll(0.05)
                opened.watch.check()


def _messages(
    opened: OpenProducer, serializer: RecordSerializer, values: Sequence[Any]
) -> dict[tuple[str, int], list[dict[str, Any]]]:
    """The records by topic and partition, in order, as librdkafka's batch call takes them.

    Its documentation has a partition for each message too, but (2.16) only the whole call's counts.
    """
    encode, key_of, topic = serializer.value, serializer.key, serializer.topic
    if isinstance(topic, str) and serializer.partitioner is None:
        if key_of is None:
            return {(topic, _ANY_PARTITION): [{"value": encode(value)} for value in values]}
        keyed = [{"value": encode(value), "key": key_of(value)} for value in values]
        return {(topic, _ANY_PARTITION): keyed}
    made: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for value in values:
        name = topic if isinstance(topic, str) else topic(value)
        message: dict[str, Any] = {"value": encode(value)}
        if key_of is not None:
            message["key"] = key_of(value)
        partition = _ANY_PARTITION
        if serializer.partitioner is not None:
            key, data = message.get("key"), message["value"]
            partition = _partition(opened, serializer.partitioner, value, key, data, name)
        made.setdefault((name, partition), []).append(message)
    return made


def _produce_singly(opened: OpenProducer, serializer: RecordSerializer, batch: Batch) -> None:
    send, encode, key_of = opened.producer.produce, serializer.value, serializer.key
    topic, headers_of, partitioner = serializer.topic, serializer.headers, serializer.partitioner
    is_fixed = isinstance(topic, str)
    timestamps = batch.timestamps if serializer.is_timestamped else None
    for position, value in enumerate(batch.values):
        name: Any = topic if is_fixed else topic(value)  # type: ignore[operator]
        data = encode(value)
        key = None if key_of is None else key_of(value)
        partition = (
            _ANY_PARTITION if partitioner is None else _partition(opened, partitioner, value, key, data, name)
        )
        time_ms = 0 if timestamps is None else timestamps[position]
        if not MIN_TIMESTAMP < time_ms < _MAX_TIMESTAMP or time_ms < 0:
            time_ms = 0  # the producer's own time
        headers: Any = None if headers_of is None else headers_of(value)
        while True:
            try:
                if headers:
                    given = list(headers.items()) if isinstance(headers, Mapping) else list(headers)
                    send(name, data, key, partition, None, None, time_ms, given)
                else:
                    send(name, data, key, partition, None, None, time_ms)
            except BufferError:
                opened.producer.poll(0.05)
                opened.watch.check()
                continue
            except KafkaException as error:
                raise DeliveryFailed(f"Kafka sink: topic {name!r}: {error.args[0].str()}") from error
            break


def _partition(
    opened: OpenProducer,
    partitioner: Partitioner,
    record: Any,
    key: bytes | None,
    value: bytes | None,
    topic: str,
) -> int:
    partitions = opened.partitions.of(topic)
    chosen = partitioner(record, key, value, topic, partitions)
    if chosen not in partitions:
        raise DeliveryFailed(
            f"Kafka sink: the partitioner chose {chosen!r}, but {topic!r} has the partitions 0 to {len(partitions) - 1}"
        )
    return chosen


def _refused(topic: str, messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    refused = []
    for message in messages:
        error = message.pop("_error", None)
        if error is None:
            continue
        if error.code() != KafkaError._QUEUE_FULL:  # noqa: SLF001 - librdkafka names its own errors so
            raise DeliveryFailed(f"Kafka sink: topic {topic!r} refused a record: {error}")
        refused.append(message)
    return refused
