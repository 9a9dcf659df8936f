"""The Kafka source: settings that the API fills in, and the reader that runs in each subtask.

A thread consumes in batches and hands them on in the order of each partition; positions are offsets after the
last record that `poll` returned. Offsets live in checkpoints; the group's are committed for others to see lag
by.
"""

from collections import deque
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka import Consumer, Message, TopicPartition

from penstock.connectors.contract import ReaderContext, SourceBatch, Split
from penstock.connectors.definition import SourceDefinition
from penstock.connectors.feed import Feed
from penstock.connectors.kafka.fetching import Fetched, Fetcher, offset_of
from penstock.connectors.kafka.inbox import ConsumerInbox
from penstock.connectors.kafka.offsets import Offsets
from penstock.connectors.kafka.properties import client_id, client_properties
from penstock.connectors.kafka.records import DROPPED, Deserializer, ValueDeserializer, read_all
from penstock.graph.jobgraph import Boundedness
from penstock.operators.contract import MIN_TIMESTAMP, Batch

__all__ = ["KafkaReader", "KafkaSourceSettings", "ValueDeserializer"]
_QUEUED_BATCHES = 4


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


class KafkaReader:
    """A `SourceReader` over partitions."""

    def __init__(self, settings: KafkaSourceSettings) -> None:
        self._settings = settings
        self._splits: dict[str, Split] = {}
        self._is_complete = False
        self._consumer: Consumer | None = None
        self._inbox = ConsumerInbox()
        self._feed: Feed[Fetched] | None = None
        self._rest: Fetched | None = None
        self._paused: frozenset[str] = frozenset()
        self._held: dict[str, deque[Fetched]] = {}
        """What was fetched of paused partitions before that was heard of."""
        self._last: list[Message] = []
        """Of the batch that `poll` returned last: a message for each record."""
        self._ctx: ReaderContext | None = None
        self._to_commit: dict[str, int] = {}
        self._committed: dict[str, int] = {}
        """What was last handed over to be committed, by split."""
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
        properties.update(client_id(self._settings.properties, str(ctx.subtask_index)))
        properties["on_commit"] = self._inbox.committed
        properties.setdefault("group.id", f"penstock-{ctx.task_name}")
        properties.setdefault("isolation.level", "read_committed")
        properties.setdefault("fetch.wait.max.ms", 100)
        # Bounds memory: by default librdkafka keeps 64 MB for each partition.
        properties.setdefault("queued.max.messages.kbytes", 32768)
        self._consumer = Consumer(properties)
        self._publish(ctx)
        fetcher = Fetcher(self._consumer, self._inbox)
        self._feed = Feed(f"kafka-{ctx.subtask_index}", fetcher.fill, ctx.wake, _QUEUED_BATCHES)
        self._feed.start()

    def add_splits(self, splits: Sequence[Split]) -> None:
        """Read these partitions too, each from its position."""
        for split in splits:
            self._splits[split["id"]] = dict(split)
            self._publish_partition(split)
        self._inbox.assign([dict(split) for split in splits])

    def no_more_splits(self) -> None:
        """No partition will be added."""
        self._is_complete = True
        self._wake()

    def poll(self, max_records: int) -> SourceBatch | None:
        """The next records of one partition."""
        while True:
            records = self._take()
            if records is None:
                return None
            if len(records.messages) > max_records:
                rest = records.messages[max_records:]
                self._rest = Fetched(records.split_id, rest, records.is_end, records.reached)
                records = Fetched(records.split_id, records.messages[:max_records])
            batch = self._batch(records)
            if records.reached >= 0:
                split = self._splits[records.split_id]
                split["position"] = max(split["position"], records.reached)
            if records.is_end:
                del self._splits[records.split_id]
                self._wake()
            if len(batch):
                return SourceBatch(records.split_id, batch)

    def pause_splits(self, split_ids: Set[str]) -> None:
        """Return nothing of exactly these partitions from now on, and fetch no more of them."""
        self._paused = frozenset(split_ids)
        self._inbox.pause(self._paused)

    def _take(self) -> Fetched | None:
        """What comes next of partitions that are not paused."""
        if self._rest is not None:
            rest, self._rest = self._rest, None
            if rest.split_id not in self._paused:
                return rest
            self._held.setdefault(rest.split_id, deque()).appendleft(rest)
        for split_id in [name for name in self._held if name not in self._paused]:
            records = self._held[split_id].popleft()
            if not self._held[split_id]:
                del self._held[split_id]
            return records
        while self._feed is not None and (fetched := self._feed.take()) is not None:
            if fetched.split_id not in self._paused:
                return fetched
            self._held.setdefault(fetched.split_id, deque()).append(fetched)
        return None

    def where(self, index: int) -> str | None:
        """Topic, partition and offset of a record of the last batch."""
        if index >= len(self._last):
            return None
        message = self._last[index]
        return f"topic {message.topic()}, partition {message.partition()}, offset {offset_of(message)}"

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
        self._committed.update(self._to_commit)

    def close(self) -> None:
        """Stop the thread, close the client."""
        if self._feed is not None:
            self._feed.stop()
        if self._consumer is not None:
            self._consumer.close()
            self._consumer = None

    def _publish(self, ctx: ReaderContext) -> None:
        inbox, metrics = self._inbox, ctx.metrics
        metrics.gauge("pendingRecords", lambda: float(sum(self._waiting())))
        metrics.gauge("KafkaSourceReader.records-lag-max", lambda: float(max(self._waiting(), default=0)))
        metrics.gauge("KafkaSourceReader.commitsSucceeded", lambda: float(inbox.commits_succeeded))
        metrics.gauge("KafkaSourceReader.commitsFailed", lambda: float(inbox.commits_failed))

    def _waiting(self) -> list[int]:
        """Records of each partition that the task has not taken yet: what was only fetched waits too."""
        ends = self._inbox.ends()
        return [max(0, ends[key] - split["position"]) for key, split in self._splits.items() if key in ends]

    def _publish_partition(self, split: Split) -> None:
        """Flink's two gauges of a partition, by which an autoscaler also knows that there is such a partition."""
        if self._ctx is None:
            return
        split_id, metrics = split["id"], self._ctx.metrics
        prefix = f"KafkaSourceReader.topic.{split['topic']}.partition.{split['partition']}"

        def current() -> float:
            held = self._splits.get(split_id)
            return float(held["position"] - 1) if held is not None else float(split["position"] - 1)

        metrics.gauge(f"{prefix}.currentOffset", current)
        metrics.gauge(f"{prefix}.committedOffset", lambda: float(self._committed.get(split_id, -1)))

    def _batch(self, fetched: Fetched) -> Batch:
        messages = fetched.messages
        if not messages:
            return Batch([])
        values = read_all(self._settings.deserializer, messages)
        self._last = messages
        times = list(map(Message.timestamp, messages))
        timestamps = [timestamp if kind else MIN_TIMESTAMP for kind, timestamp in times]
        self._splits[fetched.split_id]["position"] = offset_of(messages[-1]) + 1
        if [1 for value in values if value is DROPPED]:
            kept = [at for at, value in enumerate(values) if value is not DROPPED]
            self._last = [messages[at] for at in kept]
            return Batch([values[at] for at in kept], [timestamps[at] for at in kept])
        return Batch(values, timestamps)

    def _wake(self) -> None:
        if self._ctx is not None:
            self._ctx.wake()
