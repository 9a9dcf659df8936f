"""Producers of the exactly-once sink: one per transaction, made ahead of time in a thread, from a pool of ids.

Used by `sink`. librdkafka cannot raise an id's epoch within one producer, and the committer ends transactions
by (id, producer id, epoch); so each transaction has a producer of its own and an epoch that no other
transaction has. An id is taken again only when its coordinator says that nothing is open under it.
"""

import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Producer
from confluent_kafka.admin import AdminClient, ConfigResource  # type: ignore[attr-defined]

from penstock.connectors.kafka.errors import DeliveryFailed, KafkaConnectorError, UnusableProperties
from penstock.connectors.kafka.properties import client_id, client_properties
from penstock.connectors.kafka.protocol import CoordinatorClient
from penstock.connectors.kafka.transactions import transactional_id

BROKER_DEFAULT_MAX_TIMEOUT_MS = 900_000
_INIT_SECONDS = 60.0
_PARTITIONS_SECONDS = 60.0
_SETTLED = {"", "Empty", "CompleteCommit", "CompleteAbort"}


class DeliveryWatch:
    """Remembers the first failed delivery of a producer; its callback runs in the thread that polls the producer."""

    def __init__(self) -> None:
        self._failure: str | None = None

    def on_delivery(self, error: KafkaError | None, message: Any) -> None:
        """Librdkafka's delivery report (only failures are asked for)."""
        if error is not None and self._failure is None:
            self._failure = f"record for {message.topic()}[{message.partition()}]: {error.str()}"

    def on_error(self, error: KafkaError) -> None:
        """Librdkafka's client errors; only fatal ones end the job, the others it retries."""
        if error.fatal() and self._failure is None:
            self._failure = f"the producer cannot go on: {error.str()}"

    def check(self) -> None:
        """Raise if something was not delivered."""
        if self._failure:
            raise DeliveryFailed(f"Kafka sink: {self._failure}")


@dataclass(slots=True)
class TopicPartitions:
    """The partitions of topics as the brokers say, asked again now and then: topics grow."""

    producer: Producer
    _known: dict[str, tuple[float, list[int]]] = field(default_factory=dict)

    def of(self, topic: str) -> list[int]:
        """The partitions; blocks at the first call."""
        asked, partitions = self._known.get(topic, (0.0, []))
        now = time.monotonic()
        if not partitions or now - asked > _PARTITIONS_SECONDS:
            try:
                found = self.producer.list_topics(topic, timeout=30).topics[topic]
            except KafkaException as error:
                raise KafkaConnectorError(f"Kafka sink: topic {topic!r}: {error.args[0].str()}") from error
            if found.error is not None:
                raise DeliveryFailed(f"Kafka sink: topic {topic!r}: {found.error.str()}")
            partitions = sorted(found.partitions)
            self._known[topic] = now, partitions
        return partitions


@dataclass(frozen=True, slots=True)
class OpenProducer:
    """A producer, its failures, and the transactional id that it holds (None: at least once)."""

    producer: Producer
    watch: DeliveryWatch
    partitions: TopicPartitions
    transactional_id: str | None = None


def open_producer(properties: Mapping[str, Any], **overrides: Any) -> OpenProducer:
    """A producer without transactions: acknowledged by all replicas, idempotent."""
    watch = DeliveryWatch()
    settings = client_properties(
        properties,
        delivery_report_only_error=True,
        **overrides,
    )
    settings.update(client_id(properties, overrides.get("transactional_id", "producer")))
    settings["error_cb"] = watch.on_error
    settings["on_delivery"] = watch.on_delivery
    # Java's partitioner, so that keys land where Java producers put them.
    settings.setdefault("partitioner", "murmur2_random")
    settings.setdefault("enable.idempotence", True)
    settings.setdefault("linger.ms", 5)
    settings.setdefault("queue.buffering.max.messages", 200_000)
    producer = Producer(settings)
    return OpenProducer(producer, watch, TopicPartitions(producer), overrides.get("transactional_id"))


