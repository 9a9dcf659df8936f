"""Where a job's sources read: GET /penstock/jobs/:job/sources, and the same description in a checkpoint's metadata.

Served by the bundled JobManager and written by its enumerators; read by the operator, which measures the lag of a job
that is down. It names Secrets and never holds what is in them.
"""

from typing import Any

from pydantic import Field

from penstock_api.rest.model import RestModel

KAFKA = "kafka"


class KafkaPlace(RestModel):
    """Where a Kafka source reads, and how its clients reach the brokers."""

    bootstrap_servers: str
    topics: list[str] = Field(default_factory=list)
    topic_pattern: str | None = None
    """A regular expression over whole names, where no topics are named."""
    partitions: list[tuple[str, int]] = Field(default_factory=list)
    """Only these, if any are named."""
    group_id: str | None = None
    """The group whose offsets follow the checkpoints; None if none does."""
    isolation_level: str = "read_committed"
    security_protocol: str | None = None
    sasl_mechanism: str | None = None
    secrets: list[str] = Field(default_factory=list)
    """Names of Secrets beside the resource that hold the client's login (property `penstock.secrets`)."""


class SourceDescription(RestModel):
    """One source of a job. `place` is of the connector; empty where the connector tells nothing."""

    vertex_id: str
    operator_id: str
    uid: str
    name: str
    connector: str
    place: dict[str, Any] = Field(default_factory=dict)


class JobSources(RestModel):
    """GET /penstock/jobs/:job/sources."""

    sources: list[SourceDescription] = Field(default_factory=list)
