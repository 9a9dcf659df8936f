"""FlinkStateSnapshot: a savepoint or checkpoint of a job, as an object of its own.

Fields are upstream's. Read by the operator and by the CRD generator.
"""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from penstock_api.v1beta1 import rule
from penstock_api.v1beta1.model import API_VERSION, ApiModel, ApiVersion, ObjectMeta
from penstock_api.v1beta1.status import SavepointFormatType


class SnapshotState(StrEnum):
    """Where the snapshot is."""

    TRIGGER_PENDING = "TRIGGER_PENDING"
    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    ABANDONED = "ABANDONED"


class JobReferenceKind(StrEnum):
    """What runs the job."""

    FLINK_DEPLOYMENT = "FlinkDeployment"
    FLINK_SESSION_JOB = "FlinkSessionJob"


class JobReference(ApiModel):
    """The job, in the snapshot's own namespace."""

    kind: JobReferenceKind | None = None
    """Kind of the resource."""
    name: str | None = None
    """Name of the resource."""


class SavepointSpec(ApiModel):
    """A savepoint."""

    path: str | None = None
    """Folder to write it to, or its path if it exists already."""
    format_type: SavepointFormatType = SavepointFormatType.CANONICAL
    """Its format."""
    dispose_on_delete: bool = True
    """Whether its data goes with this resource."""
    already_exists: bool = False
    """Whether it was taken already, so that nothing is triggered."""


class CheckpointSpec(ApiModel):
    """A checkpoint; it has no settings."""


class FlinkStateSnapshotSpec(ApiModel):
    """What the owner wants: exactly one of savepoint and checkpoint."""

    backoff_limit: int = -1
    """How often a failed snapshot is tried again; -1 for ever."""
    job_reference: JobReference | None = None
    """The job."""
    savepoint: SavepointSpec | None = None
    """Take a savepoint."""
    checkpoint: CheckpointSpec | None = None
    """Take a checkpoint."""


class FlinkStateSnapshotStatus(ApiModel):
    """What the operator reports of a FlinkStateSnapshot."""

    state: SnapshotState = SnapshotState.TRIGGER_PENDING
    """Where the snapshot is."""
    trigger_id: str | None = None
    """The request's id."""
    trigger_timestamp: str | None = None
    """When it was asked for, RFC 3339."""
    result_timestamp: str | None = None
    """When it was there, RFC 3339."""
    path: str | None = None
    """Where it is."""
    error: str | None = None
    """What is wrong."""
    failures: int = 0
    """How often it failed."""


class FlinkStateSnapshot(ApiModel):
    """A savepoint or checkpoint of a job."""

    api_version: ApiVersion = API_VERSION
    kind: Literal["FlinkStateSnapshot"] = "FlinkStateSnapshot"
    metadata: ObjectMeta = Field(default_factory=ObjectMeta)
    spec: Annotated[FlinkStateSnapshotSpec, rule.ONE_KIND_OF_SNAPSHOT, rule.SNAPSHOT_OF_A_JOB] = Field(
        default_factory=FlinkStateSnapshotSpec
    )
    status: FlinkStateSnapshotStatus = Field(default_factory=FlinkStateSnapshotStatus)
