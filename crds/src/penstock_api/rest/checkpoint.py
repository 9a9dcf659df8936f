"""Bodies about checkpoints: /jobs/:id/checkpoints, its details by checkpoint and vertex, its configuration.

Served by the JobManager, read by the operator and the web page. Times are milliseconds since the epoch, durations
milliseconds, sizes bytes.
"""

from pydantic import Field

from penstock_api.rest.model import Number, RestModel


class Summary(RestModel):
    """Spread of one figure over checkpoints or subtasks."""

    min: int = 0
    max: int = 0
    avg: int = 0
    p50: Number = float("nan")
    p90: Number = float("nan")
    p95: Number = float("nan")
    p99: Number = float("nan")
    p999: Number = float("nan")


class CheckpointSummary(RestModel):
    """Spread of every figure."""

    checkpointed_size: Summary = Field(default_factory=Summary)
    state_size: Summary = Field(default_factory=Summary)
    end_to_end_duration: Summary = Field(default_factory=Summary)
    alignment_buffered: Summary = Field(default_factory=Summary)
    processed_data: Summary = Field(default_factory=Summary)
    persisted_data: Summary = Field(default_factory=Summary)


class CheckpointCounts(RestModel):
    """How many there were."""

    restored: int = 0
    total: int = 0
    in_progress: int = 0
    completed: int = 0
    failed: int = 0


class TaskCheckpoint(RestModel):
    """A vertex's part of a checkpoint."""

    id: int
    status: str
    latest_ack_timestamp: int = -1
    checkpointed_size: int = 0
    state_size: int = 0
    end_to_end_duration: int = 0
    alignment_buffered: int = 0
    processed_data: int = 0
    persisted_data: int = 0
    num_subtasks: int = 0
    num_acknowledged_subtasks: int = 0


class CheckpointStatistics(RestModel):
    """One checkpoint: in progress, completed or failed, as `class_name` says.

    The body of GET /jobs/:id/checkpoints/details/:n and an element of the history.
    """

    written_as_null = frozenset({"savepointFormat"})

    class_name: str = Field(alias="className")
    id: int
    status: str
    is_savepoint: bool = False
    savepoint_format: str | None = Field(default=None, alias="savepointFormat")
    trigger_timestamp: int
    latest_ack_timestamp: int = -1
    checkpointed_size: int = 0
    state_size: int = 0
    end_to_end_duration: int = 0
    alignment_buffered: int = 0
    processed_data: int = 0
    persisted_data: int = 0
    num_subtasks: int = 0
    num_acknowledged_subtasks: int = 0
    checkpoint_type: str = "CHECKPOINT"
    tasks: dict[str, TaskCheckpoint] = Field(default_factory=dict)
    external_path: str | None = None
    """Where it is, once it is completed."""
    discarded: bool | None = None
    failure_timestamp: int | None = None
    failure_message: str | None = None


class RestoredCheckpoint(RestModel):
    """What the job was restored from."""

    id: int
    restore_timestamp: int
    is_savepoint: bool
    external_path: str | None = None


class LatestCheckpoints(RestModel):
    """The newest of each kind."""

    written_as_null = frozenset({"completed", "savepoint", "failed", "restored"})

    completed: CheckpointStatistics | None = None
    savepoint: CheckpointStatistics | None = None
    failed: CheckpointStatistics | None = None
    restored: RestoredCheckpoint | None = None


class CheckpointingStatistics(RestModel):
    """GET /jobs/:id/checkpoints; the history is newest first."""

    counts: CheckpointCounts = Field(default_factory=CheckpointCounts)
    summary: CheckpointSummary = Field(default_factory=CheckpointSummary)
    latest: LatestCheckpoints = Field(default_factory=LatestCheckpoints)
    history: list[CheckpointStatistics] = Field(default_factory=list)


class Externalization(RestModel):
    """What happens to checkpoints when the job ends."""

    enabled: bool = True
    delete_on_cancellation: bool = False


class CheckpointConfig(RestModel):
    """GET /jobs/:id/checkpoints/config."""

    mode: str = "exactly_once"
    interval: int
    timeout: int = 600_000
    min_pause: int = 0
    max_concurrent: int = 1
    externalization: Externalization = Field(default_factory=Externalization)
    state_backend: str = "HashMapStateBackend"
    checkpoint_storage: str = "FileSystemCheckpointStorage"
    unaligned_checkpoints: bool = False
    tolerable_failed_checkpoints: int = 0
    aligned_checkpoint_timeout: int = 0
    checkpoints_after_tasks_finish: bool = True
    state_changelog_enabled: bool = False
    changelog_periodic_materialization_interval: int = 600_000
    changelog_storage: str = "memory"


class SyncAndAsync(RestModel):
    """Durations of the two phases of a subtask's snapshot."""

    sync: int = 0
    asynchronous: int = Field(default=0, alias="async")


class Alignment(RestModel):
    """How barriers were aligned at a subtask."""

    buffered: int = 0
    processed: int = 0
    persisted: int = 0
    duration: int = 0


class SubtaskCheckpoint(RestModel):
    """A subtask's part of a checkpoint; one that has not answered is `pending` and has `index` and `status` alone."""

    class_name: str = Field(default="completed", alias="className")
    index: int
    ack_timestamp: int | None = None
    end_to_end_duration: int | None = None
    checkpointed_size: int | None = None
    state_size: int | None = None
    checkpoint: SyncAndAsync | None = None
    alignment: Alignment | None = None
    start_delay: int | None = None
    unaligned_checkpoint: bool | None = None
    aborted: bool | None = None
    status: str = "completed"


class SyncAndAsyncSummary(RestModel):
    """Spread of the durations of the two phases."""

    sync: Summary = Field(default_factory=Summary)
    asynchronous: Summary = Field(default_factory=Summary, alias="async")


class AlignmentSummary(RestModel):
    """Spread of the alignment's figures."""

    buffered: Summary = Field(default_factory=Summary)
    processed: Summary = Field(default_factory=Summary)
    persisted: Summary = Field(default_factory=Summary)
    duration: Summary = Field(default_factory=Summary)


class SubtaskCheckpointSummary(RestModel):
    """Spread of every figure over the subtasks."""

    checkpointed_size: Summary = Field(default_factory=Summary)
    state_size: Summary = Field(default_factory=Summary)
    end_to_end_duration: Summary = Field(default_factory=Summary)
    checkpoint_duration: SyncAndAsyncSummary = Field(default_factory=SyncAndAsyncSummary)
    alignment: AlignmentSummary = Field(default_factory=AlignmentSummary)
    start_delay: Summary = Field(default_factory=Summary)


class TaskCheckpointDetails(TaskCheckpoint):
    """GET /jobs/:id/checkpoints/details/:n/subtasks/:vertex."""

    summary: SubtaskCheckpointSummary = Field(default_factory=SubtaskCheckpointSummary)
    subtasks: list[SubtaskCheckpoint] = Field(default_factory=list)
