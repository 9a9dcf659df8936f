"""The loop of FlinkStateSnapshots: observe, decide, write, act, for one resource at a time. Called by the work queue.

As `loop.py` does for FlinkDeployments: what an act depends on is in the status before it begins, and a crash anywhere is
followed by the same decision or by its continuation.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Protocol

import structlog

from penstock_api.reasons import Reason
from penstock_api.rest.trigger import CheckpointTriggerRequest, SavepointTriggerRequest
from penstock_api.v1beta1.deployment import FlinkDeployment
from penstock_api.v1beta1.state_snapshot import FlinkStateSnapshot, FlinkStateSnapshotStatus, JobReferenceKind
from penstock_operator.clients.disposal import dispose_savepoint
from penstock_operator.clients.flink_rest import JobManagerSilent, RequestRefused
from penstock_operator.clients.flink_snapshots import SnapshotRest
from penstock_operator.clients.objectstore import Stores
from penstock_operator.decide.snapshot.labels import STATE, snapshot_labels
from penstock_operator.decide.snapshot.planner import decide_snapshot
from penstock_operator.errors import Conflict, OperatorError
from penstock_operator.model.facts import Ref, SavepointProgress
from penstock_operator.model.plan import Event
from penstock_operator.model.snapshot import (
    DisposeSnapshot,
    HoldSnapshot,
    ReleaseSnapshot,
    SnapshotFacts,
    SnapshotPlan,
    TriggerSnapshot,
)
from penstock_operator.observe.snapshot import observe_snapshot
from penstock_operator.platforms.port import Platform

log = structlog.get_logger(__name__)


class SnapshotStore(Protocol):
    """Where the resources are."""

    def read(self, ref: Ref) -> FlinkStateSnapshot | None:
        """The resource as it is now."""

    def write_status(
        self, resource: FlinkStateSnapshot, status: FlinkStateSnapshotStatus
    ) -> FlinkStateSnapshot:
        """Put the whole status; raises `Conflict` where the resource changed."""

    def hold(self, resource: FlinkStateSnapshot) -> FlinkStateSnapshot:
        """Our finalizer on."""

    def release(self, ref: Ref, uid: str | None) -> None:
        """Our finalizer off, and upstream's."""

    def label(self, resource: FlinkStateSnapshot, wanted: Mapping[str, str]) -> FlinkStateSnapshot:
        """Set these labels."""

    def emit(self, resource: FlinkStateSnapshot, event: Event) -> None:
        """An Event on the resource. Never raises."""


class History(Protocol):
    """Removes what is older than its job's owner wants; told of each snapshot that is complete."""

    def tidy(self, snapshot: FlinkStateSnapshot, job: FlinkDeployment) -> None:
        """Remove what may go beside this one."""


@dataclass(frozen=True, slots=True)
class _Job:
    """The job that a snapshot is of."""

    platform: Platform | None = None
    resource: FlinkDeployment | None = None


