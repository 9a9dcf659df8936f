"""Bodies about the cluster: /config, /overview, /jobmanager/*, /taskmanagers, logs, errors.

Served by the JobManager, read by the operator, Flink's CLI and the web page.
"""

from pydantic import Field

from penstock_api.rest.model import CamelModel, HyphenModel, RestModel

FLINK_VERSION = "2.3.0"
"""The version of Flink whose REST API this is."""


class Errors(RestModel):
    """The body of every answer of 400 and above."""

    errors: list[str]


class Features(HyphenModel):
    """What the web page offers."""

    web_submit: bool = False
    web_cancel: bool = False
    web_rescale: bool = False
    web_history: bool = False


class ClusterConfig(HyphenModel):
    """GET /config."""

    refresh_interval: int = 3000
    timezone_name: str = "Coordinated Universal Time"
    timezone_offset: int = 0
    flink_version: str = FLINK_VERSION
    flink_revision: str = ""
    penstock_version: str | None = None
    """Set by the bundled runtime alone."""
    features: Features = Field(default_factory=Features)


class ClusterOverview(HyphenModel):
    """GET /overview."""

    taskmanagers: int = 0
    slots_total: int = 0
    slots_available: int = 0
    jobs_running: int = 0
    jobs_finished: int = 0
    jobs_cancelled: int = 0
    jobs_failed: int = 0
    flink_version: str = FLINK_VERSION
    flink_commit: str = ""
    penstock_version: str | None = None


class ConfigEntry(RestModel):
    """One line of GET /jobmanager/config and /jobs/:id/jobmanager/config, which are lists of them."""

    key: str
    value: str


class ProcessEnvironment(RestModel):
    """Flink's `jvm`: what the process runs on."""

    version: str = ""
    arch: str = ""
    options: list[str] = Field(default_factory=list)


class Environment(RestModel):
    """GET /jobmanager/environment."""

    jvm: ProcessEnvironment = Field(default_factory=ProcessEnvironment)
    classpath: list[str] = Field(default_factory=list)


class LogFile(RestModel):
    """A log file; `mtime` in milliseconds since the epoch."""

    name: str
    size: int
    mtime: int


class LogList(RestModel):
    """GET /jobmanager/logs and /taskmanagers/:id/logs."""

    logs: list[LogFile] = Field(default_factory=list)


class LogUrl(RestModel):
    """GET /jobs/:id/jobmanager/log-url."""

    url: str


class ThreadInfo(CamelModel):
    """The stack of one thread."""

    thread_name: str
    stringified_thread_info: str


class ThreadDump(CamelModel):
    """GET /jobmanager/thread-dump and /taskmanagers/:id/thread-dump."""

    thread_infos: list[ThreadInfo] = Field(default_factory=list)


class ResourceProfile(CamelModel):
    """CPU in cores; memory in MiB."""

    cpu_cores: float = 0.0
    task_heap_memory: int = 0
    task_off_heap_memory: int = 0
    managed_memory: int = 0
    network_memory: int = 0
    extended_resources: dict[str, float] = Field(default_factory=dict)


class Hardware(CamelModel):
    """The machine under a TaskManager; memory in bytes."""

    cpu_cores: int = 0
    physical_memory: int = 0
    free_memory: int = 0
    managed_memory: int = 0


class MemoryConfiguration(CamelModel):
    """How a TaskManager splits its memory, in bytes."""

    framework_heap: int = 0
    task_heap: int = 0
    framework_off_heap: int = 0
    task_off_heap: int = 0
    network_memory: int = 0
    managed_memory: int = 0
    jvm_metaspace: int = 0
    jvm_overhead: int = 0
    total_flink_memory: int = 0
    total_process_memory: int = 0


class TaskManagerInfo(CamelModel):
    """An element of GET /taskmanagers; `time_since_last_heartbeat` is the time of it, in ms since the epoch."""

    id: str
    path: str = ""
    data_port: int = 0
    jmx_port: int = -1
    time_since_last_heartbeat: int = 0
    slots_number: int = 0
    free_slots: int = 0
    assigned_tasks: int = 0
    total_resource: ResourceProfile = Field(default_factory=ResourceProfile)
    free_resource: ResourceProfile = Field(default_factory=ResourceProfile)
    hardware: Hardware = Field(default_factory=Hardware)
    memory_configuration: MemoryConfiguration = Field(default_factory=MemoryConfiguration)


class TaskManagerList(RestModel):
    """GET /taskmanagers."""

    taskmanagers: list[TaskManagerInfo] = Field(default_factory=list)


class AllocatedSlot(CamelModel):
    """A slot that a job holds."""

    job_id: str
    resource: ResourceProfile = Field(default_factory=ResourceProfile)
    assigned_tasks: int = 0


class GarbageCollector(RestModel):
    """Collections and the milliseconds they took."""

    name: str
    count: int
    time: int


class TaskManagerMetrics(CamelModel):
    """Memory of a TaskManager, in bytes."""

    heap_used: int = 0
    heap_committed: int = 0
    heap_max: int = 0
    non_heap_used: int = 0
    non_heap_committed: int = 0
    non_heap_max: int = 0
    direct_count: int = 0
    direct_used: int = 0
    direct_max: int = 0
    mapped_count: int = 0
    mapped_used: int = 0
    mapped_max: int = 0
    netty_shuffle_memory_segments_available: int = 0
    netty_shuffle_memory_segments_used: int = 0
    netty_shuffle_memory_segments_total: int = 0
    netty_shuffle_memory_available: int = 0
    netty_shuffle_memory_used: int = 0
    netty_shuffle_memory_total: int = 0
    garbage_collectors: list[GarbageCollector] = Field(default_factory=list)


class TaskManagerDetails(TaskManagerInfo):
    """GET /taskmanagers/:id."""

    allocated_slots: list[AllocatedSlot] = Field(default_factory=list)
    metrics: TaskManagerMetrics = Field(default_factory=TaskManagerMetrics)
