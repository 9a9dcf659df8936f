"""Finds the partitions of the topics, at the start and while the job runs, and spreads them over the subtasks.

Runs in the JobManager. A partition is a split `{id, topic, partition, position, end}`; it stays with its
subtask for the attempt. Partitions found while running start at their beginning: what was written to them
before is the stream too.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from confluent_kafka import Consumer, KafkaException, TopicPartition

from penstock.connectors.contract import Split, SplitEnumerator
from penstock.connectors.kafka.errors import KafkaConnectorError, TopicMissing
from penstock.connectors.kafka.offsets import Offsets
from penstock.connectors.kafka.place import describe_place
from penstock.connectors.kafka.properties import client_id, client_properties

_SECONDS = 30.0


class KafkaEnumerator:
    """A `SplitEnumerator` over topic partitions."""

    def __init__(self, options: Mapping[str, Any], parallelism: int, state: Mapping[str, Any] | None) -> None:
        self._only = {(str(topic), int(partition)) for topic, partition in options.get("partitions") or ()}
        self._topics: list[str] = list(options.get("topics") or sorted({topic for topic, _ in self._only}))
        self._pattern: str | None = options.get("pattern")
        self._starting = Offsets.of_options(options["starting"])
        self._stopping = Offsets.of_options(options["stopping"]) if options.get("stopping") else None
        self._is_bounded = bool(options.get("is_bounded"))
        self._interval: float | None = options.get("discovery_interval_seconds")
        self._parallelism = parallelism
        self._known: set[str] = set(state["known"]) if state else set()
        self._pending: list[Split] = list(state["pending"]) if state else []
        self._is_first = state is None
        self._is_discovered = False
        properties = client_properties(
            options["properties"],
            enable_auto_commit=False,
            allow_auto_create_topics=False,
            auto_offset_reset="error",
        )
        properties.update(client_id(options["properties"], "enumerator"))
        properties.setdefault("group.id", "penstock-enumerator")
        # For whoever reads the checkpoint (lag, lineage): where the source reads. Never a property that may be secret.
        self._described = describe_place(options)
        self._consumer = Consumer(properties)

    def discover(self) -> None:
        """Ask the brokers for partitions; new ones get their offsets and wait for their subtask."""
        try:
            found = self._partitions()
            fresh = [one for one in found if _split_id(one.topic, one.partition) not in self._known]
            starting = self._starting if self._is_first else Offsets.earliest()
            starts = starting.resolve(self._consumer, fresh) if fresh else {}
            ends = self._stopping.resolve(self._consumer, fresh) if fresh and self._stopping else {}
        except KafkaException as error:
            raise KafkaConnectorError(
                f"Kafka source: looking for partitions failed: {error.args[0].str()}"
            ) from error
        for key, start in sorted(starts.items()):
            self._known.add(_split_id(*key))
            end = ends.get(key)
            if end is not None and start >= end:
                continue  # nothing to read, ever
            self._pending.append(
                {"id": _split_id(*key), "topic": key[0], "partition": key[1], "position": start, "end": end}
            )
        self._is_first = False
        self._is_discovered = True

    def take_assignments(self, waiting: Sequence[int]) -> dict[int, list[Split]]:
        """Each partition to its own subtask, at once: a reader never has to ask."""
        taken: dict[int, list[Split]] = {}
        for split in self._pending:
            taken.setdefault(self._owner(split), []).append(split)
        self._pending = []
        return taken

    def add_splits_back(self, splits: Sequence[Split]) -> None:
        """Read on where they were."""
        self._known.update(str(split["id"]) for split in splits)
        self._pending.extend(splits)

    def has_no_more_splits(self) -> bool:
        """True when a bounded source handed out all, or nobody will look for new partitions of one with ends."""
        return self._is_bounded and self._is_discovered and not self._pending

    def snapshot(self) -> dict[str, Any]:
        """Partitions known, and those not handed out yet."""
        return {
            "known": sorted(self._known),
            "pending": [dict(split) for split in self._pending],
            "source": self._described,
        }

    def close(self) -> None:
        """Close the client."""
        self._consumer.close()

    @property
    def discovery_interval_seconds(self) -> float | None:
        """How often to look for new partitions; a bounded source looks once."""
        return None if self._is_bounded else self._interval

    def _owner(self, split: Split) -> int:
        # As Flink spreads them: a topic's partitions in turn, from a start that differs by topic.
        start = (_java_hash(split["topic"]) * 31 & 0x7FFFFFFF) % self._parallelism
        return int((start + split["partition"]) % self._parallelism)

    def _partitions(self) -> list[TopicPartition]:
        metadata = self._consumer.list_topics(timeout=_SECONDS).topics
        if self._pattern is not None:
            matches = re.compile(self._pattern)
            names = sorted(name for name in metadata if matches.fullmatch(name))
        else:
            names = self._topics
            missing = [name for name in names if name not in metadata or metadata[name].error]
            if missing:
                raise TopicMissing(
                    f"Kafka source: the topic {missing[0]!r} does not exist: create it, or correct its name"
                )
        found = [(name, partition) for name in names for partition in sorted(metadata[name].partitions)]
        absent = sorted(self._only - set(found))
        if absent:
            raise TopicMissing(
                f"Kafka source: the topic {absent[0][0]!r} has no partition {absent[0][1]}: correct set_partitions()"
            )
        return [TopicPartition(*one) for one in found if not self._only or one in self._only]


class KafkaEnumerators:
    """Makes the enumerator; `options` as `source.KafkaSourceSettings.options` writes them."""

    def create_enumerator(
        self,
        options: Mapping[str, Any],
        parallelism: int,
        state: Mapping[str, Any] | None,
        configuration: Mapping[str, str],
    ) -> SplitEnumerator:
        """The enumerator, going on from its state if there is one."""
        return KafkaEnumerator(options, parallelism, state)

    def describe(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Where the source reads; no broker is asked."""
        return describe_place(options)


FACTORY = KafkaEnumerators()


def _split_id(topic: str, partition: int) -> str:
    return f"{topic}-{partition}"


def _java_hash(text: str) -> int:
    value = 0
    for unit in text.encode("utf-16-be")[1::2] if text.isascii() else map(ord, text):
        value = (31 * value + unit) & 0xFFFFFFFF
    return value
