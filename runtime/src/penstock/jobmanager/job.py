"""A job as its machine holds it: the graph, where every task is, what failed. Mutable, owned by `jobmanager.machine`.

The states of `jobmanager.states` change it through `move` and `emit`; REST only reads it.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from penstock.checkpoint.coordinator import Coordinator
from penstock.checkpoint.records import TaskKey
from penstock.checkpoint.restore import RestorePlan
from penstock.checkpoint.store import Snapshot
from penstock.control.messages import Failure, SlotAddress, SubtaskId, TaskState
from penstock.graph.jobgraph import JobGraph
from penstock.jobmanager.adaptive import AdaptiveSettings
from penstock.jobmanager.effects import Effect
from penstock.jobmanager.failover import RestartStrategy
from penstock.jobmanager.handed_out import HandedOut
from penstock.jobmanager.requirements import Parallelism, Requirements
from penstock.jobmanager.status import LEGAL_MOVES, IllegalMove, JobStatus

KEPT_FAILURES = 20
KEPT_ATTEMPTS = 16
"""Flink's default of `jobmanager.execution.attempts-history-size`."""
ENDED = frozenset({TaskState.FINISHED, TaskState.CANCELED, TaskState.FAILED})


@dataclass(slots=True)
class Execution:
    """One subtask in the present attempt."""

    vertex_id: str
    index: int
    slot_id: str
    state: TaskState
    timestamps: dict[TaskState, int] = field(default_factory=dict)
    attempt: int = 0
    """The attempt that deployed it: a region that started again alone is of a newer one."""
    metrics: dict[str, float] = field(default_factory=dict)
    has_end_of_data: bool = False

    def move(self, state: TaskState, now: int) -> None:
        """Enter a state."""
        self.state = state
        self.timestamps[state] = now

    @property
    def start(self) -> int:
        """When it was deployed, -1 before."""
        return self.timestamps.get(TaskState.DEPLOYING, -1)

    @property
    def end(self) -> int:
        """When it ended, -1 before."""
        return self.timestamps[self.state] if self.state in ENDED else -1


@dataclass(slots=True, frozen=True)
class FailureRecord:
    """A failure for the exceptions page: what, when, and which task."""

    failure: Failure
    timestamp: int
    task_name: str | None = None
    slot_id: str | None = None
    concurrent: list["FailureRecord"] = field(default_factory=list)
    """What failed while the job was already failing because of this."""

    @property
    def taskmanager_id(self) -> str | None:
        """The TaskManager of the slot."""
        return self.slot_id.rsplit("-", 1)[0] if self.slot_id else None

    @property
    def labels(self) -> dict[str, str]:
        """Flink's failure labels: our reason, if there is one."""
        return {"reason": self.failure.reason} if self.failure.reason else {}


class RescaleCause(StrEnum):
    """Why the parallelism was to change, in Flink's words."""

    UPDATE_REQUIREMENT = "UPDATE_REQUIREMENT"
    NEW_RESOURCE_AVAILABLE = "NEW_RESOURCE_AVAILABLE"


class RescaleEnd(StrEnum):
    """How a change of parallelism ended, in Flink's words. All but the first two are an end by something else."""

    SUCCEEDED = "SUCCEEDED"
    EXCEPTION_OCCURRED = "EXCEPTION_OCCURRED"
    NO_CHANGE = "NO_RESOURCES_OR_PARALLELISMS_CHANGE"
    RESTARTING = "JOB_FAILOVER_RESTARTING"
    JOB_CANCELED = "JOB_CANCELED"
    JOB_FAILED = "JOB_FAILED"
    JOB_FINISHED = "JOB_FINISHED"


@dataclass(slots=True)
class Rescale:
    """A change of parallelism, under way or past. Times in ms."""

    started: int
    before: Parallelism
    target: Parallelism
    wanted: Requirements = field(default_factory=dict)
    """What was required then."""
    cause: RescaleCause = RescaleCause.NEW_RESOURCE_AVAILABLE
    requirements_number: int = 0
    """Which of the job's requirements it was for."""
    number: int = 1
    """Among the changes for the same requirements, from 1."""
    after: Parallelism | None = None
    snapshot: Snapshot | None = None
    """The checkpoint taken for it; complete."""
    warming: set[str] = field(default_factory=set)
    """New slots that load the job's code; it stops only when they have."""
    warm_until: int = 0
    is_requested: bool = False
    """The checkpoint is asked for."""
    checkpoint_failure: str | None = None
    """Why there is none: it goes on from the newest one."""
    is_cancelling: bool = False
    ended: int = -1
    outcome: RescaleEnd | None = None
    failure: str | None = None


@dataclass(slots=True)
class RegionRestart:
    """Some tasks start again while the others run."""

    tasks: set[TaskKey]
    slots: int
    """How many they need."""
    due: int
    """When the delay ends; then until when to wait for slots."""
    is_preparing: bool = False
    is_prepared: bool = False
    is_deployed: bool = False


@dataclass(slots=True)
class JobOptions:
    """What the job was started with beside its graph. Times in ms."""

    configuration: dict[str, str]
    adaptive: AdaptiveSettings
    has_regions: bool = True
    """`jobmanager.execution.failover-strategy` is not `full`."""
    allow_non_restored: bool = False
    cancel_timeout: int = 10_000


