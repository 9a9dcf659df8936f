"""The platform port: what the loop needs of the place where resources live and jobs run.

Called by `observe/`, `act/`, `report/` and `reconcile/`, from worker threads: every method blocks, is safe to call from
several threads for different resources, and raises `OperatorError` (never an error of a lower layer). A method that
changes something is idempotent: called again after a crash it completes what was begun and spoils nothing.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from penstock_api.v1beta1.deployment import FlinkDeployment
from penstock_api.v1beta1.status import FlinkDeploymentStatus
from penstock_operator.model.facts import ClusterFacts, Problem, Ref
from penstock_operator.model.launch import Launch
from penstock_operator.model.plan import Event, TakeSnapshot


@dataclass(frozen=True, slots=True)
class StorageAccess:
    """How to reach the job's state as the job itself does: Flink keys (`s3.endpoint`, `s3.access-key`, ...)."""

    keys: Mapping[str, str]
    secret: Callable[[str], Mapping[str, str]] = lambda _name: {}
    """What a Secret beside the resource holds, by its name; nothing where there is none. Never kept or logged."""


@dataclass(frozen=True, slots=True)
class Spare:
    """How many more TaskManagers of a job would find room."""

    task_managers: int | None
    """None is no limit that anybody knows of."""
    why: str = ""
    """What sets the limit."""
    unseen: str = ""
    """What could not be looked at, and why."""


class Platform(Protocol):
    """One place where jobs run."""

    # Resources.
    def read(self, ref: Ref) -> FlinkDeployment | None:
        """The resource as it is now (not from a cache), with `metadata.resourceVersion`; None if it is gone."""

    def write_status(self, resource: FlinkDeployment, status: FlinkDeploymentStatus) -> FlinkDeployment:
        """Write the whole status; returns the resource with the new version. Raises `Conflict` if it changed."""

    def hold(self, resource: FlinkDeployment) -> FlinkDeployment:
        """Put our finalizer on the resource, before anything is made for it."""

    def release(self, resource: FlinkDeployment) -> None:
        """Take our finalizer, and upstream's, off the resource, so that it may go away."""

    def emit(self, resource: FlinkDeployment, event: Event) -> None:
        """Record an Event on the resource; a repeated one counts up. Never raises."""

    # The job.
    def refusals(self, resource: FlinkDeployment) -> tuple[Problem, ...]:
        """What of the spec this platform cannot do (missing Secret, foreign namespace, ...); cheap, read only."""

    def observe(self, resource: FlinkDeployment) -> ClusterFacts:
        """What exists of the job now."""

    def deploy(self, resource: FlinkDeployment, launch: Launch) -> None:
        """Make it so: namespace, config, JobManager, TaskManagers. Returns before they are ready."""

    def prepare(self, resource: FlinkDeployment, launch: Launch) -> None:
        """Bring up what waits for the word beside what runs; the deploy of the same launch, told, gives the word."""

    def retire(self, resource: FlinkDeployment, cluster: str, rest: Launch | None) -> None:
        """Begin to end the pods of this name; with `rest`, which runs on, they are gone and what they needed goes too."""

    def room(self, resource: FlinkDeployment, launch: Launch) -> Problem | None:
        """Why this launch cannot be brought up beside what runs; cheap, read only."""

    def word_url(self, resource: FlinkDeployment) -> str | None:
        """Where the JobManager that the status names is told to start; None where it reads it itself soon enough."""

    def scale(self, resource: FlinkDeployment, launch: Launch, count: int, idle: Sequence[str]) -> None:
        """Have so many TaskManagers, of a launch that is deployed but for its parallelism; `idle` ones go first."""

    def stop(self, resource: FlinkDeployment) -> None:
        """Begin to end JobManager and TaskManagers, gracefully; returns before they are gone. Keeps the rest."""

    def remove(self, resource: FlinkDeployment) -> None:
        """Begin to delete everything of the job, its namespace included; returns before it is gone."""

    def dismiss(self, resource: FlinkDeployment) -> None:
        """Ask for the resource to go, as its owner would; gone already is well, a namesake made since stays."""

    def keep_revision(self, resource: FlinkDeployment, number: int, spec: str, kept: Collection[int]) -> None:
        """Store the spec (JSON) of a revision, once; revisions of this resource that are not kept go."""

    def recall_autoscaler(self, resource: FlinkDeployment) -> bytes | None:
        """What the autoscaler kept of this job; None if nothing."""

    def keep_autoscaler(self, resource: FlinkDeployment, memory: bytes | None) -> None:
        """Keep what the autoscaler knows of this job, beside the resource; None forgets it."""

    def recall_recording(self, resource: FlinkDeployment) -> bytes | None:
        """What the autoscaler recorded of this job for people; None if nothing."""

    def keep_recording(self, resource: FlinkDeployment, recording: bytes | None) -> None:
        """Keep what the autoscaler recorded; None forgets it."""

    def spare_task_managers(self, resource: FlinkDeployment) -> Spare:
        """The room for more TaskManagers of a job that runs, as quotas and nodes have it; asked when more are wanted."""

    def take_snapshot(self, resource: FlinkDeployment, wanted: TakeSnapshot) -> None:
        """Make a FlinkStateSnapshot of the job, unless that one is there already."""

    def refresh_copies(self, resource: FlinkDeployment) -> None:
        """Bring the copies that follow the job up to their originals; one whose original is gone stays as it is."""

    def storage(self, resource: FlinkDeployment) -> StorageAccess:
        """How to read the job's state: its configuration, with the credentials that its pods get."""

    def defaults(self, namespace: str) -> Mapping[str, str]:
        """Configuration of the installation for resources of this namespace that do not set it; operator keys too."""

    def job_namespace(self, resource: FlinkDeployment) -> str:
        """Name of the namespace (or job folder) that the job runs in."""

    def logs(self, resource: FlinkDeployment, *, follow: bool) -> Iterator[str]:
        """Lines of JobManager and TaskManagers, each with the process's name before it."""
