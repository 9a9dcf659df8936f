"""PyFlink's Kafka sink classes: builders that end in this connector's sink.

Re-exported by `penstock.datastream.connectors.kafka`. Nothing here talks to Kafka.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, Self

from penstock.common.serialization import SerializationSchema
from penstock.connectors.kafka.errors import UnusableProperties
from penstock.connectors.kafka.producing import Headers, Partitioner, RecordSerializer
from penstock.connectors.kafka.properties import client_properties
from penstock.connectors.kafka.sink import DeliveryGuarantee
from penstock.connectors.kafka.sink import KafkaSink as KafkaSinkDefinition
from penstock.connectors.public import Sink, StreamTransformer, SupportsPreprocessing


class KafkaTopicSelector(ABC):
    """Chooses the topic of a record."""

    @abstractmethod
    def apply(self, data: Any) -> str:
        """The topic."""


class KafkaRecordSerializationSchema(SerializationSchema):
    """How a record becomes a Kafka record; made by its builder."""

    def __init__(self, serializer: RecordSerializer) -> None:
        self.serializer = serializer

    @staticmethod
    def builder() -> "KafkaRecordSerializationSchemaBuilder":
        """A new builder."""
        return KafkaRecordSerializationSchemaBuilder()


class KafkaRecordSerializationSchemaBuilder:
    """Collects topic, value and key."""

    def __init__(self) -> None:
        self._topic: str | Callable[[Any], str] | None = None
        self._value: Callable[[Any], bytes | None] | None = None
        self._key: Callable[[Any], bytes | None] | None = None
        self._headers: Callable[[Any], Headers | None] | None = None
        self._partitioner: Partitioner | None = None

    def set_topic(self, topic: str) -> Self:
        """One topic for all."""
        self._topic = topic
        return self

    def set_topic_selector(self, topic_selector: Callable[[Any], str] | KafkaTopicSelector) -> Self:
        """A topic for each record."""
        self._topic = (
            topic_selector.apply if isinstance(topic_selector, KafkaTopicSelector) else topic_selector
        )
        return self

    def set_value_serialization_schema(self, value_serialization_schema: SerializationSchema) -> Self:
        """How the value is written."""
        self._value = value_serialization_schema.serialize
        return self

    def set_header_provider(self, header_provider: Callable[[Any], Headers | None]) -> Self:
        """Headers of a record, a dict or pairs of name and bytes; none by default (as Flink's Java builder has it)."""
        self._headers = header_provider
        return self

    def set_partitioner(self, partitioner: Partitioner) -> Self:
        """The partition by record, key, value, topic and the topic's partitions; by the key, as Java does, by default."""
        self._partitioner = partitioner
        return self

    def set_key_serialization_schema(self, key_serialization_schema: SerializationSchema) -> Self:
        """How the key is written; none by default."""
        self._key = key_serialization_schema.serialize
        return self

    def build(self) -> KafkaRecordSerializationSchema:
        """The schema; an error says what is missing."""
        if self._topic is None:
            raise UnusableProperties("the Kafka record serializer has no topic: call set_topic()")
        if self._value is None:
            raise UnusableProperties(
                "the Kafka record serializer has no value schema: call set_value_serialization_schema()"
            )
        return KafkaRecordSerializationSchema(
            RecordSerializer(
                self._topic,
                self._value,
                self._key,
                headers=self._headers,
                partitioner=self._partitioner,
            )
        )


class KafkaSink(KafkaSinkDefinition, Sink, SupportsPreprocessing):
    """The Kafka sink; made by `KafkaSink.builder()`."""

    @staticmethod
    def builder() -> "KafkaSinkBuilder":
        """A new builder."""
        return KafkaSinkBuilder()

    def get_transformer(self) -> StreamTransformer | None:
        """None: the sink takes the stream as it is."""
        return None

    def connector_sink(self) -> "KafkaSink":
        """What the sink operator runs: this."""
        return self


class KafkaSinkBuilder:
    """Collects the settings of a `KafkaSink`."""

    def __init__(self) -> None:
        self._properties: dict[str, Any] = {}
        self._serializer: RecordSerializer | None = None
        self._guarantee = DeliveryGuarantee.AT_LEAST_ONCE
        self._prefix: str | None = None

    def set_bootstrap_servers(self, bootstrap_servers: str) -> Self:
        """Brokers to ask first."""
        return self.set_property("bootstrap.servers", bootstrap_servers)

    def set_delivery_guarantee(self, delivery_guarantee: Enum) -> Self:
        """What is promised; PyFlink's enum of any module, by its member's name."""
        self._guarantee = DeliveryGuarantee[delivery_guarantee.name]
        return self

    def set_transactional_id_prefix(self, transactional_id_prefix: str) -> Self:
        """Unique among all sinks of the Kafka cluster."""
        self._prefix = transactional_id_prefix
        return self

    def set_record_serializer(self, record_serializer: KafkaRecordSerializationSchema) -> Self:
        """How records are written."""
        self._serializer = record_serializer.serializer
        return self

    def set_property(self, key: str, value: str) -> Self:
        """One client property."""
        self._properties[key] = value
        return self

    def set_properties(self, props: Mapping[str, Any]) -> Self:
        """Many client properties."""
        self._properties.update(props)
        return self

    def build(self) -> KafkaSink:
        """The sink; an error says what is missing."""
        client_properties(self._properties)
        if self._serializer is None:
            raise UnusableProperties("the Kafka sink has no record serializer: call set_record_serializer()")
        return KafkaSink(dict(self._properties), self._serializer, self._guarantee, self._prefix)
