"""Facts and plans of one FlinkStateSnapshot. Built by `observe/snapshot.py`, decided on by `decide/snapshot/`. Values only."""

from dataclasses import dataclass

from penstock_api.v1beta1.state_snapshot import FlinkStateSnapshot, FlinkStateSnapshotStatus
from penstock_api.v1beta1.status import FlinkJobState
from penstock_operator.model.facts import Problem, SavepointProgress
from penstock_operator.model.plan import Event


@dataclass(frozen=True, slots=True)
class SnapshotJob:
    """The job that the snapshot is of."""

    exists: bool = False
    state: FlinkJobState | None = None
    """As the job's own loop saw it last."""
    reachable: bool = False
    """Its JobManager just answered and knows the job."""
    job_id: str | None = None
    savepoint_directory: str | None = None
    format_type: str = "CANONICAL"
    checkpoint_type: str = "FULL"
    restores_from: str | None = None
    """The state that its next start would restore, as far as it is recorded."""
    has_moved_on: bool = False
    """Whether it runs and has completed a checkpoint since its start: what it was started from is no more needed."""
    longest_ms: int = 600_000
    """How long a savepoint or checkpoint of it may take."""

    @property
    def runs(self) -> bool:
        """Whether a snapshot can be asked for."""
        return self.exists and self.reachable and self.state is FlinkJobState.RUNNING

    @property
    def may_run_soon(self) -> bool:
        """Whether it is only not known whether it runs."""
        known = (FlinkJobState.RUNNING, FlinkJobState.RECONCILING)
        return self.exists and (self.state in known) and self.job_id is not None


@dataclass(frozen=True, slots=True)
class SnapshotFacts:
    """All that one decision is made from."""

    snapshot: FlinkStateSnapshot
    now: int
    """Milliseconds since the epoch."""
    job: SnapshotJob = SnapshotJob()
    progress: SavepointProgress | None = None
    """Of the recorded trigger; None if nothing is in progress or the JobManager is silent."""
    problems: tuple[Problem, ...] = ()
    new_id: str = ""

    @property
    def is_deleting(self) -> bool:
        """Whether the resource was asked to go away."""
        return self.snapshot.metadata.deletion_timestamp is not None


@dataclass(frozen=True, slots=True)
class HoldSnapshot:
    """Put our finalizer on the resource: its data goes with it."""


@dataclass(frozen=True, slots=True)
class ReleaseSnapshot:
    """Take our finalizer, and upstream's, off."""


@dataclass(frozen=True, slots=True)
class TriggerSnapshot:
    """Ask for it under an id that the status already records. With a checkpoint type, a checkpoint."""

    job_id: str
    trigger_id: str
    directory: str | None = None
    format_type: str = "CANONICAL"
    checkpoint_type: str | None = None


@dataclass(frozen=True, slots=True)
class DisposeSnapshot:
    """Delete its objects from storage; the release follows in the same turn if that succeeds."""

    path: str


SnapshotAction = HoldSnapshot | ReleaseSnapshot | TriggerSnapshot | DisposeSnapshot


@dataclass(frozen=True, slots=True)
class SnapshotPlan:
    """What one turn does: status, then actions, in order."""

    rule: str
    status: FlinkStateSnapshotStatus
    actions: tuple[SnapshotAction, ...] = ()
    events: tuple[Event, ...] = ()
    requeue_seconds: float = 3600.0
