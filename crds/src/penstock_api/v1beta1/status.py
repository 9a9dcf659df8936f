"""What the operator reports of a job: its state, the state it can be restored from, what was last reconciled.

Status of FlinkDeployment and, without the cluster's part, of FlinkSessionJob. What must survive a restart of the
operator is here, written before the act that depends on it.
"""

from enum import StrEnum

from pydantic import Field

from penstock_api.v1beta1.autoscaler import AutoscalerStatus
from penstock_api.v1beta1.conditions import Condition
from penstock_api.v1beta1.model import ApiModel
from penstock_api.v1beta1.warm import WarmUpgrade


class FlinkJobState(StrEnum):
    """State of the job: Flink's own, and RECONCILING while it is unknown."""

    INITIALIZING = "INITIALIZING"
    CREATED = "CREATED"
    RUNNING = "RUNNING"
    FAILING = "FAILING"
    FAILED = "FAILED"
    CANCELLING = "CANCELLING"
    CANCELED = "CANCELED"
    FINISHED = "FINISHED"
    RESTARTING = "RESTARTING"
    SUSPENDED = "SUSPENDED"
    RECONCILING = "RECONCILING"

    @property
    def is_terminal(self) -> bool:
        """Whether the job will never run again by itself."""
        return self in (FlinkJobState.FAILED, FlinkJobState.CANCELED, FlinkJobState.FINISHED)


class LifecycleState(StrEnum):
    """Where the resource is in its life."""

    CREATED = "CREATED"
    SUSPENDED = "SUSPENDED"
    UPGRADING = "UPGRADING"
    DEPLOYED = "DEPLOYED"
    STABLE = "STABLE"
    ROLLING_BACK = "ROLLING_BACK"
    ROLLED_BACK = "ROLLED_BACK"
    FAILED = "FAILED"
    DELETING = "DELETING"
    DELETED = "DELETED"


class ReconciliationState(StrEnum):
    """Where the last spec change is."""

    DEPLOYED = "DEPLOYED"
    UPGRADING = "UPGRADING"
    ROLLING_BACK = "ROLLING_BACK"
    ROLLED_BACK = "ROLLED_BACK"


class JobManagerDeploymentStatus(StrEnum):
    """Where the JobManager is."""

    READY = "READY"
    DEPLOYED_NOT_READY = "DEPLOYED_NOT_READY"
    DEPLOYING = "DEPLOYING"
    MISSING = "MISSING"
    ERROR = "ERROR"


class SnapshotTriggerType(StrEnum):
    """Who asked for a snapshot."""

    MANUAL = "MANUAL"
    PERIODIC = "PERIODIC"
    UPGRADE = "UPGRADE"
    UNKNOWN = "UNKNOWN"


class SavepointFormatType(StrEnum):
    """Format of a savepoint."""

    CANONICAL = "CANONICAL"
    NATIVE = "NATIVE"
    UNKNOWN = "UNKNOWN"


class CheckpointType(StrEnum):
    """Format of a checkpoint."""

    FULL = "FULL"
    INCREMENTAL = "INCREMENTAL"
    UNKNOWN = "UNKNOWN"


class SavepointPurpose(StrEnum):
    """Why a savepoint was asked for, so that an operator that restarts knows what to do when it is there."""

    UPGRADE = "UPGRADE"
    SUSPEND = "SUSPEND"
    MANUAL = "MANUAL"
    PERIODIC = "PERIODIC"
    DELETION = "DELETION"


class Savepoint(ApiModel):
    """A savepoint that was taken."""

    time_stamp: int | None = None
    """When it was triggered, in milliseconds since the epoch."""
    location: str | None = None
    """Its path."""
    trigger_type: SnapshotTriggerType | None = None
    """Who asked for it."""
    format_type: SavepointFormatType | None = None
    """Its format."""
    trigger_nonce: int | None = None
    """The nonce that asked for it."""


class SavepointInfo(ApiModel):
    """Savepoints of the job; deprecated upstream in favour of FlinkStateSnapshot, and still kept."""

    last_savepoint: Savepoint | None = None
    """The newest savepoint."""
    trigger_id: str | None = None
    """The savepoint that is being taken."""
    trigger_timestamp: int | None = None
    """When it was asked for, in milliseconds since the epoch."""
    trigger_type: SnapshotTriggerType | None = None
    """Who asked for it."""
    format_type: SavepointFormatType | None = None
    """Its format."""
    savepoint_history: list[Savepoint] = Field(default_factory=list)
    """Savepoints that were taken, oldest first."""
    last_periodic_savepoint_timestamp: int = 0
    """When the newest periodic savepoint was taken."""


