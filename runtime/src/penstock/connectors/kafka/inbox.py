"""What the task tells the consuming thread of a Kafka reader: which partitions, from where, up to where.

Used by `source` alone. Everything that touches the consumer's assignment runs in the consuming thread.
"""

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from penstock.connectors.contract import Split

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Reading:
    topic: str
    partition: int
    end: int | None
    high: int = -1
    """Where the partition ends, as last noted."""


class ConsumerInbox:
    """Hands assignments over and keeps the ends of bounded partitions."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._arriving: list[Split] = []
        self._to_commit: list[TopicPartition] = []
        self._to_pause: frozenset[str] = frozenset()
        self._paused: frozenset[str] = frozenset()
        self._reading: dict[str, _Reading] = {}
        self._only_topic: str | None = None
        self._saw_many = False
        self.commits_succeeded = 0
        self.commits_failed = 0

    def assign(self, splits: Sequence[Split]) -> None:
        """Read these too (called in the task)."""
        with self._lock:
            self._arriving.extend(splits)

    def commit(self, offsets: list[TopicPartition]) -> None:
        """Commit the group's offsets soon (called in the task); later offsets replace those that still wait."""
        with self._lock:
            self._to_commit = offsets

    def pause(self, split_ids: frozenset[str]) -> None:
        """Fetch nothing of exactly these (called in the task)."""
        with self._lock:
            self._to_pause = split_ids

    @property
    def has_assignment(self) -> bool:
        """True while there is something to read."""
        return bool(self._reading)

    def apply(self, consumer: Consumer) -> None:
        """Take over what arrived (called in the thread)."""
        with self._lock:
            arriving, self._arriving = self._arriving, []
            to_commit, self._to_commit = self._to_commit, []
            to_pause = self._to_pause
        if to_commit:
            try:
                consumer.commit(offsets=to_commit, asynchronous=True)
            except KafkaException as error:
                self.commits_failed += 1
                log.warning("committing offsets of the group failed: %s", error.args[0].str())
        if to_pause != self._paused:
            self._pause_or_resume(consumer, to_pause)
        if not arriving:
            return
        for split in arriving:
            self._reading[split["id"]] = _Reading(split["topic"], split["partition"], split.get("end"))
        self._look_at_topics()
        consumer.incremental_assign(
            [TopicPartition(split["topic"], split["partition"], split["position"]) for split in arriving]
        )

    def _pause_or_resume(self, consumer: Consumer, wanted: frozenset[str]) -> None:
        changed = [
            (split_id, self._reading[split_id])
            for split_id in wanted ^ self._paused
            if split_id in self._reading
        ]
        pause = [TopicPartition(its.topic, its.partition) for split_id, its in changed if split_id in wanted]
        resume = [
            TopicPartition(its.topic, its.partition) for split_id, its in changed if split_id not in wanted
        ]
        if pause:
            consumer.pause(pause)
        if resume:
            consumer.resume(resume)
        self._paused = wanted

    def committed(self, error: KafkaError | None, partitions: Sequence[TopicPartition]) -> None:
        """How a commit of the group's offsets ended (librdkafka's callback, in the thread)."""
        failed = error or next((one.error for one in partitions if one.error is not None), None)
        if failed is None:
            self.commits_succeeded += 1
            return
        self.commits_failed += 1
        log.warning("committing offsets of the group failed: %s", failed.str())

    def only_topic(self) -> str | None:
        """The topic, if all partitions are of one: then messages need not be asked for theirs."""
        return self._only_topic

    def bounded(self) -> list[str]:
        """Splits that have an end."""
        return [split_id for split_id, reading in self._reading.items() if reading.end is not None]

    def is_reading(self, split_id: str) -> bool:
        """True unless the partition was finished: late messages of it are dropped."""
        return split_id in self._reading

    def end_of(self, split_id: str) -> int | None:
        """The offset at which to stop, None for never."""
        return self._reading[split_id].end

    def finish(self, consumer: Consumer, split_id: str) -> None:
        """Read no more of this partition."""
        reading = self._reading.pop(split_id)
        self._look_at_topics()
        consumer.incremental_unassign([TopicPartition(reading.topic, reading.partition)])

    def observe(self, consumer: Consumer) -> None:
        """Note where each partition ends, from what the client knows without asking (called in the thread)."""
        for reading in self._reading.values():
            partition = TopicPartition(reading.topic, reading.partition)
            try:
                _, high = consumer.get_watermark_offsets(partition, cached=True)
            except KafkaException:
                continue
            if high >= 0:
                reading.high = high if reading.end is None else min(high, reading.end)

    def ends(self) -> dict[str, int]:
        """Where each partition ends, as last noted; called from any thread."""
        return {split_id: reading.high for split_id, reading in list(self._reading.items())}

    def _look_at_topics(self) -> None:
        topics = {reading.topic for reading in self._reading.values()}
        # A partition that was finished a moment ago may be of another topic: its messages are still in the queue.
        known = topics if self._only_topic is None or not topics else topics | {self._only_topic}
        self._only_topic = next(iter(known)) if len(known) == 1 and not self._saw_many else None
        self._saw_many = self._saw_many or len(known) > 1
