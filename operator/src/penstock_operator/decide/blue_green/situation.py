"""What the phases of a transition ask of the facts. Made by the planner once a decision; changes nothing."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from penstock_api.v1beta1.blue_green import (
    FlinkBlueGreenDeploymentSpec,
    FlinkBlueGreenDeploymentStatus,
    FlinkDeploymentTemplate,
    Handover,
)
from penstock_api.v1beta1.deployment import FlinkDeployment, FlinkDeploymentSpec
from penstock_api.v1beta1.job import JobSpec, JobState, RestorePolicy
from penstock_api.v1beta1.status import FlinkJobState, LifecycleState
from penstock_operator.build.labels import TRANSITION
from penstock_operator.model.blue_green import BlueGreenAction, BlueGreenFacts, Color
from penstock_operator.model.duration import parse_duration
from penstock_operator.model.facts import Problem
from penstock_operator.model.plan import Event

PREFIX = "kubernetes.operator.bluegreen."
GRACE, DELAY, INTERVAL = (
    "abort.grace-period",
    "deployment-deletion.delay",
    "reconciliation.reschedule-interval",
)
DEFAULTS = {GRACE: "10 min", DELAY: "0 ms", INTERVAL: "15 s"}
"""Upstream's keys and defaults."""
UNDER_WAY = 3.0
"""Seconds to the next look while something is under way; children that change wake the loop before."""


@dataclass(frozen=True, slots=True)
class Step:
    """What a phase decided; the planner makes a plan of it."""

    status: FlinkBlueGreenDeploymentStatus
    actions: tuple[BlueGreenAction, ...] = ()
    after: FlinkBlueGreenDeploymentStatus | None = None
    events: tuple[Event, ...] = ()
    problem: Problem | None = None
    keep_error: bool = False
    """Leave `status.error` as it is."""
    after_problem: Problem | None = None
    requeue_seconds: float = UNDER_WAY


@dataclass(frozen=True, slots=True)
class Situation:
    """The facts, seen from one side: the active one, or the one that rises."""

    facts: BlueGreenFacts

    @property
    def status(self) -> FlinkBlueGreenDeploymentStatus:
        """The status that was written last."""
        return self.facts.resource.status

    @property
    def template(self) -> FlinkDeploymentSpec:
        """The wanted spec of the sides."""
        return template_of(self.facts.resource.spec)

    @property
    def job(self) -> JobSpec:
        """The wanted job."""
        return self.template.job or JobSpec()

    @property
    def reconciled(self) -> FlinkBlueGreenDeploymentSpec | None:
        """The spec that was carried out last, or is being carried out."""
        return decode(self.status.last_reconciled_spec)

    @property
    def is_changed(self) -> bool:
        """Whether the owner wants something else than was carried out last."""
        return self.reconciled != self.facts.resource.spec

    @property
    def is_fenced(self) -> bool:
        """Whether the old side is stopped before the new one starts."""
        return self.facts.resource.spec.handover is Handover.FENCED

    @property
    def wants_running(self) -> bool:
        """Whether the owner wants the job to run."""
        return self.job.state is JobState.RUNNING

    @property
    def carries_state(self) -> bool:
        """Whether the new side starts from the old one's state."""
        return self.job.effective_restore_policy is not RestorePolicy.NONE

    def duration(self, key: str) -> timedelta:
        """A duration of `spec.configuration`; the default where it is unset or unreadable (validation says so)."""
        text = self.facts.resource.spec.configuration.get(PREFIX + key) or DEFAULTS[key]
        try:
            return parse_duration(text)
        except ValueError:
            return parse_duration(DEFAULTS[key])

    def now(self) -> str:
        """The time, as the status has it."""
        return moment(self.facts.now)

    def deadline(self) -> str:
        """When a phase that begins now is given up."""
        return moment(self.facts.now + int(self.duration(GRACE).total_seconds() * 1000))

    def is_late(self) -> bool:
        """Whether the phase's deadline is over."""
        return self.is_past(self.status.abort_timestamp)

    def is_past(self, when: str | None) -> bool:
        """Whether that time is over; a time that was never set is not."""
        return when is not None and milliseconds(when) <= self.facts.now

    def since_transition(self) -> timedelta:
        """How long ago the transition began."""
        return timedelta(milliseconds=self.facts.now - int(self.status.transition_id or self.facts.now))


