"""The Kafka source: settings that the API fills in, and the reader that runs in each subtask.

A thread consumes in batches and hands them on in the order of each partition; positions are offsets after the
last record that `poll` returned. Offsets live in checkpoints; the group's are committed for others to see lag
by.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

from penstock.connectors.contract import ReaderContext, SourceBatch, Split
from penstock.connectors.definition import SourceDefinition
from penstock.connectors.feed import Feed
from penstock.connectors.kafka.errors import KafkaConnectorError
from penstock.connectors.kafka.inbox import ConsumerInbox
from penstock.connectors.kafka.offsets import Offsets
from penstock.connectors.kafka.properties import client_properties
from penstock.graph.jobgraph import Boundedness
from penstock.operators.contract import MIN_TIMESTAMP, Batch

log = logging.getLogger(__name__)

Deserializer = Callable[[Message], Any]
_QUEUED_BATCHES = 4
_CONSUME = 10_000
_POLL_SECONDS = 0.1
# What librdkafka reports while it keeps trying by itself.
_PASSING = {
    KafkaError._TRANSPORT,  # noqa: SLF001 - librdkafka names its own errors so
    KafkaError._ALL_BROKERS_DOWN,  # noqa: SLF001
    KafkaError._TIMED_OUT,  # noqa: SLF001
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError.UNKNOWN_TOPIC_OR_PART,
}


@dataclass(frozen=True, slots=True)
class ValueDeserializer:
    """Only the value counts: `decode(bytes)`; a record without a value becomes None."""

    decode: Callable[[bytes], Any]

    def __call__(self, message: Message) -> Any:
        """The record."""
        value = message.value()
        return None if value is None else self.decode(value if isinstance(value, bytes) else value.encode())


@dataclass(frozen=True, slots=True)
class KafkaSourceSettings:
    """All that a Kafka source needs; `starting` and `stopping` are resolved partition by partition."""

    properties: Mapping[str, Any]
    deserializer: Deserializer
    topics: Sequence[str] = ()
    pattern: str | None = None
    partitions: Sequence[tuple[str, int]] = ()
    """Only these, if given."""
    starting: Offsets = field(default_factory=Offsets.earliest)
    stopping: Offsets | None = None
    is_bounded: bool = False
    discovery_interval_seconds: float | None = 300.0
    """Flink's default of five minutes; None looks once."""
    commit_on_checkpoint: bool = True

    def options(self) -> dict[str, Any]:
        """What the enumerator needs, as JSON."""
        return {
            "properties": {key: str(value) for key, value in self.properties.items()},
            "topics": list(self.topics),
            "pattern": self.pattern,
            "partitions": [list(partition) for partition in self.partitions],
            "starting": self.starting.to_options(),
            "stopping": self.stopping.to_options() if self.stopping else None,
            "is_bounded": self.is_bounded,
            "discovery_interval_seconds": self.discovery_interval_seconds,
        }

    def definition(self) -> SourceDefinition:
        """The source."""
        return SourceDefinition(
            "kafka",
            self.options(),
            Boundedness.BOUNDED if self.is_bounded else Boundedness.CONTINUOUS_UNBOUNDED,
            _KafkaReaderFactory(self),
        )


@dataclass(frozen=True, slots=True)
class _KafkaReaderFactory:
    settings: KafkaSourceSettings

    def __call__(self) -> "KafkaReader":
        return KafkaReader(self.settings)


@dataclass(slots=True)
class _Records:
    """Messages of one split in order; `is_end`: there will be no more."""

    split_id: str
    messages: list[Message]
    is_end: bool = False
    end: int | None = None
    """The offset at which to stop, if there is one."""


