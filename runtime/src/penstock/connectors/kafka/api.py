"""PyFlink's Kafka classes, old style and new: builders that end in this connector's source and sink.

Re-exported by `penstock.datastream.connectors.kafka`. Sources have `definition()`, sinks are
`connectors.contract.Sink`. Nothing here talks to Kafka.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Self

from penstock.common.serialization import DeserializationSchema, SerializationSchema
from penstock.connectors.definition import SourceDefinition
from penstock.connectors.kafka.errors import UnusableProperties
from penstock.connectors.kafka.offsets import Offsets
from penstock.connectors.kafka.properties import bootstrap_servers
from penstock.connectors.kafka.sink import DeliveryGuarantee, RecordSerializer
from penstock.connectors.kafka.sink import KafkaSink as KafkaSinkDefinition
from penstock.connectors.kafka.source import KafkaSourceSettings, ValueDeserializer

_FIVE_MINUTES_MS = 300_000


class KafkaOffsetResetStrategy(Enum):
    """What serves a partition without a committed offset."""

    LATEST = 0
    EARLIEST = 1
    NONE = 2


@dataclass(frozen=True, slots=True)
class KafkaTopicPartition:
    """One partition of a topic."""

    topic: str
    partition: int


class KafkaOffsetsInitializer:
    """Where to start or stop reading."""

    def __init__(self, offsets: Offsets) -> None:
        self.offsets_ = offsets

    @staticmethod
    def earliest() -> "KafkaOffsetsInitializer":
        """The oldest record."""
        return KafkaOffsetsInitializer(Offsets.earliest())

    @staticmethod
    def latest() -> "KafkaOffsetsInitializer":
        """After the newest record."""
        return KafkaOffsetsInitializer(Offsets.latest())

    @staticmethod
    def timestamp(timestamp: int) -> "KafkaOffsetsInitializer":
        """The first record of this time (ms) or later."""
        return KafkaOffsetsInitializer(Offsets.timestamp(timestamp))

    @staticmethod
    def committed_offsets(
        offset_reset_strategy: KafkaOffsetResetStrategy = KafkaOffsetResetStrategy.NONE,
    ) -> "KafkaOffsetsInitializer":
        """The group's committed offsets."""
        return KafkaOffsetsInitializer(Offsets.committed(offset_reset_strategy.name.lower()))

    @staticmethod
    def offsets(
        offsets: Mapping[KafkaTopicPartition, int],
        offset_reset_strategy: KafkaOffsetResetStrategy = KafkaOffsetResetStrategy.EARLIEST,
    ) -> "KafkaOffsetsInitializer":
        """Given offsets."""
        given = {(key.topic, key.partition): offset for key, offset in offsets.items()}
        return KafkaOffsetsInitializer(Offsets.offsets(given, offset_reset_strategy.name.lower()))


class KafkaSource:
    """The Kafka source; made by `KafkaSource.builder()`."""

    def __init__(self, settings: KafkaSourceSettings) -> None:
        self.settings = settings

    @staticmethod
    def builder() -> "KafkaSourceBuilder":
        """A new builder."""
        return KafkaSourceBuilder()

    def definition(self) -> SourceDefinition:
        """What the graph takes."""
        return self.settings.definition()