class Checkpoint(ApiModel):
    """A checkpoint that the operator asked for."""

    time_stamp: int | None = None
    """When it was triggered, in milliseconds since the epoch."""
    trigger_type: SnapshotTriggerType | None = None
    """Who asked for it."""
    format_type: CheckpointType | None = None
    """Its format."""
    trigger_nonce: int | None = None
    """The nonce that asked for it."""


class CheckpointInfo(ApiModel):
    """Checkpoints that the operator asked for; deprecated upstream."""

    last_checkpoint: Checkpoint | None = None
    """The newest of them."""
    trigger_id: str | None = None
    """The checkpoint that is being taken."""
    trigger_timestamp: int | None = None
    """When it was asked for, in milliseconds since the epoch."""
    trigger_type: SnapshotTriggerType | None = None
    """Who asked for it."""
    format_type: CheckpointType | None = None
    """Its format."""
    last_periodic_checkpoint_timestamp: int = 0
    """When the newest periodic checkpoint was taken."""


class LastCheckpoint(ApiModel):
    """The newest completed checkpoint that the operator has seen, recorded while the job runs."""

    path: str | None = None
    """Its folder."""
    id: int | None = None
    """Its number."""
    timestamp: int | None = None
    """When it was triggered, in milliseconds since the epoch."""


class JobStatus(ApiModel):
    """The job."""

    job_name: str | None = None
    """Its name."""
    job_id: str | None = None
    """Its id, 32 hex digits."""
    job_ids: list[str] = Field(default_factory=list)
    """Every job id that this resource ran, oldest first: only their state is ever restored."""
    state: FlinkJobState | None = None
    """Its state."""
    start_time: str | None = None
    """When it started, in milliseconds since the epoch."""
    update_time: str | None = None
    """When its state was last seen to change, in milliseconds since the epoch."""
    upgrade_savepoint_path: str | None = None
    """The state that the next start restores."""
    last_checkpoint: LastCheckpoint | None = None
    """The newest completed checkpoint seen."""
    savepoint_info: SavepointInfo | None = None
    """Savepoints of the job."""
    checkpoint_info: CheckpointInfo | None = None
    """Checkpoints that the operator asked for."""


class JobHealth(ApiModel):
    """How the job has run since it was started or last restarted: what `STABLE` and unhealthy are judged by."""

    running_since: int | None = None
    """Since when it runs without a restart, in milliseconds since the epoch; unset while it does not."""
    checkpoint_id: int = 0
    """The newest completed checkpoint at that time: later ones count for `STABLE`."""
    restarts: int | None = None
    """The job's own count of its restarts, as last seen."""
    window_began: int | None = None
    """Since when restarts are counted against the threshold, in milliseconds since the epoch."""
    window_restarts: int = 0
    """The count of restarts when that window began."""


class PendingSavepoint(ApiModel):
    """A savepoint that was asked for and is not there yet; written before the request is sent."""

    trigger_id: str | None = None
    """The request's id; unset while it is not known whether the request arrived."""
    requested_at: int | None = None
    """When it was asked for, in milliseconds since the epoch."""
    purpose: SavepointPurpose | None = None
    """What it is for."""


class RestorePoint(ApiModel):
    """The state that was taken before an upgrade: what a rollback starts from, whatever the new version wrote since."""

    path: str | None = None
    """The savepoint or checkpoint; unset, the last stable spec ran without state."""
    job_id: str | None = None
    """The job that wrote it."""
    recorded_at: int | None = None
    """When the upgrade began, in milliseconds since the epoch."""


class RollbackStatus(ApiModel):
    """A rollback under way or done; gone once the owner changes the spec."""

    rejected_spec: str
    """JSON of the spec that did not work: while the owner's is this one, the last stable one runs."""
    reason: str = ""
    """Why it was given up, one word."""
    message: str = ""
    """Why it was given up, in a sentence."""
    began: int | None = None
    """When, in milliseconds since the epoch."""


class InPlaceScaling(ApiModel):
    """A change of parallelism without a restart: written before it is asked for, kept while it is what makes the job so wide."""

    parallelism: int | None = None
    """The parallelism that was asked for."""
    task_managers: int | None = None
    """The TaskManagers that belong to it."""
    requested_at: int | None = None
    """When it was asked for, in milliseconds since the epoch."""
    done: bool | None = None
    """Whether the job was seen to have it."""