class KafkaReader:
    """A `SourceReader` over partitions."""

    def __init__(self, settings: KafkaSourceSettings) -> None:
        self._settings = settings
        self._splits: dict[str, Split] = {}
        self._is_complete = False
        self._consumer: Consumer | None = None
        self._inbox = ConsumerInbox()
        self._feed: Feed[_Records] | None = None
        self._rest: _Records | None = None
        self._ctx: ReaderContext | None = None
        self._to_commit: dict[str, int] = {}
        self._has_group = bool(settings.properties.get("group.id"))

    def open(self, ctx: ReaderContext) -> None:
        """Make the client; it fetches nothing before a split comes."""
        self._ctx = ctx
        properties = client_properties(
            self._settings.properties,
            enable_auto_commit=False,
            enable_auto_offset_store=False,
            enable_partition_eof=True,
            auto_offset_reset="error",
        )
        properties.setdefault("group.id", f"penstock-{ctx.task_name}")
        properties.setdefault("isolation.level", "read_committed")
        properties.setdefault("fetch.wait.max.ms", 100)
        # Bounds memory: by default librdkafka keeps 64 MB for each partition.
        properties.setdefault("queued.max.messages.kbytes", 32768)
        self._consumer = Consumer(properties)
        ctx.metrics.gauge("pendingRecords", self._inbox.pending_records)
        self._feed = Feed(f"kafka-{ctx.subtask_index}", self._fill, ctx.wake, _QUEUED_BATCHES)
        self._feed.start()

    def add_splits(self, splits: Sequence[Split]) -> None:
        """Read these partitions too, each from its position."""
        for split in splits:
            self._splits[split["id"]] = dict(split)
        self._inbox.assign([dict(split) for split in splits])

    def no_more_splits(self) -> None:
        """No partition will be added."""
        self._is_complete = True
        self._wake()

    def poll(self, max_records: int) -> SourceBatch | None:
        """The next records of one partition."""
        while True:
            records = self._rest or (self._feed.take() if self._feed else None)
            self._rest = None
            if records is None:
                return None
            if len(records.messages) > max_records:
                self._rest = _Records(records.split_id, records.messages[max_records:], records.is_end)
                records = _Records(records.split_id, records.messages[:max_records])
            batch = self._batch(records)
            if records.is_end:
                del self._splits[records.split_id]
                self._wake()
            if len(batch):
                return SourceBatch(records.split_id, batch)

    def wants_splits(self) -> bool:
        """True only while this subtask has nothing: partitions are handed out without asking."""
        return not self._splits and not self._is_complete

    def is_finished(self) -> bool:
        """True when every partition of a bounded source is at its end."""
        return self._is_complete and not self._splits

    def split_ids(self) -> set[str]:
        """The unfinished splits."""
        return set(self._splits)

    def snapshot(self) -> list[Split]:
        """Partitions with the offset of the next record; also what `notify_complete` will commit."""
        self._to_commit = {split_id: split["position"] for split_id, split in self._splits.items()}
        return [dict(split) for split in self._splits.values()]

    def notify_complete(self, checkpoint_id: int) -> None:
        """Commit the group's offsets, for others to see; nothing depends on it."""
        if not (
            self._has_group and self._settings.commit_on_checkpoint and self._consumer and self._to_commit
        ):
            return
        offsets = [
            TopicPartition(self._splits[split_id]["topic"], self._splits[split_id]["partition"], position)
            for split_id, position in self._to_commit.items()
            if split_id in self._splits
        ]
        self._inbox.commit(offsets)

    def close(self) -> None:
        """Stop the thread, close the client."""
        if self._feed is not None:
            self._feed.stop()
        if self._consumer is not None:
            self._consumer.close()
            self._consumer = None

    def _batch(self, records: _Records) -> Batch:
        split = self._splits[records.split_id]
        deserialize = self._settings.deserializer
        values = [deserialize(message) for message in records.messages]
        times = [message.timestamp() for message in records.messages]
        timestamps = [timestamp if kind else MIN_TIMESTAMP for kind, timestamp in times]
        if records.messages:
            split["position"] = _offset(records.messages[-1]) + 1
        return Batch(values, timestamps)

    def _fill(self, feed: Feed[_Records]) -> None:
        if self._consumer is None:
            return
        while not feed.is_stopping:
            self._inbox.apply(self._consumer)
            if not self._inbox.has_assignment:
                feed.wait(0.05)
                continue
            for records in self._consume(self._consumer):
                feed.put(records)

    def _consume(self, consumer: Consumer) -> list[_Records]:
        by_split: dict[tuple[str | None, int | None], _Records] = {}
        # Take what is there; only when there is nothing wait, for one: waiting for many delays the few.
        # Many at once, because each call hands Python's lock to and fro, up to 5 ms a time.
        messages = consumer.consume(_CONSUME, 0)
        if not messages:
            first = consumer.poll(_POLL_SECONDS)
            messages = [] if first is None else [first]
        for message in messages:
            error = message.error()
            if error is not None and not self._is_end_of_partition(message, error):
                continue
            key = (message.topic(), message.partition())
            records = by_split.get(key)
            if records is None:
                split_id = f"{key[0]}-{key[1]}"
                if not self._inbox.is_reading(split_id):
                    continue
                records = by_split[key] = _Records(split_id, [], end=self._inbox.end_of(split_id))
            if records.end is None:
                if error is None:
                    records.messages.append(message)
                continue
            offset = _offset(message)
            if error is None and offset < records.end:
                records.messages.append(message)
            if offset + (error is None) >= records.end and not records.is_end:
                records.is_end = True
                self._inbox.finish(consumer, records.split_id)
        self._inbox.observe(consumer)
        return [records for records in by_split.values() if records.messages or records.is_end]

    def _is_end_of_partition(self, message: Message, error: KafkaError) -> bool:
        """True at a partition's end, False for what the client gets over by itself; raises anything else."""
        if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - librdkafka names its own errors so
            return True
        if error.code() not in _PASSING:
            where = f"{message.topic()}[{message.partition()}]"
            raise KafkaConnectorError(f"Kafka source: {where}: {error.str()}")
        log.warning("Kafka source: %s", error.str())
        return False

    def _wake(self) -> None:
        if self._ctx is not None:
            self._ctx.wake()


def _offset(message: Message) -> int:
    offset = message.offset()
    return -1 if offset is None else offset
