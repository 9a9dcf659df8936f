"""Facts: everything that one decision is made from. Built by `observe/`, read by `decide/`, never changed.

A fact is what was seen in this loop; what was remembered from earlier loops is in the resource's status. The time is a
fact too, so that decisions need no clock.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from penstock_api.reasons import Reason
from penstock_api.v1beta1.autoscaler import AutoscalerStatus
from penstock_api.v1beta1.deployment import FlinkDeployment
from penstock_api.v1beta1.status import FlinkJobState


@dataclass(frozen=True, slots=True, order=True)
class Ref:
    """Which resource: its namespace and name. On the local platform the namespace is `local`."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong, by reason and sentence; `component` is who reports it in the Event."""

    reason: Reason
    message: str
    component: str = "Operator"


@dataclass(frozen=True, slots=True)
class BesideFacts:
    """What exists of the other of two clusters of a warm upgrade: the one that the status names."""

    exists: bool = False
    """Its JobManager or its TaskManagers were deployed and are not being deleted."""
    is_whole: bool = False
    """Both were."""
    processes_left: int = 0
    """Pods of it that are alive in any phase."""
    problem: Problem | None = None
    """What keeps its pods from running."""
    rest_url: str | None = None
    """Where its JobManager's REST API answers; None while there is none."""
    is_ready: bool = False
    """Its JobManager waits for the word and has all TaskManagers."""
    failure: Problem | None = None
    """Why its program could not even be made ready."""


@dataclass(frozen=True, slots=True)
class RoomFacts:
    """Whether a second set of pods can be brought up beside the first."""

    problem: Problem | None = None
    """Why not; None where nothing speaks against it."""


@dataclass(frozen=True, slots=True)
class DeployedJob:
    """The job that what is deployed was made for, by its own word: right also where the status is lost or an old one."""

    job_id: str
    generation: int | None = None
    """The resource's generation that was deployed; None where nothing says so."""
    origin: str | None = None
    """The state that it was started from, empty where it was started without; None where nothing says so."""
    cluster: str | None = None
    """Name of its JobManager, where it is not the resource's own."""


@dataclass(frozen=True, slots=True)
class ClusterFacts:
    """What exists of the job on its platform."""

    job_manager_exists: bool = False
    """The JobManager was deployed and is not being deleted (its process or pod may still be starting)."""
    task_managers_exist: bool = False
    """The TaskManagers were deployed and are not being deleted."""
    job_manager_ready: bool = False
    """The JobManager's process is up and its REST port answers connections."""
    processes_left: int = 0
    """Processes or pods of JobManager and TaskManagers that are alive in any phase, also while they end."""
    leftovers: bool = False
    """Anything else of the job exists: its namespace or job folder, config, services."""
    task_managers: int = 0
    """TaskManagers that are ready."""
    job_id: str | None = None
    """The job id with which the JobManager was deployed."""
    fingerprint: str | None = None
    """`Launch.fingerprint` of what was deployed."""
    deployed: DeployedJob | None = None
    """Whose job it is that is deployed; None while none is."""
    stale_copies: tuple[str, ...] = ()
    """Copies of Secrets and ConfigMaps in the job's namespace that differ from their originals."""
    rest_url: str | None = None
    """Where the JobManager's REST API answers; None while there is none."""
    problem: Problem | None = None
    """What keeps the processes from running (image, Secret, quota, crash loop), if anything does."""
    session_jobs: tuple[str, ...] = ()
    """FlinkSessionJobs of a session cluster; only looked up while it is being deleted."""
    owns_task_managers: bool = True
    """Whether the TaskManagers are the job's own, and follow its parallelism; not those of a session cluster."""
    beside: BesideFacts | None = None
    """The other cluster of a warm upgrade, none of which counts above; None while the status names none."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A checkpoint or savepoint that can be restored. Ordered by checkpoint id, then by time (Decision 11)."""

    path: str
    checkpoint_id: int
    timestamp: int
    job_id: str
    is_savepoint: bool = False
    is_complete: bool = True
    """Every object that its metadata names is there and has the right size."""


@dataclass(frozen=True, slots=True)
class SavepointProgress:
    """Where a triggered savepoint is. `known` is False when the JobManager has never heard of the trigger."""

    known: bool
    done: bool = False
    location: str | None = None
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class ApplicationFacts:
    """What became of the program's main (Decision 7)."""

    status: str
    """RUNNING, FAILED or SUCCEEDED."""
    reason: Reason | None = None
    message: str = ""


