"""Blue/green: the two sides, the facts of one decision, and what a decision may ask for. Values only.

Built by `observe/blue_green.py`, read and made by `decide/blue_green/`, carried out by `act/blue_green.py`.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from penstock_api.v1beta1.blue_green import (
    BlueGreenState,
    FlinkBlueGreenDeployment,
    FlinkBlueGreenDeploymentStatus,
)
from penstock_api.v1beta1.deployment import FlinkDeployment, FlinkDeploymentSpec
from penstock_api.v1beta1.job import JobState, StopPolicy
from penstock_api.v1beta1.state_snapshot import FlinkStateSnapshotStatus
from penstock_operator.model.facts import Problem, Ref, StateFacts
from penstock_operator.model.plan import Event


class Color(StrEnum):
    """A side; its value is upstream's label of the child."""

    BLUE = "BLUE"
    GREEN = "GREEN"

    @property
    def other(self) -> "Color":
        """The other side."""
        return Color.GREEN if self is Color.BLUE else Color.BLUE

    @property
    def active(self) -> BlueGreenState:
        """The state in which this side has the job."""
        return BlueGreenState(f"ACTIVE_{self.value}")

    @property
    def saving(self) -> BlueGreenState:
        """The state in which this side gives its state over."""
        return BlueGreenState(f"SAVEPOINTING_{self.value}")

    @property
    def rising(self) -> BlueGreenState:
        """The state in which this side is to take over."""
        return BlueGreenState(f"TRANSITIONING_TO_{self.value}")

    def child(self, name: str) -> str:
        """Name of this side's FlinkDeployment."""
        return f"{name}-{self.value.lower()}"


@dataclass(frozen=True, slots=True)
class BlueGreenFacts:
    """All that one decision is made from."""

    resource: FlinkBlueGreenDeployment
    now: int
    """Milliseconds since the epoch."""
    blue: FlinkDeployment | None = None
    green: FlinkDeployment | None = None
    state: StateFacts = field(default_factory=StateFacts)
    """What the stopped side left on storage; looked up only when the other is to start from it."""
    savepoint: FlinkStateSnapshotStatus | None = None
    """The savepoint that the status records; None before it was asked for."""
    problems: tuple[Problem, ...] = ()
    """Why the wanted spec is refused; empty if it is valid."""
    is_routed: bool = True
    """Whether the Ingress is as it must be for the active side."""

    def side(self, color: Color) -> FlinkDeployment | None:
        """The child of that side."""
        return self.blue if color is Color.BLUE else self.green

    @property
    def ref(self) -> Ref:
        """The resource's identity."""
        return Ref(self.resource.metadata.namespace, self.resource.metadata.name)


@dataclass(frozen=True, slots=True)
class ApplyChild:
    """Make the side's FlinkDeployment, or bring its spec to this one."""

    color: Color
    spec: FlinkDeploymentSpec
    transition_id: str


@dataclass(frozen=True, slots=True)
class SetJob:
    """Stop or run the side's job: its wanted state and how it stops; nothing else of the child changes."""

    color: Color
    state: JobState
    stop_policy: StopPolicy | None


@dataclass(frozen=True, slots=True)
class TakeSavepoint:
    """Have a savepoint of the side taken, once for each id."""

    color: Color
    id: str


@dataclass(frozen=True, slots=True)
class DeleteChild:
    """Begin to delete the side."""

    color: Color


@dataclass(frozen=True, slots=True)
class Route:
    """Point the Ingress at the side."""

    color: Color


BlueGreenAction = ApplyChild | SetJob | TakeSavepoint | DeleteChild | Route


@dataclass(frozen=True, slots=True)
class BlueGreenPlan:
    """What to do now: `status` is written, then the actions are done, then `after` is written."""

    rule: str
    status: FlinkBlueGreenDeploymentStatus
    actions: tuple[BlueGreenAction, ...] = ()
    after: FlinkBlueGreenDeploymentStatus | None = None
    events: tuple[Event, ...] = ()
    requeue_seconds: float = 15.0