class FailedRestarts(ApiModel):
    """Starts of a job that had failed for good (`job.restart.failed`): each waits longer than the one before."""

    count: int = 0
    """How many in a row; the row ends with a spec that changed, and with a job that ran for longer than the longest wait."""
    last: int | None = None
    """When the last one began, in milliseconds since the epoch."""
    generation: int | None = None
    """The resource's generation that they are of."""


class ReconciliationStatus(ApiModel):
    """What was deployed last, and what was last known to work."""

    reconciliation_timestamp: int | None = None
    """The last attempt to deploy, in milliseconds since the epoch."""
    last_reconciled_spec: str | None = None
    """JSON of the spec that was deployed last."""
    last_stable_spec: str | None = None
    """JSON of the spec that was last seen to run."""
    state: ReconciliationState = ReconciliationState.UPGRADING
    """Where the change is."""
    upgrade_generation: int | None = None
    """The generation that the job is being stopped for; unset while it is not stopped for a change."""
    restore_point: RestorePoint | None = None
    """The state from before the upgrade to a spec that is not stable yet."""
    rollback: RollbackStatus | None = None
    """The rollback that is under way or done."""


class RevisionOutcome(StrEnum):
    """What became of a revision."""

    PENDING = "Pending"
    """It was started and is not stable yet."""
    STABLE = "Stable"
    """It was stable."""
    FINISHED = "Finished"
    """Its job came to its end."""
    FAILED = "Failed"
    """Its job failed for good."""
    ROLLED_BACK = "RolledBack"
    """It did not work and was given up for the last stable one."""


class Revision(ApiModel):
    """One spec that ran: who wanted it, from which state it started, for how long, and what became of it."""

    number: int
    """Its number; the spec is in the ControllerRevision `<name>-<number>`."""
    spec_hash: str = ""
    """The same for two revisions of one spec."""
    changed: list[str] = Field(default_factory=list)
    """Paths of the fields that differ from the revision before."""
    image: str | None = None
    """Image that it ran."""
    by: str | None = None
    """Field manager of the last change of the spec, as the API server recorded it."""
    from_state: str | None = None
    """Savepoint or checkpoint that it started from; unset, without state."""
    job_id: str | None = None
    """Its first job id."""
    started: str | None = None
    """When it was first deployed, RFC 3339."""
    ended: str | None = None
    """When it was stopped for another one or for good, RFC 3339."""
    outcome: RevisionOutcome = RevisionOutcome.PENDING
    """What became of it."""


class TaskManagerInfo(ApiModel):
    """The TaskManagers, for the scale subresource."""

    label_selector: str | None = None
    """Selects their pods."""
    replicas: int | None = None
    """How many there are."""


class CommonStatus(ApiModel):
    """What FlinkDeployment and FlinkSessionJob both report."""

    job_status: JobStatus = Field(default_factory=JobStatus)
    """The job."""
    error: str | None = None
    """What is wrong, as JSON."""
    observed_generation: int | None = None
    """The generation that was last reconciled."""
    lifecycle_state: LifecycleState | None = None
    """Where the resource is in its life."""
    pending_savepoint: PendingSavepoint | None = None
    """A savepoint that was asked for and is not there yet."""
    conditions: list[Condition] = Field(default_factory=list)
    """Running, Ready, Progressing, Degraded and Stalled."""
    health: JobHealth | None = None
    """How the job has run since it was started or last restarted."""
    failed_restarts: FailedRestarts | None = None
    """How often the job was started again after it had failed for good."""


class FlinkDeploymentStatus(CommonStatus):
    """What the operator reports of a FlinkDeployment."""

    cluster_info: dict[str, str] = Field(default_factory=dict)
    """Version, CPU, memory and state size of the cluster."""
    job_manager_deployment_status: JobManagerDeploymentStatus = JobManagerDeploymentStatus.MISSING
    """Where the JobManager is."""
    reconciliation_status: ReconciliationStatus = Field(default_factory=ReconciliationStatus)
    """What was deployed last."""
    task_manager: TaskManagerInfo | None = None
    """The TaskManagers."""
    job_namespace: str | None = None
    """The namespace that the job runs in."""
    history: list[Revision] = Field(default_factory=list)
    """What ran, oldest first; as many as `kubernetes.operator.revision.history.limit` says."""
    scaling: InPlaceScaling | None = None
    """The last change of parallelism in place, since the job was last started."""
    autoscaler: AutoscalerStatus | None = None
    """The autoscaler's view of the job; unset while it is off."""
    cluster_name: str | None = None
    """Name of the JobManager's and TaskManagers' Deployments after a warm upgrade; unset, the resource's own."""
    warm: WarmUpgrade | None = None
    """The warm upgrade under way, or why there is none."""
