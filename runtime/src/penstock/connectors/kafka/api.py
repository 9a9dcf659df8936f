"""PyFlink's Kafka source classes: builders that end in this connector's source.

Re-exported by `penstock.datastream.connectors.kafka`. Nothing here talks to Kafka.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Self

from penstock.common.serialization import DeserializationSchema
from penstock.connectors.definition import SourceDefinition
from penstock.connectors.kafka.errors import UnusableProperties
from penstock.connectors.kafka.offsets import Offsets
from penstock.connectors.kafka.properties import bootstrap_servers, client_properties
from penstock.connectors.kafka.records import (
    Deserializer,
    KafkaRecordDeserializationSchema,
    ValueDeserializer,
)
from penstock.connectors.kafka.source import KafkaSourceSettings
from penstock.connectors.public import Source

DISCOVERY_MS = 300_000
"""Flink's default: look for new partitions every five minutes."""


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


class KafkaSource(Source):
    """The Kafka source; made by `KafkaSource.builder()`."""

    def __init__(self, settings: KafkaSourceSettings) -> None:
        self.settings = settings

    @staticmethod
    def builder() -> "KafkaSourceBuilder":
        """A new builder."""
        return KafkaSourceBuilder()

    def get_produced_type(self) -> Any:
        """The type of the records, as the schema says it; None if it says none."""
        schema = getattr(getattr(self.settings.deserializer, "decode", None), "__self__", None)
        produced = getattr(schema, "get_produced_type", None)
        return produced() if callable(produced) else None

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
        self._deserializer: Deserializer | None = None

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
        self._deserializer = ValueDeserializer.of(deserialization_schema)
        return self

    def set_deserializer(self, deserializer: KafkaRecordDeserializationSchema) -> Self:
        """How whole records are read: key, headers, topic, time (as Flink's Java builder has it)."""
        self._deserializer = deserializer.deserializer()
        return self

    def set_client_id_prefix(self, prefix: str) -> Self:
        """What the names of the clients begin with, as brokers see them; each subtask adds its number."""
        return self.set_property("client.id.prefix", prefix)

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
        if self._deserializer is None:
            raise UnusableProperties(
                "the Kafka source has no deserializer: call set_value_only_deserializer()"
            )
        given = [bool(self._topics), self._pattern is not None, bool(self._partitions)]
        if sum(given) != 1:
            raise UnusableProperties(
                f"the Kafka source {'has no topics' if not any(given) else 'is told its topics in two ways'}: call one of "
                "set_topics(), set_topic_pattern() and set_partitions()"
            )
        client_properties(self._properties)  # says now, not in the slots, what cannot be used
        interval_ms = int(self._properties.get("partition.discovery.interval.ms", DISCOVERY_MS))
        commits = str(self._properties.get("commit.offsets.on.checkpoint", "true")).lower() != "false"
        return KafkaSource(
            KafkaSourceSettings(
                properties=dict(self._properties),
                deserializer=self._deserializer,
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