@dataclass(frozen=True, slots=True)
class VertexFacts:
    """How parallel a vertex of the job may be, and is."""

    id: str
    lower: int
    upper: int
    parallelism: int
    is_own: bool | None = None
    """Whether the program itself says how parallel it is; None where the JobManager cannot tell."""
    limit: int = 32768
    """How parallel it may ever be, which its state has fixed."""


@dataclass(frozen=True, slots=True)
class Thrown:
    """A failure of the job that was overcome or not, and when it was, in milliseconds."""

    at: int
    problem: Problem


@dataclass(frozen=True, slots=True)
class JobFacts:
    """What the JobManager says of the job. `reachable` False: it did not answer, and the rest means nothing."""

    reachable: bool = False
    state: FlinkJobState | None = None
    """None when the JobManager answers and does not know the job (yet)."""
    job_id: str | None = None
    name: str | None = None
    start_time: int | None = None
    update_time: int | None = None
    last_checkpoint: Snapshot | None = None
    savepoint: SavepointProgress | None = None
    """Of the trigger that the status records as pending; None if none is."""
    checkpoint: SavepointProgress | None = None
    """Of the checkpoint that the status records as asked for; None if none is."""
    application: ApplicationFacts | None = None
    failure: Problem | None = None
    """The root cause of the newest failure."""
    version: str | None = None
    revision: str | None = None
    """Of the program that the JobManager is, as Flink tells it."""
    state_size: int | None = None
    """Bytes of the newest completed checkpoint."""
    thrown: tuple[Thrown, ...] = ()
    """Failures that the JobManager remembers, the newest first."""
    restarts: int | None = None
    """How often the job restarted in this JobManager; None where it does not say."""
    checkpoint_begun: int | None = None
    """When the checkpoint that is being taken was triggered, in milliseconds; None while none is."""
    vertices: tuple[VertexFacts, ...] = ()
    """How parallel the job is; only looked up while its parallelism matters."""
    idle_task_managers: tuple[str, ...] = ()
    """TaskManagers of whose slots none is in use; looked up with the vertices."""
    session_jobs: tuple[str, ...] = ()
    """Ids of the jobs of a session cluster that are not over."""


@dataclass(frozen=True, slots=True)
class StateFacts:
    """The state on storage that this resource may restore, newest first; only looked up when a start is due."""

    looked_up: bool = False
    snapshots: tuple[Snapshot, ...] = ()
    problem: Problem | None = None
    """Why storage could not be read, or why a state that the owner named cannot be used."""
    unrecorded: str | None = None
    """The newest state of jobs of this very resource, where its status names none of them."""

    @property
    def newest_complete(self) -> Snapshot | None:
        """What an upgrade restores."""
        return next((found for found in self.snapshots if found.is_complete), None)


@dataclass(frozen=True, slots=True)
class Facts:
    """All that `decide` knows."""

    resource: FlinkDeployment
    now: int
    """Milliseconds since the epoch."""
    cluster: ClusterFacts = field(default_factory=ClusterFacts)
    job: JobFacts = field(default_factory=JobFacts)
    state: StateFacts = field(default_factory=StateFacts)
    problems: tuple[Problem, ...] = ()
    """Why the wanted spec is refused; empty if it is valid."""
    defaults: Mapping[str, str] = field(default_factory=dict)
    """The installation's configuration for resources that do not set it."""
    upgrades_ahead: int = 0
    """Upgrades that must end before one may begin here; 0 while there is room (or no limit)."""
    autoscaler: AutoscalerStatus | None = None
    """The autoscaler's view as of now; None while it is off."""
    room: RoomFacts | None = None
    """Room for a warm upgrade; only looked at where one may begin."""
    new_id: str = ""
    """A fresh random id of 32 hex digits: the next job id, or the next trigger id."""

    @property
    def ref(self) -> Ref:
        """The resource's identity."""
        return Ref(self.resource.metadata.namespace, self.resource.metadata.name)

    @property
    def is_deleting(self) -> bool:
        """Whether the resource was asked to go away."""
        return self.resource.metadata.deletion_timestamp is not None
