"""PyFlink's old-style Kafka sink. Re-exported by `penstock.datastream.connectors.kafka`; talks to nobody."""

from collections.abc import Mapping
from dataclasses import replace
from enum import Enum
from typing import Any, Self

from penstock.common.serialization import SerializationSchema
from penstock.common.unsupported import unsupported
from penstock.connectors.kafka.producing import RecordSerializer
from penstock.connectors.kafka.properties import client_properties
from penstock.connectors.kafka.sink import (
    AtLeastOnceWriter,
    DeliveryGuarantee,
    ExactlyOnceWriter,
    KafkaSink,
)
from penstock.connectors.kafka.transactions import TransactionCommitter


class Semantic(Enum):
    """What a `FlinkKafkaProducer` promises."""

    NONE = "none"
    AT_LEAST_ONCE = "at-least-once"
    EXACTLY_ONCE = "exactly-once"


class FlinkKafkaProducerBase:
    """What old-style Kafka sinks share."""

    def __init__(
        self,
        topic: str,
        serialization_schema: SerializationSchema,
        producer_config: Mapping[str, Any],
        kafka_producer_pool_size: int = 5,
        semantic: Semantic = Semantic.AT_LEAST_ONCE,
    ) -> None:
        serializer = RecordSerializer(topic, serialization_schema.serialize, is_timestamped=False)
        guarantee = DeliveryGuarantee[semantic.name]
        client_properties(producer_config)  # says now, not in the slots, what cannot be used
        self._sink = KafkaSink(dict(producer_config), serializer, guarantee, is_prefix_from_job=True)

    @unsupported("Pass the producer itself to stream.add_sink()")
    def get_java_function(self) -> Any:
        """Refused."""

    def set_write_timestamp_to_kafka(self, write_timestamp_to_kafka: bool) -> Self:
        """Whether event times are written."""
        serializer = replace(self._sink.serializer, is_timestamped=write_timestamp_to_kafka)
        self._sink = replace(self._sink, serializer=serializer)
        return self

    def set_flush_on_checkpoint(self, flush_on_checkpoint: bool) -> Self:
        """Records are always flushed before a checkpoint: nothing to change."""
        return self

    def set_log_failures_only(self, log_failures_only: bool) -> Self:
        """A record that cannot be written always fails the job: it would be lost otherwise."""
        return self

    def connector_sink(self) -> KafkaSink:
        """What the sink operator runs."""
        return self._sink

    def create_writer(self) -> AtLeastOnceWriter | ExactlyOnceWriter:
        """A writer for one subtask."""
        return self._sink.create_writer()

    def create_committer(self) -> TransactionCommitter | None:
        """A committer if exactly once."""
        return self._sink.create_committer()


class FlinkKafkaProducer(FlinkKafkaProducerBase):
    """The Kafka sink in PyFlink's old style, for `stream.add_sink` (a `connectors.contract.Sink`).

    An exactly-once one makes its transactional ids of the operator's and the job's id.
    """

    def ignore_failures_after_transaction_timeout(self) -> Self:
        """Go on although a restored transaction is forgotten by the brokers."""
        self._sink = replace(self._sink, ignore_expired_transactions=True)
        return self
