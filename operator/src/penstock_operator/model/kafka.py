"""Where sources read in Kafka and how much waits for them: values of `observe/kafka_lag.py` and `decide/scale_to_zero.py`."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from penstock_api.rest.source import KafkaPlace

Partition = tuple[str, int]
"""Topic and number."""


@dataclass(frozen=True, slots=True)
class KafkaSource:
    """A Kafka source of a job."""

    id: str
    """Id of its vertex, which is the id of its first operator."""
    name: str
    place: KafkaPlace
    positions: Mapping[Partition, int] = field(default_factory=dict)
    """Offsets that it would read next, as a checkpoint has them; empty: the group's count."""


@dataclass(frozen=True, slots=True)
class SourceLag:
    """What waits for one source."""

    id: str
    name: str
    records: int
    partitions: int


@dataclass(frozen=True, slots=True)
class LagAnswer:
    """What waits for a job, as read from its clusters at one time; or why that could not be read."""

    at: float
    """When it was asked for, in seconds since the epoch."""
    sources: tuple[SourceLag, ...] = ()
    problem: str | None = None

    @property
    def records(self) -> int:
        """Over all sources."""
        return sum(source.records for source in self.sources)
