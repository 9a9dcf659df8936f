"""PyFlink's `DynamicKafkaSource`, as far as one cluster goes: its streams are topics.

Re-exported by `penstock.datastream.connectors.dynamic_kafka`. A metadata service that moves streams between
clusters is a Java class in Flink; here a change of cluster is a change of the job's properties.
"""

from collections.abc import Mapping
from typing import Any, Self

from penstock.common.serialization import DeserializationSchema
from penstock.common.unsupported import UnsupportedOperation
from penstock.connectors.kafka.api import KafkaOffsetsInitializer, KafkaSource, KafkaSourceBuilder
from penstock.connectors.kafka.errors import UnusableProperties
from penstock.connectors.kafka.records import KafkaRecordDeserializationSchema

_WHY = "it is an object of the JVM"


class KafkaMetadataService:
    """Says which cluster has a stream's topics: only a `SingleClusterTopicMetadataService` is one here."""

    def __init__(self, j_metadata_service: Any) -> None:
        raise UnsupportedOperation(
            "KafkaMetadataService", _WHY, "Use SingleClusterTopicMetadataService, or KafkaSource"
        )


class SingleClusterTopicMetadataService(KafkaMetadataService):
    """All streams are topics of one cluster."""

    def __init__(self, kafka_cluster_id: str, properties: Mapping[str, str]) -> None:
        self.kafka_cluster_id = kafka_cluster_id
        self.properties = dict(properties)


class KafkaStreamSubscriber:
    """Says which streams are read: a set of them, or a pattern."""

    def __init__(self, j_kafka_stream_subscriber: Any) -> None:
        raise UnsupportedOperation(
            "KafkaStreamSubscriber", _WHY, "Use KafkaStreamSetSubscriber or StreamPatternSubscriber"
        )


class KafkaStreamSetSubscriber(KafkaStreamSubscriber):
    """These streams."""

    def __init__(self, stream_ids: set[str]) -> None:
        self.stream_ids = set(stream_ids)


class StreamPatternSubscriber(KafkaStreamSubscriber):
    """Streams whose whole name matches."""

    def __init__(self, stream_pattern: str) -> None:
        self.stream_pattern = stream_pattern


class DynamicKafkaSource(KafkaSource):
    """A Kafka source by streams; made by `DynamicKafkaSource.builder()`."""

    @staticmethod
    def builder() -> "DynamicKafkaSourceBuilder":  # type: ignore[override]
        """A new builder."""
        return DynamicKafkaSourceBuilder()


class DynamicKafkaSourceBuilder:
    """Collects the settings of a `DynamicKafkaSource`."""

    def __init__(self) -> None:
        self._source = KafkaSourceBuilder()
        self._service: SingleClusterTopicMetadataService | None = None
        self._properties: dict[str, str] = {}

    def set_stream_ids(self, stream_ids: set[str]) -> Self:
        """These streams."""
        self._source.set_topics(*sorted(stream_ids))
        return self

    def set_stream_pattern(self, stream_pattern: str) -> Self:
        """Streams whose whole name matches."""
        self._source.set_topic_pattern(stream_pattern)
        return self

    def set_kafka_stream_subscriber(self, kafka_stream_subscriber: KafkaStreamSubscriber) -> Self:
        """Which streams."""
        if isinstance(kafka_stream_subscriber, KafkaStreamSetSubscriber):
            return self.set_stream_ids(kafka_stream_subscriber.stream_ids)
        if isinstance(kafka_stream_subscriber, StreamPatternSubscriber):
            return self.set_stream_pattern(kafka_stream_subscriber.stream_pattern)
        raise TypeError(f"{type(kafka_stream_subscriber).__name__} is no set of streams and no pattern")

    def set_kafka_metadata_service(self, kafka_metadata_service: KafkaMetadataService) -> Self:
        """Which cluster."""
        if not isinstance(kafka_metadata_service, SingleClusterTopicMetadataService):
            raise TypeError("the metadata service must be a SingleClusterTopicMetadataService")
        self._service = kafka_metadata_service
        return self

    def set_starting_offsets(self, starting_offsets_initializer: KafkaOffsetsInitializer) -> Self:
        """Where to start without state."""
        self._source.set_starting_offsets(starting_offsets_initializer)
        return self

    def set_bounded(self, stopping_offsets_initializer: KafkaOffsetsInitializer) -> Self:
        """Stop there and end."""
        self._source.set_bounded(stopping_offsets_initializer)
        return self

    def set_deserializer(self, deserializer: KafkaRecordDeserializationSchema) -> Self:
        """How whole records are read."""
        self._source.set_deserializer(deserializer)
        return self

    def set_value_only_deserializer(self, deserialization_schema: DeserializationSchema) -> Self:
        """How a record's value is read."""
        self._source.set_value_only_deserializer(deserialization_schema)
        return self

    def set_client_id_prefix(self, prefix: str) -> Self:
        """What the names of the clients begin with."""
        self._source.set_client_id_prefix(prefix)
        return self

    def set_group_id(self, group_id: str) -> Self:
        """The group whose offsets are committed with checkpoints."""
        self._properties["group.id"] = group_id
        return self

    def set_property(self, key: str, value: str) -> Self:
        """One client property."""
        self._properties[key] = value
        return self

    def set_properties(self, props: Mapping[str, str]) -> Self:
        """Many client properties."""
        self._properties.update(props)
        return self

    def build(self) -> DynamicKafkaSource:
        """The source; an error says what is missing."""
        if self._service is None:
            raise UnusableProperties(
                "the dynamic Kafka source knows no cluster: call set_kafka_metadata_service()"
            )
        self._source.set_properties({**self._service.properties, **self._properties})
        return DynamicKafkaSource(self._source.build().settings)