class KafkaSourceBuilder:
    """Collects the settings of a `KafkaSource`."""

    def __init__(self) -> None:
        self._properties: dict[str, Any] = {}
        self._topics: Sequence[str] = ()
        self._pattern: str | None = None
        self._partitions: Sequence[tuple[str, int]] = ()
        self._starting = Offsets.earliest()
        self._stopping: Offsets | None = None
        self._is_bounded = False
        self._decode: Callable[[bytes], Any] | None = None

    def set_bootstrap_servers(self, bootstrap_servers: str) -> Self:
        """Brokers to ask first, `host:port` separated by commas."""
        return self.set_property("bootstrap.servers", bootstrap_servers)

    def set_group_id(self, group_id: str) -> Self:
        """The group whose offsets are committed with checkpoints."""
        return self.set_property("group.id", group_id)

    def set_topics(self, *topics: str) -> Self:
        """Topics by name."""
        self._topics = topics
        return self

    def set_topic_pattern(self, topic_pattern: str) -> Self:
        """Topics by a regular expression over their whole name."""
        self._pattern = topic_pattern
        return self

    def set_partitions(self, partitions: set[KafkaTopicPartition]) -> Self:
        """These partitions only."""
        self._partitions = sorted((one.topic, one.partition) for one in partitions)
        return self

    def set_starting_offsets(self, starting_offsets_initializer: KafkaOffsetsInitializer) -> Self:
        """Where to start without state; the earliest by default."""
        self._starting = starting_offsets_initializer.offsets_
        return self

    def set_bounded(self, stopping_offsets_initializer: KafkaOffsetsInitializer) -> Self:
        """Stop there and end."""
        self._stopping, self._is_bounded = stopping_offsets_initializer.offsets_, True
        return self

    def set_unbounded(self, stopping_offsets_initializer: KafkaOffsetsInitializer) -> Self:
        """Stop reading there, but keep running."""
        self._stopping, self._is_bounded = stopping_offsets_initializer.offsets_, False
        return self

    def set_value_only_deserializer(self, deserialization_schema: DeserializationSchema) -> Self:
        """How a record's value is read."""
        self._decode = deserialization_schema.deserialize
        return self

    def set_client_id_prefix(self, prefix: str) -> Self:
        """The name that brokers see."""
        return self.set_property("client.id", prefix)

    def set_property(self, key: str, value: str) -> Self:
        """One client property."""
        self._properties[key] = value
        return self

    def set_properties(self, props: Mapping[str, Any]) -> Self:
        """Many client properties."""
        self._properties.update(props)
        return self

    def build(self) -> KafkaSource:
        """The source; an error says what is missing."""
        bootstrap_servers(self._properties)
        if self._decode is None:
            raise UnusableProperties(
                "the Kafka source has no deserializer: call set_value_only_deserializer()"
            )
        if not (self._topics or self._pattern or self._partitions):
            raise UnusableProperties(
                "the Kafka source has no topics: call set_topics() or set_topic_pattern()"
            )
        interval_ms = int(self._properties.get("partition.discovery.interval.ms", _FIVE_MINUTES_MS))
        commits = str(self._properties.get("commit.offsets.on.checkpoint", "true")).lower() != "false"
        return KafkaSource(
            KafkaSourceSettings(
                properties=dict(self._properties),
                deserializer=ValueDeserializer(self._decode),
                topics=self._topics,
                pattern=self._pattern,
                partitions=self._partitions,
                starting=self._starting,
                stopping=self._stopping,
                is_bounded=self._is_bounded,
                discovery_interval_seconds=interval_ms / 1000 if interval_ms > 0 else None,
                commit_on_checkpoint=commits,
            )
        )


class FlinkKafkaConsumer:
    """The Kafka source in PyFlink's old style, for `env.add_source`."""

    def __init__(
        self,
        topics: str | list[str],
        deserialization_schema: DeserializationSchema,
        properties: Mapping[str, Any],
    ) -> None:
        bootstrap_servers(properties)
        self._topics = [topics] if isinstance(topics, str) else list(topics)
        self._decode = deserialization_schema.deserialize
        self._properties = dict(properties)
        fallback = str(properties.get("auto.offset.reset", "latest"))
        self._starting = Offsets.committed(
            {"smallest": "earliest", "largest": "latest"}.get(fallback, fallback)
        )
        self._group_offsets = self._starting
        self._commits = True

    def set_start_from_earliest(self) -> Self:
        """Start at the oldest record."""
        self._starting = Offsets.earliest()
        return self

    def set_start_from_latest(self) -> Self:
        """Start after the newest record."""
        self._starting = Offsets.latest()
        return self

    def set_start_from_timestamp(self, startup_offsets_timestamp: int) -> Self:
        """Start at the first record of this time (ms) or later."""
        self._starting = Offsets.timestamp(startup_offsets_timestamp)
        return self

    def set_start_from_group_offsets(self) -> Self:
        """Start at the group's committed offsets, else by `auto.offset.reset`; the default."""
        self._starting = self._group_offsets
        return self

    def set_commit_offsets_on_checkpoints(self, commit_on_checkpoints: bool) -> Self:
        """Whether the group's offsets are committed with checkpoints."""
        self._commits = commit_on_checkpoints
        return self

    def disable_filter_restored_partitions_with_subscribed_topics(self) -> Self:
        """Restored partitions are always read on: nothing to change."""
        return self

    def definition(self) -> SourceDefinition:
        """What the graph takes."""
        interval_ms = int(self._properties.get("flink.partition-discovery.interval-millis", _FIVE_MINUTES_MS))
        return KafkaSourceSettings(
            properties=self._properties,
            deserializer=ValueDeserializer(self._decode),
            topics=self._topics,
            starting=self._starting,
            discovery_interval_seconds=interval_ms / 1000 if interval_ms > 0 else None,
            commit_on_checkpoint=self._commits,
        ).definition()


class KafkaTopicSelector:
    """Chooses the topic of a record. Subclass it and override `apply`."""

    def apply(self, data: Any) -> str:
        """The topic."""
        raise TypeError(f"{type(self).__name__} does not override apply")


class KafkaRecordSerializationSchema:
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
        return KafkaRecordSerializationSchema(RecordSerializer(self._topic, self._value, self._key))


class KafkaSink(KafkaSinkDefinition):
    """The Kafka sink; made by `KafkaSink.builder()`."""

    @staticmethod
    def builder() -> "KafkaSinkBuilder":
        """A new builder."""
        return KafkaSinkBuilder()

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

    def build(self) -> KafkaSink:
        """The sink; an error says what is missing."""
        if self._serializer is None:
            raise UnusableProperties("the Kafka sink has no record serializer: call set_record_serializer()")
        return KafkaSink(dict(self._properties), self._serializer, self._guarantee, self._prefix)