class SnapshotLoop:
    """Reconciles snapshots; `jobs` are the platforms that know the jobs, by their kind."""

    def __init__(
        self, store: SnapshotStore, jobs: Mapping[JobReferenceKind, Platform], history: History | None = None
    ) -> None:
        self._store = store
        self._jobs = jobs
        self._history = history

    def reconcile(self, ref: Ref) -> float | None:
        """One turn. Returns the seconds until the next is due; None when the resource is gone."""
        snapshot = self._store.read(ref)
        if snapshot is None:
            return None
        try:
            job = self._job(snapshot)
            facts = observe_snapshot(snapshot, job.platform, job.resource)
            plan = decide_snapshot(facts)
            log.debug("decided", resource=str(ref), rule=plan.rule)
            return self._carry_out(plan, facts, job)
        except Conflict:
            return 0.0
        except OperatorError as error:
            log.warning("a snapshot is tried again", resource=str(ref), error=error.message)
            return error.retry_seconds

    def _job(self, snapshot: FlinkStateSnapshot) -> _Job:
        reference = snapshot.spec.job_reference
        if reference is None or reference.kind is None or not reference.name:
            return _Job()
        platform = self._jobs.get(reference.kind)
        if platform is None:
            return _Job()
        return _Job(platform, platform.read(Ref(snapshot.metadata.namespace, reference.name)))

    def _carry_out(self, plan: SnapshotPlan, facts: SnapshotFacts, job: _Job) -> float | None:
        """1. the finalizer, as nothing may be made without it, 2. the status, 3. Events, 4. the acts."""
        snapshot = self._report(plan, facts)
        for action in plan.actions:
            match action:
                case TriggerSnapshot():
                    refusal = self._trigger(action, snapshot, job)
                    if refusal is not None:
                        ended = SavepointProgress(known=True, done=True, failure=refusal)
                        seen = replace(facts, snapshot=snapshot, progress=ended)
                        return self._carry_out(decide_snapshot(seen), seen, job)
                case DisposeSnapshot(path=path):
                    self._dispose(path, snapshot, job)
                case ReleaseSnapshot():
                    ref = Ref(snapshot.metadata.namespace, snapshot.metadata.name)
                    self._store.release(ref, snapshot.metadata.uid)
        if plan.rule == "rest" and job.resource is not None and self._history is not None:
            self._history.tidy(snapshot, job.resource)
        return plan.requeue_seconds

    def _report(self, plan: SnapshotPlan, facts: SnapshotFacts) -> FlinkStateSnapshot:
        snapshot = facts.snapshot
        if HoldSnapshot() in plan.actions:
            snapshot = self._store.hold(snapshot)
        if plan.status != facts.snapshot.status or STATE not in facts.snapshot.metadata.labels:
            labels = snapshot_labels(snapshot.spec, plan.status, snapshot.metadata)
            snapshot = self._store.label(snapshot, labels)
            snapshot = self._store.write_status(snapshot, plan.status)
        for event in plan.events:
            self._store.emit(snapshot, event)
        return snapshot

    def _trigger(self, action: TriggerSnapshot, snapshot: FlinkStateSnapshot, job: _Job) -> str | None:
        """Ask; where the JobManager chose another id, that one is recorded. Returns why it was refused."""
        url = None
        if job.platform is not None and job.resource is not None:
            url = job.platform.observe(job.resource).rest_url
        if url is None:
            raise JobManagerSilent("the JobManager has no address, so no snapshot can be asked for")
        try:
            with SnapshotRest(url, timeout=10.0) as rest:
                given = _ask(rest, action)
        except RequestRefused as refusal:
            return refusal.message
        if given != action.trigger_id:
            status = snapshot.status.model_copy(update={"trigger_id": given})
            self._store.write_status(snapshot, status)
        return None

    def _dispose(self, path: str, snapshot: FlinkStateSnapshot, job: _Job) -> None:
        """Delete the objects. Without the job's resource by the installation's own keys and the process's credentials."""
        if job.platform is None:
            return
        if job.resource is not None:
            keys = job.platform.storage(job.resource).keys
        else:
            keys = job.platform.defaults(snapshot.metadata.namespace)
        try:
            with Stores(keys) as stores:
                dispose_savepoint(path, stores)
        except OperatorError as error:
            message = f"{path} could not be deleted: {error.message}"
            if snapshot.status.error != message:
                self._store.emit(snapshot, Event(Reason.CLEANUP_FAILED, message, "Snapshot"))
                self._store.write_status(snapshot, snapshot.status.model_copy(update={"error": message}))
            raise


def _ask(rest: SnapshotRest, action: TriggerSnapshot) -> str:
    if action.checkpoint_type is not None:
        wanted = CheckpointTriggerRequest(
            checkpoint_type=action.checkpoint_type, trigger_id=action.trigger_id
        )
        return rest.trigger_checkpoint(action.job_id, wanted)
    request = SavepointTriggerRequest(
        target_directory=action.directory, format_type=action.format_type, trigger_id=action.trigger_id
    )
    return rest.trigger_savepoint(action.job_id, request)
