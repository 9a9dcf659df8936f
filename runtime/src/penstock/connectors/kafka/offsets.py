"""Where a Kafka source starts and ends: offsets by partition, as JSON options that the JobManager resolves.

Made by `source` from the user's initializers, resolved by `enumerator` for each partition when it is found.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Self

from confluent_kafka import Consumer, TopicPartition

from penstock.connectors.kafka.errors import KafkaConnectorError

_SECONDS = 30.0


class OffsetKind(StrEnum):
    """How an offset is found."""

    EARLIEST = "earliest"
    LATEST = "latest"
    COMMITTED = "committed"
    TIMESTAMP = "timestamp"
    OFFSETS = "offsets"


@dataclass(frozen=True, slots=True)
class Offsets:
    """One offset for each partition. `fallback` (earliest, latest or none) serves partitions without a committed one."""

    kind: OffsetKind
    timestamp_ms: int = 0
    by_partition: Mapping[str, int] = field(default_factory=dict)
    """`topic:partition` → offset."""
    fallback: str = "none"

    @classmethod
    def earliest(cls) -> Self:
        """The oldest record that is there."""
        return cls(OffsetKind.EARLIEST)

    @classmethod
    def latest(cls) -> Self:
        """After the newest record."""
        return cls(OffsetKind.LATEST)

    @classmethod
    def committed(cls, fallback: str = "none") -> Self:
        """The group's committed offset."""
        return cls(OffsetKind.COMMITTED, fallback=fallback)

    @classmethod
    def timestamp(cls, timestamp_ms: int) -> Self:
        """The first record of this time or later, else the end."""
        return cls(OffsetKind.TIMESTAMP, timestamp_ms=timestamp_ms)

    @classmethod
    def offsets(cls, by_partition: Mapping[tuple[str, int], int], fallback: str = "earliest") -> Self:
        """Given offsets; other partitions by the fallback."""
        named = {f"{topic}:{partition}": offset for (topic, partition), offset in by_partition.items()}
        return cls(OffsetKind.OFFSETS, by_partition=named, fallback=fallback)

    def to_options(self) -> dict[str, Any]:
        """JSON for the job graph."""
        return {
            "kind": self.kind.value,
            "timestamp_ms": self.timestamp_ms,
            "by_partition": dict(self.by_partition),
            "fallback": self.fallback,
        }

    @classmethod
    def of_options(cls, options: Mapping[str, Any]) -> Self:
        """Back from JSON."""
        return cls(
            OffsetKind(options["kind"]),
            int(options.get("timestamp_ms", 0)),
            dict(options.get("by_partition", {})),
            str(options.get("fallback", "none")),
        )

    def resolve(self, consumer: Consumer, partitions: Sequence[TopicPartition]) -> dict[tuple[str, int], int]:
        """The offset of each partition, a number that does not move. Asks the brokers; blocks up to a deadline."""
        if self.kind is OffsetKind.COMMITTED:
            found = {
                (partition.topic, partition.partition): partition.offset
                for partition in consumer.committed(list(partitions), timeout=_SECONDS)
            }
        elif self.kind is OffsetKind.OFFSETS:
            found = {
                (p.topic, p.partition): self.by_partition.get(f"{p.topic}:{p.partition}", -1)
                for p in partitions
            }
        elif self.kind is OffsetKind.TIMESTAMP:
            asked = [TopicPartition(p.topic, p.partition, self.timestamp_ms) for p in partitions]
            found = {
                (p.topic, p.partition): p.offset for p in consumer.offsets_for_times(asked, timeout=_SECONDS)
            }
        else:
            found = {(p.topic, p.partition): -1 for p in partitions}
        return {
            key: offset if offset >= 0 else self._by_rule(consumer, *key) for key, offset in found.items()
        }

    def _by_rule(self, consumer: Consumer, topic: str, partition: int) -> int:
        rule = {
            OffsetKind.EARLIEST: "earliest",
            OffsetKind.LATEST: "latest",
            OffsetKind.TIMESTAMP: "latest",
        }.get(self.kind, self.fallback)
        low, high = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=_SECONDS)
        if rule == "earliest":
            return int(low)
        if rule == "latest":
            return int(high)
        raise KafkaConnectorError(
            f"{topic}[{partition}] has no committed offset and the starting offsets have no reset strategy: choose "
            "earliest or latest for partitions without one"
        )
