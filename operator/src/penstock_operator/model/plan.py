"""A plan: what one turn of the loop does. Made by `decide/`, carried out by `act/` and `report/`.

Order of the loop: `status` is written, then the actions are done, then `after` is written. So what an action depends on
has survived before it begins, and a crash anywhere is followed by the same decision or by its continuation.
"""

from dataclasses import dataclass

from penstock_api.reasons import Reason
from penstock_api.v1beta1.status import FlinkDeploymentStatus
from penstock_operator.model.launch import Launch


@dataclass(frozen=True, slots=True)
class Event:
    """A Kubernetes Event on the resource."""

    reason: Reason
    message: str
    component: str = "Operator"

    @property
    def type(self) -> str:
        """Warning or Normal."""
        return "Warning" if self.reason.is_warning else "Normal"


@dataclass(frozen=True, slots=True)
class Hold:
    """Put our finalizer on the resource."""


@dataclass(frozen=True, slots=True)
class Release:
    """Take our finalizers off the resource."""


@dataclass(frozen=True, slots=True)
class Deploy:
    """Run this."""

    launch: Launch


@dataclass(frozen=True, slots=True)
class Prepare:
    """Bring up JobManager and TaskManagers of a launch that waits for the word, beside those that run."""

    launch: Launch


@dataclass(frozen=True, slots=True)
class Retire:
    """Remove JobManager and TaskManagers of this name."""

    cluster: str
    rest: Launch | None = None
    """Given, nothing of them runs any more: what they alone needed goes too, and only this launch has room."""


@dataclass(frozen=True, slots=True)
class Stop:
    """End JobManager and TaskManagers; the rest of the job stays."""


@dataclass(frozen=True, slots=True)
class Remove:
    """Delete everything of the job."""


@dataclass(frozen=True, slots=True)
class DeleteResource:
    """Ask for the resource itself to go, as its owner would; its deletion then takes its usual course."""


@dataclass(frozen=True, slots=True)
class KeepRevision:
    """Store the spec of a revision, so that it can be shown and gone back to."""

    number: int
    spec: str
    """JSON of the spec."""
    kept: tuple[int, ...]
    """The revisions that are still told of; older ones go."""


@dataclass(frozen=True, slots=True)
class TriggerSavepoint:
    """Ask for a savepoint under an id that the status already records, so that asking twice takes one."""

    job_id: str
    trigger_id: str
    directory: str | None
    stop: bool
    drain: bool = False
    format_type: str = "CANONICAL"


@dataclass(frozen=True, slots=True)
class TriggerCheckpoint:
    """Ask for a checkpoint under an id that the status already records, so that asking twice takes one."""

    job_id: str
    trigger_id: str
    checkpoint_type: str = "FULL"


@dataclass(frozen=True, slots=True)
class TakeSnapshot:
    """Make a FlinkStateSnapshot of the job, once: its name holds `at`, and one by hand is known by its nonce."""

    trigger: str
    """MANUAL, PERIODIC or UPGRADE."""
    at: int
    """Milliseconds since the epoch."""
    is_checkpoint: bool = False
    nonce: int | None = None
    location: str | None = None
    """Where it is, if it was taken already."""
    format_type: str = "CANONICAL"
    dispose_on_delete: bool = False


@dataclass(frozen=True, slots=True)
class CancelJob:
    """Ask the JobManager to cancel the job; one that is over already is well."""

    job_id: str


@dataclass(frozen=True, slots=True)
class Bounds:
    """How parallel a vertex may be from now on."""

    vertex: str
    lower: int
    upper: int


@dataclass(frozen=True, slots=True)
class Rescale:
    """Ask the JobManager to run the job with this parallelism, in place."""

    job_id: str
    bounds: tuple[Bounds, ...]


@dataclass(frozen=True, slots=True)
class SetTaskManagers:
    """Have so many TaskManagers of a launch that is deployed; nothing else of it changes."""

    launch: Launch
    count: int
    idle: tuple[str, ...] = ()
    """Those that nothing runs in: they go first."""


@dataclass(frozen=True, slots=True)
class RefreshCopies:
    """Bring the job's copies of Secrets and ConfigMaps up to their originals."""


Action = (
    Hold
    | Release
    | Deploy
    | Prepare
    | Retire
    | Stop
    | Remove
    | DeleteResource
    | KeepRevision
    | TriggerSavepoint
    | TriggerCheckpoint
    | TakeSnapshot
    | CancelJob
    | Rescale
    | SetTaskManagers
    | RefreshCopies
)


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do now."""

    rule: str
    """Name of the rule that decided, for logs and golden files."""
    status: FlinkDeploymentStatus
    """Written before the actions."""
    actions: tuple[Action, ...] = ()
    after: FlinkDeploymentStatus | None = None
    """Written after the actions, if they succeeded."""
    events: tuple[Event, ...] = ()
    requeue_seconds: float = 15.0
    """When to look again, if nothing wakes the loop before."""