class TransactionalPool:
    """Hands out producers whose transactions have not begun; the next one is made while the present one is used."""

    def __init__(self, properties: Mapping[str, Any], prefix: str, subtask: int, timeout_ms: int) -> None:
        self._properties = properties
        self._prefix = prefix
        self._subtask = subtask
        self._timeout_ms = timeout_ms
        self._executor = ThreadPoolExecutor(1, thread_name_prefix=f"kafka-transactions-{subtask}")
        self._coordinator = CoordinatorClient(properties)
        self._next: Future[OpenProducer] | None = None
        self._held: set[str] = set()
        self._lock = threading.Lock()
        self._closed = threading.Event()

    def take(self) -> OpenProducer:
        """The next producer, with its transaction begun. Blocks only while it is still being made."""
        made = self._next or self._executor.submit(self._make)
        self._next = None
        opened = made.result()
        opened.producer.begin_transaction()
        self._next = self._executor.submit(self._make)
        return opened

    def release(self, opened: OpenProducer) -> None:
        """This producer is done: its id is free as soon as its transaction is settled."""
        with self._lock:
            self._held.discard(opened.transactional_id or "")

    def ids(self) -> list[str]:
        """Ids that are in use by producers of this pool."""
        with self._lock:
            return sorted(self._held)

    def close(self) -> None:
        """Drop the producer made ahead and the connections. Open transactions are left to `abort_lingering`."""
        self._closed.set()
        self._executor.submit(self._coordinator.close)
        self._executor.shutdown(wait=True)
        self._next = None

    def _make(self) -> OpenProducer:
        chosen = self._free_id()
        try:
            opened = open_producer(
                self._properties, transactional_id=chosen, transaction_timeout_ms=self._timeout_ms
            )
            opened.producer.init_transactions(_INIT_SECONDS)
        except KafkaException as error:
            self._forget(chosen)
            raise _explained(error, chosen, self._timeout_ms) from error
        return opened

    def _free_id(self) -> str:
        number = 0
        while not self._closed.is_set():
            candidate = transactional_id(self._prefix, self._subtask, number)
            with self._lock:
                is_held = candidate in self._held
                if not is_held:
                    self._held.add(candidate)
            if not is_held:
                if self._coordinator.describe(candidate).state in _SETTLED:
                    return candidate
                self._forget(candidate)
            number += 1
        raise KafkaConnectorError("the Kafka sink is closed")

    def _forget(self, candidate: str) -> None:
        with self._lock:
            self._held.discard(candidate)


def largest_timeout_ms(properties: Mapping[str, Any]) -> int:
    """The broker's `transaction.max.timeout.ms`, or Kafka's default where we may not read it."""
    asked = properties.get("transaction.timeout.ms")
    if asked is not None:
        return int(asked)
    admin = AdminClient(client_properties({k: v for k, v in properties.items() if _is_connection(k)}))
    try:
        brokers = admin.list_topics(timeout=30).brokers
        resource = ConfigResource(ConfigResource.Type.BROKER, str(next(iter(brokers))))
        values = admin.describe_configs([resource], request_timeout=30)[resource].result()
    except KafkaException as error:
        if error.args[0].code() in (KafkaError.CLUSTER_AUTHORIZATION_FAILED, KafkaError.UNSUPPORTED_VERSION):
            return BROKER_DEFAULT_MAX_TIMEOUT_MS
        raise KafkaConnectorError(f"Kafka sink: no broker answered: {error.args[0].str()}") from error
    return int(values["transaction.max.timeout.ms"].value or BROKER_DEFAULT_MAX_TIMEOUT_MS)


def _is_connection(key: str) -> bool:
    return key.startswith(
        ("bootstrap.", "metadata.broker", "security.", "sasl.", "ssl.", "socket.", "client.")
    )


def _explained(error: KafkaException, chosen: str, timeout_ms: int) -> KafkaConnectorError:
    cause = error.args[0]
    if cause.code() == KafkaError.INVALID_TRANSACTION_TIMEOUT:
        return UnusableProperties(
            f"transaction.timeout.ms {timeout_ms} is more than the broker's transaction.max.timeout.ms: lower it"
        )
    return KafkaConnectorError(f"Kafka sink: no transaction under {chosen!r}: {cause.str()}")
