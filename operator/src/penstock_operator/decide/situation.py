"""The situation that every rule looks at: the facts, the status brought up to date with them, and the specs.

Made once per decision by the planner. Rules answer with a `Step`, which the planner completes to a `Plan`.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from penstock_api.v1beta1.configuration import flatten_configuration
from penstock_api.v1beta1.deployment import FlinkDeploymentSpec
from penstock_api.v1beta1.job import JobSpec, JobState, UpgradeMode
from penstock_api.v1beta1.status import FlinkDeploymentStatus, FlinkJobState, ReconciliationState
from penstock_operator.configuration.option import PREFIX
from penstock_operator.configuration.options import BY_KEY
from penstock_operator.configuration.values import Values
from penstock_operator.model.duration import parse_duration
from penstock_operator.model.facts import Facts, Problem
from penstock_operator.model.launch import Launch, with_defaults
from penstock_operator.model.plan import Action, Event

IN_FLIGHT = 0.5
"""Seconds to the next look while something is being stopped, started or saved."""
UNSETTLED = 3.0
"""Seconds to the next look while a job is not yet, or no longer, as wanted."""
STEADY = 10.0
"""Seconds to the next look at a job that is as wanted: a failure is seen well within half a minute."""


@dataclass(frozen=True, slots=True)
class Step:
    """What a rule decides; the planner adds lifecycle, conditions, error and Events of what was seen."""

    status: FlinkDeploymentStatus
    actions: tuple[Action, ...] = ()
    after: FlinkDeploymentStatus | None = None
    events: tuple[Event, ...] = ()
    problem: Problem | None = None
    keep_error: bool = False
    """The error of the last turn still stands (a second try is under way)."""
    requeue_seconds: float = STEADY


@dataclass(frozen=True, slots=True)
class Situation:
    """What the rules see."""

    facts: Facts
    status: FlinkDeploymentStatus
    wanted: FlinkDeploymentSpec
    """What the owner wants; the last reconciled spec while the owner's is refused."""
    deployed: FlinkDeploymentSpec | None
    """The last reconciled spec; None before the first deployment."""

    @property
    def configured(self) -> FlinkDeploymentSpec:
        """The wanted spec with the installation's configuration below its own."""
        return with_defaults(self.wanted, self.facts.defaults)

    @property
    def baseline(self) -> FlinkDeploymentSpec:
        """What changes are measured against: the last reconciled spec, before the first the wanted one."""
        return self.deployed or self.wanted

    @property
    def baseline_job(self) -> JobSpec:
        """The job of the baseline."""
        return self.baseline.job or JobSpec()

    @property
    def wanted_job(self) -> JobSpec:
        """The wanted job; a default one where the (refused) spec has none."""
        return self.wanted.job or JobSpec()

    @property
    def wants_running(self) -> bool:
        """Whether the owner wants the job to run."""
        return self.wanted_job.state is JobState.RUNNING

    @property
    def is_refused(self) -> bool:
        """Whether the owner's spec is refused."""
        return bool(self.facts.problems)

    @property
    def is_suspended(self) -> bool:
        """Whether the last reconciled spec says that nothing shall run (suspended, or halfway through an upgrade)."""
        return bool(self.deployed and self.deployed.job and self.deployed.job.state is JobState.SUSPENDED)

    @property
    def is_deployed(self) -> bool:
        """Whether the last reconciled spec was handed to the platform."""
        return self.status.reconciliation_status.state is ReconciliationState.DEPLOYED

    @property
    def job_state(self) -> FlinkJobState | None:
        """The job's state as just seen."""
        return self.status.job_status.state

    @property
    def runs(self) -> bool:
        """Whether the job was just seen to run, so that a savepoint can be asked for."""
        return self.facts.job.reachable and self.facts.job.state is FlinkJobState.RUNNING

    @property
    def is_stateless(self) -> bool:
        """Whether the owner gives the state up."""
        return self.wanted_job.upgrade_mode is UpgradeMode.STATELESS

    def option(self, key: str, default: str) -> str:
        """A `kubernetes.operator.` option of the resource."""
        keys = flatten_configuration(self.configured.flink_configuration)
        found = Values(keys).written(key) if key in BY_KEY else keys.get(f"{PREFIX}{key}")
        return default if found in (None, "") else str(found)

    def flag(self, key: str, default: bool = False) -> bool:
        """A boolean option."""
        return self.option(key, str(default)).lower() == "true"

    def duration(self, key: str, default: str) -> timedelta:
        """A duration option; the default where it cannot be read (validation says so)."""
        try:
            return parse_duration(self.option(key, default))
        except ValueError:
            return parse_duration(default)

    def since(self, milliseconds: int | None) -> timedelta:
        """How long ago that was; nothing if it was never."""
        return timedelta(milliseconds=self.facts.now - milliseconds) if milliseconds else timedelta()

    def deletion_requested(self) -> int:
        """When the resource was asked to go, in milliseconds."""
        text = self.facts.resource.metadata.deletion_timestamp or "1970-01-01T00:00:00Z"
        return int(datetime.fromisoformat(text).timestamp() * 1000)

    def with_status(self, status: FlinkDeploymentStatus) -> "Situation":
        """The same, with a status that was revised already."""
        return replace(self, status=status)

    def launch(self, spec: FlinkDeploymentSpec, job_id: str, path: str | None) -> Launch:
        """The launch of this spec, under the name that the status gives to what runs."""
        return launch_of(self.facts, spec, job_id, path, self.status.cluster_name)


def launch_of(
    facts: Facts, spec: FlinkDeploymentSpec, job_id: str, path: str | None, cluster: str | None
) -> Launch:
    """The launch of this spec under this name; None for the resource's own."""
    meta = facts.resource.metadata
    full = with_defaults(spec, facts.defaults)
    return Launch(facts.ref, meta.uid or "", meta.generation or 0, full, job_id, path, cluster or "")


Rule = Callable[[Situation], Step | None]
"""One rule: a step if it applies, None to leave the decision to the next."""
