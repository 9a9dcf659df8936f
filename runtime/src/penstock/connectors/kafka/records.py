"""What becomes of a Kafka record: values alone, key and value, or whatever a program makes of the whole record.

Called by the reader in the task, many messages at a time: each call across librdkafka's Python boundary costs,
so messages are asked for no more than a deserializer needs. A record that cannot be read is named by topic,
partition and offset.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from confluent_kafka import Message

from penstock.common.serialization import DeserializationSchema
from penstock.connectors.kafka.errors import RecordUnreadable

DROPPED: Any = object()
"""Stands for a message that gives no record."""


@dataclass(frozen=True, slots=True)
class KafkaRecord:
    """A whole record, as `KafkaRecordDeserializationSchema.deserialize` gets it."""

    topic: str
    partition: int
    offset: int
    timestamp: int | None
    """Milliseconds since the epoch; None if the record has none."""
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]


class Deserializer(Protocol):
    """Messages to records. Travels by cloudpickle."""

    def records(self, messages: list[Message]) -> list[Any]:
        """One result for each message, in order: a record or DROPPED. Raises what the program's schema raises."""
        ...


@dataclass(frozen=True, slots=True)
class ValueDeserializer:
    """Only the value counts. A record without a value becomes None; a schema that returns None drops the record."""

    decode: Callable[[bytes], Any]
    decode_all: Callable[[Sequence[bytes]], list[Any]] | None = None
    """The same for many, if the schema can."""

    @staticmethod
    def of(schema: DeserializationSchema) -> "ValueDeserializer":
        """By a schema."""
        return ValueDeserializer(schema.deserialize, getattr(schema, "deserialize_all", None))

    def records(self, messages: list[Message]) -> list[Any]:
        """The decoded values."""
        raw: list[Any] = list(map(Message.value, messages))
        if None in raw:
            return [None if one is None else _kept(self.decode(one)) for one in raw]
        values = self.decode_all(raw) if self.decode_all is not None else list(map(self.decode, raw))
        if len(values) != len(raw):
            raise ValueError(f"the schema made {len(values)} records of {len(raw)} messages")
        if [1 for value in values if value is None]:
            return [_kept(value) for value in values]
        return values


@dataclass(frozen=True, slots=True)
class KeyValueDeserializer:
    """A tuple of key and value; either is None where the record has none."""

    key: Callable[[bytes], Any]
    value: Callable[[bytes], Any]

    def records(self, messages: list[Message]) -> list[Any]:
        """The decoded pairs."""
        keys: list[Any] = list(map(Message.key, messages))
        values: list[Any] = list(map(Message.value, messages))
        decode_key, decode = self.key, self.value
        return [
            (None if key is None else decode_key(key), None if value is None else decode(value))
            for key, value in zip(keys, values, strict=True)
        ]


@dataclass(frozen=True, slots=True)
class RecordDeserializer:
    """What a function makes of the whole record; None drops it."""

    make: Callable[[KafkaRecord], Any]

    def records(self, messages: list[Message]) -> list[Any]:
        """One result for each message."""
        return [_kept(self.make(whole(message))) for message in messages]


class KafkaRecordDeserializationSchema(DeserializationSchema):
    """How whole records are read: subclass it and override `deserialize`, or take one of the ready ones."""

    def __init__(self, deserializer: Deserializer | None = None) -> None:
        self._deserializer = deserializer

    @staticmethod
    def value_only(deserialization_schema: DeserializationSchema) -> "KafkaRecordDeserializationSchema":
        """The value by a schema."""
        return KafkaRecordDeserializationSchema(ValueDeserializer.of(deserialization_schema))

    @staticmethod
    def key_value(
        key_schema: DeserializationSchema, value_schema: DeserializationSchema
    ) -> "KafkaRecordDeserializationSchema":
        """A tuple of key and value (not in PyFlink)."""
        return KafkaRecordDeserializationSchema(
            KeyValueDeserializer(key_schema.deserialize, value_schema.deserialize)
        )

    def deserialize(self, message: Any) -> Any:
        """What becomes of a `KafkaRecord`; None drops it."""
        raise TypeError(f"{type(self).__name__} does not override deserialize")

    def deserializer(self) -> Deserializer:
        """What the reader runs."""
        return self._deserializer or RecordDeserializer(self.deserialize)


def whole(message: Message) -> KafkaRecord:
    """Everything that a message says."""
    kind, timestamp = message.timestamp()
    headers: Any = message.headers() or ()
    return KafkaRecord(
        topic=str(message.topic()),
        partition=_number(message.partition()),
        offset=_number(message.offset()),
        timestamp=timestamp if kind else None,
        key=message.key(),
        value=message.value(),
        headers=list(headers.items()) if isinstance(headers, dict) else list(headers),
    )


def read_all(deserializer: Deserializer, messages: list[Message]) -> list[Any]:
    """The records of the messages; `RecordUnreadable` names the first that the schema refuses."""
    try:
        return deserializer.records(messages)
    except Exception as error:  # noqa: BLE001 - a program's schema may raise anything; the record is to be named
        failure = error
    for message in messages:
        try:
            deserializer.records([message])
        except Exception as error:
            raise RecordUnreadable(
                f"Kafka source: the record at {message.topic()}[{message.partition()}] offset {message.offset()} "
                f"cannot be read: {type(error).__name__}: {error}"
            ) from error
    raise failure


def _kept(value: Any) -> Any:
    return DROPPED if value is None else value


def _number(value: int | None) -> int:
    return -1 if value is None else value
