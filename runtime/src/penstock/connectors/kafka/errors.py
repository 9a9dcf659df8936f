"""What the Kafka connector raises. Caught by the task, which fails the job with the message and the reason.

KafkaConnectorError
├── TransactionLost       what a checkpoint pre-committed is gone: reason CheckpointTooOld
├── TransactionUnsettled  the coordinator gave no final answer in time
├── DeliveryFailed        a record could not be written
├── TopicMissing          a topic that was named does not exist
├── OffsetOutOfRange      the position to read on from is not in the partition any more (or not yet)
├── RecordUnreadable      a record does not fit the program's deserializer
└── UnusableProperties    the given client properties contradict what the connector promises
"""

from typing import ClassVar


class KafkaConnectorError(RuntimeError):
    """Something between the job and Kafka failed. `reason` is one of the contract's reasons, or None."""

    reason: ClassVar[str | None] = None


class TransactionLost(KafkaConnectorError):
    """A pre-committed transaction was aborted by the broker, so its records are gone."""

    reason = "CheckpointTooOld"


class TransactionUnsettled(KafkaConnectorError):
    """The transaction coordinator gave no final answer within the deadline."""


class DeliveryFailed(KafkaConnectorError):
    """A record could not be written."""


class TopicMissing(KafkaConnectorError):
    """A topic that the job names does not exist."""


class OffsetOutOfRange(KafkaConnectorError):
    """The position to read on from is not in the partition."""


class RecordUnreadable(KafkaConnectorError):
    """A record does not fit the program's deserializer."""


class UnusableProperties(KafkaConnectorError):
    """Client properties that contradict what the connector promises."""
