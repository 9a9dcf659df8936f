"""The Kafka sink: exactly once by transactions that checkpoints carry, at least once by flushing before the barrier.

Built by the DataStream API; driven by the sink operator through `connectors.contract`. Which guarantee holds
is said by `DeliveryGuarantee`. The writer never commits: `transactions.TransactionCommitter` does, once the
checkpoint is complete.
"""

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeVar

from penstock.connectors.contract import SinkContext
from penstock.connectors.kafka.errors import DeliveryFailed, KafkaConnectorError, UnusableProperties
from penstock.connectors.kafka.producers import (
    OpenProducer,
    TransactionalPool,
    largest_timeout_ms,
    open_producer,
)
from penstock.connectors.kafka.producing import RecordSerializer, flush, produce
from penstock.connectors.kafka.properties import bootstrap_servers
from penstock.connectors.kafka.protocol import CoordinatorClient
from penstock.connectors.kafka.transactions import (
    PreparedTransaction,
    TransactionCommitter,
    abort_lingering,
)
from penstock.operators.contract import Batch

log = logging.getLogger(__name__)


class DeliveryGuarantee(Enum):
    """What a sink promises, in PyFlink's words."""

    NONE = "none"
    AT_LEAST_ONCE = "at-least-once"
    EXACTLY_ONCE = "exactly-once"


@dataclass(frozen=True, slots=True)
class KafkaSink:
    """A Kafka sink (a `connectors.contract.Sink`). Travels by cloudpickle: holds settings only."""

    properties: Mapping[str, Any]
    serializer: RecordSerializer
    guarantee: DeliveryGuarantee = DeliveryGuarantee.AT_LEAST_ONCE
    transactional_id_prefix: str | None = None
    ignore_expired_transactions: bool = False
    is_prefix_from_job: bool = False
    """Make a prefix of the operator's and the job's id where none is given (the old FlinkKafkaProducer)."""

    def __post_init__(self) -> None:
        bootstrap_servers(self.properties)
        is_named = self.transactional_id_prefix or self.is_prefix_from_job
        if self.guarantee is DeliveryGuarantee.EXACTLY_ONCE and not is_named:
            raise UnusableProperties(
                "an exactly-once Kafka sink needs a transactional id prefix that no other sink of this Kafka cluster "
                "has: call set_transactional_id_prefix()"
            )

    def create_writer(self) -> "AtLeastOnceWriter | ExactlyOnceWriter":
        """A writer for one subtask."""
        if self.guarantee is DeliveryGuarantee.EXACTLY_ONCE:
            return ExactlyOnceWriter(self.properties, self.serializer, self.transactional_id_prefix or "")
        return AtLeastOnceWriter(self.properties, self.serializer)

    def create_committer(self) -> TransactionCommitter | None:
        """A committer of transactions; None when records are visible at once."""
        if self.guarantee is DeliveryGuarantee.EXACTLY_ONCE:
            return TransactionCommitter(self.properties, self.ignore_expired_transactions)
        return None


class AtLeastOnceWriter:
    """Writes at once and waits for every acknowledgement before the barrier goes on."""

    def __init__(self, properties: Mapping[str, Any], serializer: RecordSerializer) -> None:
        self._properties = properties
        self._serializer = serializer
        self._opened: OpenProducer | None = None

    def open(self, ctx: SinkContext, states: Sequence[Mapping[str, Any]], checkpoint_id: int | None) -> None:
        """Open the producer; there is no state."""
        self._opened = open_producer(self._properties)

    def write(self, batch: Batch) -> None:
        """Queue the records; blocks while librdkafka's queue is full."""
        produce(_required(self._opened), self._serializer, batch)

    def flush(self) -> None:
        """Every record so far is acknowledged when this returns."""
        flush(_required(self._opened))

    def prepare_commit(self, checkpoint_id: int) -> list[dict[str, Any]]:
        """Flush; nothing is left to commit."""
        self.flush()
        return []

    def snapshot(self) -> list[dict[str, Any]]:
        """No state."""
        return []

    def close(self) -> None:
        """Drop the producer."""
        self._opened = None