def runs(child: FlinkDeployment | None) -> bool:
    """Whether the side's job is RUNNING."""
    return child is not None and child.status.job_status.state is FlinkJobState.RUNNING


def is_ready(child: FlinkDeployment | None) -> bool:
    """Whether the side works as its spec wants; a job that came to its end has worked."""
    if child is None:
        return False
    done = child.status.job_status.state in (FlinkJobState.RUNNING, FlinkJobState.FINISHED)
    seen = child.status.observed_generation == child.metadata.generation
    return done and seen and child.status.lifecycle_state is LifecycleState.STABLE


def is_stopped(child: FlinkDeployment | None) -> bool:
    """Whether nothing of the side's job runs, as its spec wants."""
    if child is None:
        return True
    wanted = child.spec.job is not None and child.spec.job.state is JobState.SUSPENDED
    return wanted and (child.status.lifecycle_state is LifecycleState.SUSPENDED or never_ran(child))


def never_ran(child: FlinkDeployment) -> bool:
    """Whether nothing was ever deployed for the side."""
    return not child.status.job_status.job_ids and not child.status.reconciliation_status.last_reconciled_spec


def belongs_to(child: FlinkDeployment | None, transition_id: str | None) -> bool:
    """Whether the side was made for this transition."""
    return child is not None and child.metadata.annotations.get(TRANSITION) == transition_id


def complaint(child: FlinkDeployment | None) -> str:
    """What the side says is wrong, in a sentence; where it says nothing, in which state it is."""
    if child is None:
        return "its FlinkDeployment is not there"
    if child.status.error:
        try:
            return str(json.loads(child.status.error).get("message") or child.status.error)
        except (ValueError, AttributeError):
            return child.status.error
    state = child.status.job_status.state
    life = child.status.lifecycle_state
    return (
        f"it is {life.value if life else 'not reconciled yet'}, its job {state.value if state else 'unknown'}"
    )


def template_of(spec: FlinkBlueGreenDeploymentSpec) -> FlinkDeploymentSpec:
    """The spec of the sides; an empty one where there is none."""
    template = spec.template or FlinkDeploymentTemplate()
    return template.spec or FlinkDeploymentSpec()


def child_spec(template: FlinkDeploymentSpec, color: Color, path: str | None) -> FlinkDeploymentSpec:
    """The template for one side: its own host in the Ingress, and the state that it starts from."""
    found = template
    if template.ingress is not None and template.ingress.template:
        own = _prefixed(template.ingress.template, color)
        found = found.model_copy(update={"ingress": template.ingress.model_copy(update={"template": own})})
    if path is not None and found.job is not None:
        job = found.job.model_copy(update={"initial_savepoint_path": path})
        found = found.model_copy(update={"job": job})
    return found


def _prefixed(template: str, color: Color) -> str:
    scheme, separator, rest = template.rpartition("://")
    slash = "/" if rest.startswith("/") else ""
    return f"{scheme}{separator}{slash}{color.value.lower()}-{rest.removeprefix('/')}"


def encode(spec: FlinkBlueGreenDeploymentSpec) -> str:
    """The spec as the status keeps it."""
    return json.dumps(spec.to_wire(), sort_keys=True)


def decode(text: str | None) -> FlinkBlueGreenDeploymentSpec | None:
    """What `encode` wrote; None if nothing was."""
    return FlinkBlueGreenDeploymentSpec.from_wire(json.loads(text)) if text else None


def moment(at: int) -> str:
    """RFC 3339, with milliseconds where there are some."""
    text = datetime.fromtimestamp(at / 1000, tz=UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z").replace(".000Z", "Z")


def milliseconds(text: str) -> int:
    """The time that `moment` wrote."""
    return round(datetime.fromisoformat(text).timestamp() * 1000)
