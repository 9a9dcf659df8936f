"""PyFlink's old-style Kafka source, `FlinkKafkaConsumer`, on this connector's source. Settings only."""

from collections.abc import Mapping
from typing import Any, Self

from penstock.common.serialization import DeserializationSchema
from penstock.common.typeinfo import TypeInformation, Types
from penstock.common.unsupported import unsupported
from penstock.connectors.definition import SourceDefinition
from penstock.connectors.kafka.api import DISCOVERY_MS
from penstock.connectors.kafka.offsets import Offsets
from penstock.connectors.kafka.properties import client_properties
from penstock.connectors.kafka.records import ValueDeserializer
from penstock.connectors.kafka.source import KafkaSourceSettings


class FlinkKafkaConsumerBase:
    """What old-style Kafka sources share."""

    def __init__(
        self,
        topics: str | list[str],
        deserialization_schema: DeserializationSchema,
        properties: Mapping[str, Any],
    ) -> None:
        client_properties(properties)  # says now, not in the slots, what cannot be used
        self._topics = [topics] if isinstance(topics, str) else list(topics)
        self._schema = deserialization_schema
        self._properties = dict(properties)
        fallback = str(properties.get("auto.offset.reset", "latest"))
        self._starting = Offsets.committed(
            {"smallest": "earliest", "largest": "latest"}.get(fallback, fallback)
        )
        self._group_offsets = self._starting
        self._commits = True

    def get_produced_type(self) -> TypeInformation:
        """The type of the records, as the schema says it."""
        produced = getattr(self._schema, "get_produced_type", None)
        found: TypeInformation = produced() if produced is not None else Types.PICKLED_BYTE_ARRAY()
        return found

    @unsupported("Pass the consumer itself to env.add_source()")
    def get_java_function(self) -> Any:
        """Refused."""

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
        interval_ms = int(self._properties.get("flink.partition-discovery.interval-millis", DISCOVERY_MS))
        return KafkaSourceSettings(
            properties=self._properties,
            deserializer=ValueDeserializer.of(self._schema),
            topics=self._topics,
            starting=self._starting,
            discovery_interval_seconds=interval_ms / 1000 if interval_ms > 0 else None,
            commit_on_checkpoint=self._commits,
        ).definition()


class FlinkKafkaConsumer(FlinkKafkaConsumerBase):
    """The Kafka source in PyFlink's old style, for `env.add_source`."""
