"""One Kafka cluster as its offsets are read: partitions, their ends and beginnings, what a group has committed.

Made and shared by `observe/kafka_lag.py`. Reads only. Every call blocks for its time-out at most and raises
`ClusterSilent` with a sentence; a login that is refused is told at once. confluent-kafka is an extra, without which every
cluster is silent.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from penstock_operator.model.kafka import Partition


class ClusterSilent(Exception):
    """The brokers did not answer, or refused; the text holds no secret."""


class Cluster(Protocol):
    """What is asked of a cluster."""

    def partitions(self, topics: Iterable[str]) -> list[Partition]:
        """Of these topics. Makes none."""

    def ends(self, of: Iterable[Partition], *, committed_only: bool) -> dict[Partition, int]:
        """The offset after the last record, of records of committed transactions only if that is how they are read."""

    def beginnings(self, of: Iterable[Partition]) -> dict[Partition, int]:
        """The first offset that is there."""

    def committed(self, group: str) -> dict[Partition, int]:
        """What the group reads next, of all partitions of which it has said so."""


_TRY_SECONDS = 0.1
"""How long the first answer is waited for before it is looked whether the brokers refuse the client."""

Connect = Callable[[Mapping[str, str], float], Cluster]
"""A cluster, from librdkafka's properties and the time-out of each call in seconds."""


class KafkaCluster:
    """A cluster over confluent-kafka's admin client, which is safe to share between threads."""

    def __init__(self, properties: Mapping[str, str], timeout: float) -> None:
        try:
            from confluent_kafka import KafkaError, KafkaException, admin
        except ImportError:
            raise ClusterSilent("the operator was installed without its extra 'kafka'") from None
        self._admin: Any = admin
        self._timeout, self._error = timeout, KafkaException
        self._refusals = (KafkaError._AUTHENTICATION, KafkaError._SSL)  # noqa: SLF001 - so they are named
        self._refused: str | None = None
        self._is_heard = False
        quiet: dict[str, Any] = {
            "log_level": 0,
            "socket.timeout.ms": int(timeout * 1000),
            "error_cb": self._told,
        }
        try:
            self._client = admin.AdminClient({**quiet, **properties})
        except KafkaException as error:
            raise ClusterSilent(f"{properties['bootstrap.servers']}: {error.args[0].str()}") from None
        self._where = properties["bootstrap.servers"]

    def partitions(self, topics: Iterable[str]) -> list[Partition]:
        """As the brokers list them; all topics are listed, for asking for one by name may make it."""
        found, names = self._ask(lambda: self._client.list_topics(timeout=self._timeout)).topics, list(topics)
        missing = [name for name in names if name not in found]
        if missing:
            raise ClusterSilent(f"{self._where}: the topic {missing[0]!r} is not there")
        return sorted((name, number) for name in names for number in found[name].partitions)

    def ends(self, of: Iterable[Partition], *, committed_only: bool) -> dict[Partition, int]:
        """The last stable offsets, or the high watermarks."""
        return self._offsets(of, self._admin.OffsetSpec.latest(), committed_only=committed_only)

    def beginnings(self, of: Iterable[Partition]) -> dict[Partition, int]:
        """The low watermarks."""
        return self._offsets(of, self._admin.OffsetSpec.earliest(), committed_only=False)

    def committed(self, group: str) -> dict[Partition, int]:
        """The group's offsets."""
        from confluent_kafka import ConsumerGroupTopicPartitions

        wanted = ConsumerGroupTopicPartitions(group)
        asked = self._ask(
            lambda: self._client.list_consumer_group_offsets([wanted], request_timeout=self._timeout)
        )
        found = self._ask(lambda: asked[group].result(self._timeout + 1)).topic_partitions
        return {(one.topic, one.partition): one.offset for one in found if one.offset >= 0}

    def _offsets(self, of: Iterable[Partition], spec: Any, *, committed_only: bool) -> dict[Partition, int]:
        from confluent_kafka import IsolationLevel, TopicPartition

        level = IsolationLevel.READ_COMMITTED if committed_only else IsolationLevel.READ_UNCOMMITTED
        wanted = {TopicPartition(*one): spec for one in of}
        if not wanted:
            return {}
        asked = self._ask(
            lambda: self._client.list_offsets(wanted, isolation_level=level, request_timeout=self._timeout)
        )
        return {
            (one.topic, one.partition): self._ask(lambda later=later: later.result(self._timeout + 1)).offset  # type: ignore[misc]
            for one, later in asked.items()
        }

    def _ask(self, call: Callable[[], Any]) -> Any:
        try:
            if not self._is_heard:
                self._hear()
            return call()
        except self._error as error:
            raise ClusterSilent(f"{self._where}: {self._why(error.args[0].str())}") from None
        except (TimeoutError, ValueError) as error:
            raise ClusterSilent(f"{self._where}: {self._why(str(error) or 'no answer in time')}") from None

    def _hear(self) -> None:
        """The brokers' first answer. Where they refuse the client, no call of it would be told before its time is over."""
        asked = self._client.describe_cluster(request_timeout=self._timeout)
        end = time.monotonic() + self._timeout + 1
        while not self._is_heard:
            try:
                asked.result(_TRY_SECONDS)
                self._is_heard, self._refused = True, None
            except TimeoutError:
                self._client.poll(0)
                if self._refused is not None or time.monotonic() >= end:
                    raise

    def _why(self, text: str) -> str:
        """Why the brokers refuse the client, where they have said so since they last answered; else the text."""
        self._client.poll(0)
        refused, self._refused = self._refused, None
        if refused is None:
            return text
        self._is_heard = False
        return refused

    def _told(self, error: Any) -> None:
        """Librdkafka's errors, which it tells beside the calls; within `poll`."""
        if error.code() in self._refusals:
            self._refused = error.str()
