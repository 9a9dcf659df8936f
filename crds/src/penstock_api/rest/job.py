"""Bodies about jobs: /jobs, /jobs/overview, /jobs/:id with its plan, config, exceptions, result and requirements.

Served by the JobManager, read by the operator, Flink's CLI and the web page. Times are milliseconds since the epoch,
durations milliseconds; an end that has not come is -1.
"""

from typing import Any

from pydantic import Field, TypeAdapter

from penstock_api.rest.model import CamelModel, HyphenModel, Number, RestModel

NOT_ENDED = -1


class JobIdWithStatus(RestModel):
    """An element of GET /jobs."""

    id: str
    status: str


class JobIds(RestModel):
    """GET /jobs."""

    jobs: list[JobIdWithStatus] = Field(default_factory=list)


class JobState(RestModel):
    """GET /jobs/:id/status."""

    status: str


class JobOverview(HyphenModel):
    """An element of GET /jobs/overview; `tasks` counts tasks by lower-case state, and their `total`."""

    jid: str
    name: str
    job_type: str = Field(default="STREAMING", alias="jobType")
    scheduler_type: str = Field(default="Default", alias="schedulerType")
    start_time: int
    end_time: int = NOT_ENDED
    duration: int = 0
    state: str
    last_modification: int = 0
    tasks: dict[str, int] = Field(default_factory=dict)
    pending_operators: int = 0


class JobsOverview(RestModel):
    """GET /jobs/overview."""

    jobs: list[JobOverview] = Field(default_factory=list)


class IoMetrics(HyphenModel):
    """What went in and out, and how the time was spent."""

    read_bytes: int = 0
    read_bytes_complete: bool = False
    write_bytes: int = 0
    write_bytes_complete: bool = False
    read_records: int = 0
    read_records_complete: bool = False
    write_records: int = 0
    write_records_complete: bool = False
    accumulated_backpressured_time: int = 0
    accumulated_idle_time: int = 0
    accumulated_busy_time: Number = 0.0


class JobVertex(HyphenModel):
    """A vertex in GET /jobs/:id; `tasks` counts subtasks by state."""

    id: str
    slot_sharing_group_id: str = Field(default="", alias="slotSharingGroupId")
    name: str
    max_parallelism: int = Field(alias="maxParallelism")
    parallelism: int
    status: str
    start_time: int = NOT_ENDED
    end_time: int = NOT_ENDED
    duration: int = 0
    tasks: dict[str, int] = Field(default_factory=dict)
    metrics: IoMetrics = Field(default_factory=IoMetrics)


class PlanInput(RestModel):
    """An edge into a node of the plan."""

    id: str
    num: int = 0
    ship_strategy: str
    local_strategy: str | None = None
    caching: str | None = None
    exchange: str = "pipelined_bounded"


class PlanNode(RestModel):
    """A vertex in the plan; a source has no inputs."""

    id: str
    operator: str = ""
    parallelism: int
    operator_strategy: str = ""
    description: str = ""
    optimizer_properties: dict[str, Any] = Field(default_factory=dict)
    inputs: list[PlanInput] | None = None


class Plan(RestModel):
    """The graph of a job."""

    jid: str
    name: str
    type: str = "STREAMING"
    nodes: list[PlanNode] = Field(default_factory=list)


class JobPlan(RestModel):
    """GET /jobs/:id/plan."""

    plan: Plan


class JobDetails(HyphenModel):
    """GET /jobs/:id; `timestamps` holds when each state was last entered, 0 for never."""

    jid: str
    application_id: str | None = None
    name: str
    is_stoppable: bool = Field(default=False, alias="isStoppable")
    state: str
    job_type: str = "STREAMING"
    scheduler_type: str = Field(default="Default", alias="schedulerType")
    start_time: int
    end_time: int = NOT_ENDED
    duration: int = 0
    max_parallelism: int = Field(default=-1, alias="maxParallelism")
    now: int = 0
    timestamps: dict[str, int] = Field(default_factory=dict)
    vertices: list[JobVertex] = Field(default_factory=list)
    status_counts: dict[str, int] = Field(default_factory=dict)
    plan: Plan | None = None
    pending_operators: int = 0


class ExecutionConfig(HyphenModel):
    """What a job was submitted with."""

    restart_strategy: str = ""
    job_parallelism: int = 1
    object_reuse_mode: bool = False
    user_config: dict[str, str] = Field(default_factory=dict)


class JobConfig(HyphenModel):
    """GET /jobs/:id/config."""

    jid: str
    name: str
    execution_config: ExecutionConfig = Field(default_factory=ExecutionConfig)


class ExceptionInfo(CamelModel):
    """One failure: of a task, or of the whole job where `task_name` is unset."""

    exception_name: str
    stacktrace: str
    timestamp: int
    failure_labels: dict[str, str] = Field(default_factory=dict)
    task_name: str | None = None
    endpoint: str | None = None
    task_manager_id: str | None = None


class RootException(ExceptionInfo):
    """The failure that began it, with those that came with it."""

    concurrent_exceptions: list[ExceptionInfo] = Field(default_factory=list)


class ExceptionHistory(RestModel):
    """Failures, newest first."""

    entries: list[RootException] = Field(default_factory=list)
    truncated: bool = False


class JobExceptions(CamelModel):
    """GET /jobs/:id/exceptions."""

    exception_history: ExceptionHistory = Field(default_factory=ExceptionHistory)


class Accumulators(HyphenModel):
    """GET /jobs/:id/accumulators."""

    job_accumulators: list[Any] = Field(default_factory=list)
    user_task_accumulators: list[Any] = Field(default_factory=list)
    serialized_user_task_accumulators: dict[str, Any] = Field(default_factory=dict)


class ParallelismBounds(CamelModel):
    """What a vertex may be scaled to."""

    lower_bound: int
    upper_bound: int


class VertexRequirements(RestModel):
    """A value of GET and PUT /jobs/:id/resource-requirements, whose keys are vertex ids."""

    parallelism: ParallelismBounds
    is_own: bool | None = Field(default=None, alias="isOwn")
    """Whether the program itself says how parallel the vertex is; the bundled runtime's alone."""


JobResourceRequirements = TypeAdapter(dict[str, VertexRequirements])
"""GET and PUT /jobs/:id/resource-requirements."""