class ExactlyOnceWriter:
    """Writes into an open transaction; at the barrier it is flushed and handed over, and the next one begins."""

    def __init__(self, properties: Mapping[str, Any], serializer: RecordSerializer, prefix: str) -> None:
        self._properties = properties
        self._serializer = serializer
        self._prefix = prefix
        self._coordinator = CoordinatorClient(properties)
        self._pool: TransactionalPool | None = None
        self._current: OpenProducer | None = None
        self._is_written = False
        self._subtask = 0
        self._timeout_ms = 0
        self._known_ids: set[str] = set()

    def open(self, ctx: SinkContext, states: Sequence[Mapping[str, Any]], checkpoint_id: int | None) -> None:
        """Abort what earlier attempts left open, under this prefix and every prefix of the restored state."""
        self._subtask = ctx.subtask_index
        self._prefix = self._prefix or f"{ctx.operator_id[:8]}-{ctx.job_id[:12]}"
        self._timeout_ms = largest_timeout_ms(self._properties)
        for prefix in sorted(
            {self._prefix, *(str(state["prefix"]) for state in states if "prefix" in state)}
        ):
            abort_lingering(self._coordinator, prefix, ctx.subtask_index, ctx.parallelism, self._timeout_ms)
        properties = {k: v for k, v in self._properties.items() if k != "transaction.timeout.ms"}
        self._pool = TransactionalPool(properties, self._prefix, ctx.subtask_index, self._timeout_ms)
        self._current = self._take()

    def write(self, batch: Batch) -> None:
        """Queue the records in the open transaction; blocks while librdkafka's queue is full."""
        self._is_written = self._is_written or len(batch) > 0
        produce(_required(self._current), self._serializer, batch)

    def flush(self) -> None:
        """Every record so far is acknowledged, though invisible to read_committed."""
        flush(_required(self._current))

    def prepare_commit(self, checkpoint_id: int) -> list[dict[str, Any]]:
        """Flush the transaction, hand it over, begin the next; nothing if nothing was written."""
        if not self._is_written:
            return []
        self.flush()
        finished = _required(self._current)
        name = finished.transactional_id or ""
        found = self._coordinator.describe(name)
        if found.state != "Ongoing":
            raise DeliveryFailed(
                f"Kafka sink: the transaction under {name!r} is {found.state or 'unknown'}, not open: it was "
                f"aborted after its timeout of {self._timeout_ms} ms, or another job uses the prefix "
                f"{self._prefix!r}"
            )
        prepared = PreparedTransaction(
            transactional_id=name,
            producer_id=found.producer_id,
            producer_epoch=found.producer_epoch,
            prepared_at=int(time.time() * 1000),
            transaction_timeout_ms=found.timeout_ms,
        )
        self._is_written = False
        if self._pool is not None:
            # Dropped, never closed: librdkafka's close() would abort what the committer is to commit.
            self._pool.release(finished)
        self._current = self._take()
        return [prepared.model_dump()]

    def snapshot(self) -> list[dict[str, Any]]:
        """The prefix and the ids used, so that a changed prefix still finds what it left."""
        return [
            {"prefix": self._prefix, "subtask": self._subtask, "transactional_ids": sorted(self._known_ids)}
        ]

    def close(self) -> None:
        """Abort the open transaction, so that it holds no reader back, and drop everything."""
        if self._pool is not None:
            self._pool.close()
        if self._current is not None and self._is_written:
            try:
                # By fencing, not by EndTxn: its epoch tells the transactions module apart from a timeout.
                self._coordinator.fence(self._current.transactional_id or "", self._timeout_ms)
            except KafkaConnectorError:
                log.warning("an open transaction is left to its timeout", exc_info=True)
        self._coordinator.close()
        self._current = self._pool = None

    def _take(self) -> OpenProducer:
        taken = _required(self._pool).take()
        self._known_ids.add(taken.transactional_id or "")
        return taken


T = TypeVar("T")


def _required(value: T | None) -> T:
    if value is None:
        raise RuntimeError("the Kafka sink's writer is used before open() or after close()")
    return value