@dataclass(slots=True)
class Job:
    """Everything the machine knows."""

    id: str
    graph: JobGraph
    options: JobOptions
    strategy: RestartStrategy
    created: int
    status: JobStatus = JobStatus.INITIALIZING
    timestamps: dict[JobStatus, int] = field(default_factory=dict)
    history: list[tuple[int, JobStatus]] = field(default_factory=list)
    attempt: int = 0
    restarts: int = 0
    executions: dict[TaskKey, Execution] = field(default_factory=dict)
    earlier: dict[TaskKey, list[Execution]] = field(default_factory=dict)
    """Of each subtask those before the present one, the oldest first."""
    slots: dict[str, SlotAddress] = field(default_factory=dict)
    free_slots: tuple[SlotAddress, ...] = ()
    restored: Snapshot | None = None
    restored_at: int = 0
    plan: RestorePlan | None = None
    next_checkpoint_id: int = 1
    failures: list[FailureRecord] = field(default_factory=list)
    failure: Failure | None = None
    """Why the job is failing or failed."""
    has_lost_term: bool = False
    """Another JobManager may lead by now: nothing that happens here ends the job."""
    deadline: int | None = None
    """When the present state has waited long enough."""
    stopped_at: str | None = None
    """RUNNING: the complete snapshot of the stop that is under way."""
    uncommitted: dict[int, tuple[str, set[TaskKey]]] = field(default_factory=dict)
    """Completed snapshots whose commits are not all reported: location and tasks."""
    is_final_wanted: bool = False
    requirements: Requirements = field(default_factory=dict)
    """How parallel each vertex may be."""
    requirements_number: int = 0
    """How often that was said."""
    base_attempt: int = 0
    """The attempt that all tasks were deployed in last, and the enumerators' own."""
    region: RegionRestart | None = None
    """The region that starts again."""
    region_checkpoint: int = 0
    """The one that a region was restored from last."""
    latest: Snapshot | None = None
    """The newest completed snapshot of this process's life, else the restored one."""
    handed_out: HandedOut = field(default_factory=HandedOut)
    rescale: Rescale | None = None
    """The change of parallelism that is under way."""
    rescales: list[Rescale] = field(default_factory=list)
    """The last ones, newest first."""
    rescale_since: int | None = None
    """Since when another parallelism has been possible."""
    rescale_at: int | None = None
    """When to look again."""
    rescale_not_before: int = 0
    """After a change that failed."""
    is_rescale_asked: bool = False
    """Somebody asked for it: no cool-down."""
    release_at: int | None = None
    """RUNNING: when slots without a task go back."""
    stable_at: int | None = None
    """CREATED: until when to wait for more slots than suffice."""
    effects: list[Effect] = field(default_factory=list)
    coordinator: Coordinator = field(init=False)

    def emit(self, effect: Effect) -> None:
        """Ask the shell for something."""
        self.effects.append(effect)

    def move(self, status: JobStatus, now: int) -> None:
        """Enter a state; IllegalMove, with the history, if the table does not know the move."""
        if status is not self.status and status not in LEGAL_MOVES[self.status]:
            raise IllegalMove(f"job {self.id}: {self.status} to {status}; before: {self.history}")
        self.status = status
        self.timestamps[status] = now
        self.history.append((now, status))
        self.deadline = self.release_at = self.stopped_at = None

    def add_failure(
        self,
        failure: Failure,
        now: int,
        task: str | None = None,
        slot: str | None = None,
        is_consequence: bool = False,
    ) -> None:
        """Note a failure for people, the newest first; what fails in consequence stands beside its root cause."""
        record = FailureRecord(failure, now, task, slot)
        is_failing = self.status in (JobStatus.FAILING, JobStatus.CANCELLING)
        if self.failures and (is_failing or is_consequence):
            root = self.failures[0]
            if len(root.concurrent) < KEPT_FAILURES:
                root.concurrent.append(record)
            return
        self.failures.insert(0, record)
        del self.failures[KEPT_FAILURES:]

    def replace(self, key: TaskKey) -> None:
        """Another execution takes the place of the subtask's present one, which is kept for people."""
        before = self.executions.pop(key, None)
        if before is not None:
            kept = self.earlier.setdefault(key, [])
            kept.append(before)
            del kept[:-KEPT_ATTEMPTS]

    def task_name(self, subtask: SubtaskId) -> str:
        """As Flink shows it: `Map (1/2)`."""
        vertex = self.graph.vertex(subtask.vertex_id)
        return f"{vertex.name} ({subtask.index + 1}/{vertex.parallelism})"

    def attempt_in(self, slot_id: str) -> int:
        """The attempt that the slot's tasks are of."""
        own = (e.attempt for e in self.executions.values() if e.slot_id == slot_id)
        return next(own, self.attempt)

    @property
    def end(self) -> int:
        """When the job ended for good, -1 before."""
        return self.timestamps[self.status] if self.status.is_terminal else -1

    @property
    def is_cancellable(self) -> bool:
        """Tasks of an attempt may be in slots."""
        return any(execution.state not in ENDED for execution in self.executions.values())
