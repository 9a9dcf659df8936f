"""The thread of a Kafka reader: consumes many messages at a time and sorts them by partition.

Used by `source` alone. Each call on a message crosses librdkafka's Python boundary (0.1 to 0.7 µs), so it asks each
for no more than its error and its partition; topics only where several are read. docs/internals/kafka-speed.md has
the measurements.
"""

import logging
import time
from dataclasses import dataclass

from confluent_kafka import Consumer, KafkaError, Message

from penstock.connectors.feed import Feed
from penstock.connectors.kafka.errors import KafkaConnectorError, OffsetOutOfRange
from penstock.connectors.kafka.inbox import ConsumerInbox

log = logging.getLogger(__name__)

_CONSUME = 10_000
_POLL_SECONDS = 0.1
_OBSERVE_SECONDS = 0.2
# What librdkafka reports while it keeps trying by itself.
_PASSING = {
    KafkaError._TRANSPORT,  # noqa: SLF001 - librdkafka names its own errors so
    KafkaError._ALL_BROKERS_DOWN,  # noqa: SLF001
    KafkaError._RESOLVE,  # noqa: SLF001
    KafkaError._TIMED_OUT,  # noqa: SLF001
    KafkaError._MAX_POLL_EXCEEDED,  # noqa: SLF001 - groups are used for offsets alone
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError.BROKER_NOT_AVAILABLE,
    KafkaError.REPLICA_NOT_AVAILABLE,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    KafkaError.REQUEST_TIMED_OUT,
    KafkaError.UNKNOWN_TOPIC_OR_PART,
}
_OUT_OF_RANGE = {
    KafkaError.OFFSET_OUT_OF_RANGE,
    KafkaError._AUTO_OFFSET_RESET,  # noqa: SLF001
}


@dataclass(slots=True)
class Fetched:
    """Messages of one split in order; `is_end`: there will be no more."""

    split_id: str
    messages: list[Message]
    is_end: bool = False
    reached: int = -1
    """Nothing is left to read below this offset, which is past the last message."""


class Fetcher:
    """What the thread runs."""

    def __init__(self, consumer: Consumer, inbox: ConsumerInbox) -> None:
        self._consumer = consumer
        self._inbox = inbox
        self._observed = 0.0
        self._next: dict[str, int] = {}
        """By split: the offset after the last message, or after what was reached."""

    def fill(self, feed: Feed[Fetched]) -> None:
        """Until the reader closes."""
        while not feed.is_stopping:
            self._inbox.apply(self._consumer)
            if not self._inbox.has_assignment:
                # Still to be polled: callbacks of commits come by this.
                self._consumer.poll(0)
                feed.wait(0.05)
                continue
            for fetched in self.fetch():
                feed.put(fetched, self._observe)

    def fetch(self) -> list[Fetched]:
        """What is there now, by partition; waits a little for one message if there is nothing."""
        # Take what is there; only when there is nothing wait, for one: waiting for many delays the few.
        # Many at once, because each call hands Python's lock to and fro, up to 5 ms a time.
        messages = self._consumer.consume(_CONSUME, 0)
        if not messages:
            first = self._consumer.poll(_POLL_SECONDS)
            messages = [] if first is None else [first]
        ended: dict[str, int] = {}
        told = [message for message in messages if message.error() is not None]
        if told:
            ended = self._heed(told)
            messages = [message for message in messages if message.error() is None]
        found = self._by_split(messages)
        self._pass_markers(found, ended)
        self._finish(found, ended)
        self._observe()
        return [one for one in found.values() if one.messages or one.is_end or one.reached >= 0]

    def _observe(self) -> None:
        """Note where the partitions end, also while the task takes nothing: what waits is told by it."""
        now = time.monotonic()
        if now - self._observed >= _OBSERVE_SECONDS:
            self._observed = now
            self._inbox.observe(self._consumer)

    def _by_split(self, messages: list[Message]) -> dict[str, Fetched]:
        if not messages:
            return {}
        topic = self._inbox.only_topic()
        runs: dict[object, list[Message]] = {}
        if topic is not None:
            partitions = list(map(Message.partition, messages))
            if partitions[0] == partitions[-1] and len(set(partitions)) == 1:
                runs[topic, partitions[0]] = messages
            else:
                for partition, message in zip(partitions, messages, strict=True):
                    runs.setdefault((topic, partition), []).append(message)
        else:
            for message in messages:
                runs.setdefault((message.topic(), message.partition()), []).append(message)
        named = ((f"{key[0]}-{key[1]}", run) for key, run in runs.items() if isinstance(key, tuple))
        # Messages of a partition that was finished may still come.
        return {
            split_id: Fetched(split_id, run) for split_id, run in named if self._inbox.is_reading(split_id)
        }

    def _pass_markers(self, found: dict[str, Fetched], ended: dict[str, int]) -> None:
        """Where a partition's end lies past its last message there are only markers of transactions between them."""
        for split_id, fetched in found.items():
            self._next[split_id] = offset_of(fetched.messages[-1]) + 1
        for split_id, end in ended.items():
            if self._inbox.is_reading(split_id) and end > self._next.get(split_id, -1):
                self._next[split_id] = end
                found.setdefault(split_id, Fetched(split_id, [])).reached = end

    def _finish(self, found: dict[str, Fetched], ended: dict[str, int]) -> None:
        """Cut bounded partitions at their end and read them no more."""
        for split_id in self._inbox.bounded():
            end = self._inbox.end_of(split_id)
            if end is None:
                continue
            fetched = found.get(split_id)
            is_end = ended.get(split_id, -1) >= end
            if fetched is not None and fetched.messages and offset_of(fetched.messages[-1]) >= end - 1:
                is_end = True
                fetched.messages = [one for one in fetched.messages if offset_of(one) < end]
            if is_end:
                found.setdefault(split_id, Fetched(split_id, [])).is_end = True
                self._inbox.finish(self._consumer, split_id)

    def _heed(self, told: list[Message]) -> dict[str, int]:
        """The offsets of partitions' ends; raises what is not got over."""
        ended: dict[str, int] = {}
        for message in told:
            error = message.error()
            if error is None:
                continue
            code = error.code()
            where = f"{message.topic()}[{message.partition()}]"
            if code == KafkaError._PARTITION_EOF:  # noqa: SLF001 - librdkafka names its own errors so
                ended[f"{message.topic()}-{message.partition()}"] = offset_of(message)
            elif code in _OUT_OF_RANGE:
                raise OffsetOutOfRange(
                    f"Kafka source: {where}: offset {offset_of(message)} is not in the partition any more: its records "
                    "were removed (by retention, or the topic was made anew) before they were read. Records are lost; "
                    f"to go on without them start without state, or from other offsets ({error.str()})"
                )
            elif code in _PASSING or error.retriable():
                log.warning("Kafka source: %s", error.str())
            else:
                raise KafkaConnectorError(f"Kafka source: {where}: {error.str()}")
        return ended


def offset_of(message: Message) -> int:
    """The message's offset."""
    offset = message.offset()
    return -1 if offset is None else offset
