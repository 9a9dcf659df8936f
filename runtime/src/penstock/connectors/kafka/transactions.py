"""Pre-committed Kafka transactions: committed after a restore by whoever holds their id, or proved to be settled.

A checkpoint holds (transactional id, producer id, epoch) of each transaction that was flushed before its
barrier left. The committer ends them here, in the running job and after a restore alike; every call is
idempotent. The reasoning behind each answer is in docs/adr/0014-kafka-exactly-once.md. Never opens a
transaction.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from pydantic import BaseModel, ConfigDict

from penstock.connectors.contract import SinkContext
from penstock.connectors.kafka import protocol
from penstock.connectors.kafka.errors import TransactionLost, TransactionUnsettled
from penstock.connectors.kafka.protocol import CoordinatorClient, TransactionDescription

EXPIRED_TRANSACTIONS = "penstock.kafka.expired-transactions"
"""Configuration key: `fail` (default) or `ignore` transactions that the brokers no longer know anything of."""


class PreparedTransaction(BaseModel):
    """A flushed and still open transaction, as a checkpoint holds it. Times are milliseconds since the epoch."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    transactional_id: str
    producer_id: int
    producer_epoch: int
    prepared_at: int
    transaction_timeout_ms: int


class Outcome(Enum):
    """How a pre-committed transaction ended; the value says why we know."""

    COMMITTED = "the coordinator committed it, now or at an earlier call"
    SUPERSEDED = "its id was used again since, which happens only after its commit"
    LOST = "the broker aborted it: it stayed open longer than its timeout"
    EXPIRED = "the brokers have forgotten its id, so nothing proves that it was committed"


@dataclass(frozen=True, slots=True)
class Settled:
    """One transaction and how it ended."""

    transaction: PreparedTransaction
    outcome: Outcome


def resume_commit(client: CoordinatorClient, transaction: PreparedTransaction) -> Settled:
    """Commit what a producer, possibly of a dead process, pre-committed. Safe to repeat."""
    code = client.end(
        transaction.transactional_id, transaction.producer_id, transaction.producer_epoch, commit=True
    )
    if code == protocol.OK:
        return Settled(transaction, Outcome.COMMITTED)
    if code == protocol.INVALID_PRODUCER_ID_MAPPING:
        description = client.describe(transaction.transactional_id)
        outcome = Outcome.EXPIRED if not description.state else _by_description(transaction, description)
        return Settled(transaction, outcome)
    if code in (protocol.INVALID_PRODUCER_EPOCH, protocol.PRODUCER_FENCED, protocol.INVALID_TXN_STATE):
        return Settled(
            transaction, _by_description(transaction, client.describe(transaction.transactional_id))
        )
    raise TransactionUnsettled(
        f"committing {transaction.transactional_id!r} (producer {transaction.producer_id}, epoch "
        f"{transaction.producer_epoch}): Kafka error {code}"
    )


def _by_description(transaction: PreparedTransaction, found: TransactionDescription) -> Outcome:
    if found.producer_id != transaction.producer_id:
        return Outcome.SUPERSEDED
    # A timeout aborts with exactly the next epoch, and nobody goes on with the id before a commit succeeded. Using it
    # again begins at that epoch too, but never ends in CompleteAbort there: we abort by fencing, two epochs on.
    bumped = found.producer_epoch - transaction.producer_epoch
    if found.state in ("PrepareAbort", "CompleteAbort", "PrepareEpochFence") and bumped <= 1:
        return Outcome.LOST
    if bumped >= 1:
        return Outcome.SUPERSEDED
    return Outcome.LOST


def abort_lingering(
    client: CoordinatorClient, prefix: str, subtask: int, parallelism: int, timeout_ms: int
) -> list[str]:
    """Abort open transactions of earlier attempts that fall to this subtask, and fence their producers; the ids.

    Ids without an open transaction are fenced as well: a slot of an earlier attempt that is about to die may
    still write, and what it opened after we looked would hold readers back until its timeout. Restored
    transactions must have been committed before. Ids end in `-<subtask>-<number>`; those of old subtasks
    beyond the present parallelism fall to `old % parallelism`, as their state does.
    """
    mine = [
        found
        for found in client.list_all(f"{prefix}-")
        if (owner := owner_of(prefix, found)) is not None and owner % parallelism == subtask
    ]
    for transactional_id in mine:
        code = client.fence(transactional_id, timeout_ms)
        if code != protocol.OK:
            raise TransactionUnsettled(f"aborting the lingering {transactional_id!r}: Kafka error {code}")
    return mine


def transactional_id(prefix: str, subtask: int, number: int) -> str:
    """The id `number` of a subtask's pool."""
    return f"{prefix}-{subtask}-{number}"


def owner_of(prefix: str, found: str) -> int | None:
    """The subtask in an id of `transactional_id`; None for the id of somebody else."""
    parts = found.removeprefix(f"{prefix}-").split("-")
    if not found.startswith(f"{prefix}-") or len(parts) != 2 or not all(part.isdigit() for part in parts):
        return None
    return int(parts[0])


class TransactionCommitter:
    """Commits what writers of the exactly-once sink prepared (a `connectors.contract.Committer`)."""

    def __init__(self, properties: Mapping[str, Any], ignore_expired: bool = False) -> None:
        self._client = CoordinatorClient(properties)
        self._ignore_expired = ignore_expired

    def open(self, ctx: SinkContext) -> None:
        """Learn what the configuration says of forgotten transactions."""
        if ctx.configuration.get(EXPIRED_TRANSACTIONS) == "ignore":
            self._ignore_expired = True

    def commit(self, committables: Sequence[Mapping[str, Any]]) -> None:
        """Commit each; `TransactionLost` if one is gone, after the others are committed."""
        settled = [
            resume_commit(self._client, PreparedTransaction.model_validate(committable))
            for committable in committables
        ]
        bad = {Outcome.LOST} if self._ignore_expired else {Outcome.LOST, Outcome.EXPIRED}
        lost = [one for one in settled if one.outcome in bad]
        if lost:
            first = lost[0].transaction
            raise TransactionLost(
                f"{len(lost)} pre-committed Kafka transaction(s) cannot be committed: {first.transactional_id!r}, "
                f"prepared at {first.prepared_at} with a timeout of {first.transaction_timeout_ms} ms: "
                f"{lost[0].outcome.value}. The state is too old for exactly-once output: restore a newer snapshot, or "
                f"accept the loss by setting {EXPIRED_TRANSACTIONS}: ignore (forgotten ids only)."
            )

    def close(self) -> None:
        """Close the connections."""
        self._client.close()
