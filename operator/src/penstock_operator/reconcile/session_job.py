"""FlinkSessionJobs through the one loop: a platform whose place to run jobs is a session cluster.

`Loop(SessionJobs(...))` reconciles them: the planner and its rules are those of FlinkDeployments (upgrade modes, state
choice, suspension, deletion and its deadline), and only what an act means is different here: deploy uploads and runs the
program under the job id that the status records, stop cancels. A job id that the JobManager knows is never run again.
"""

import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import structlog

from penstock_api.reasons import Reason
from penstock_api.v1beta1.configuration import flatten_configuration, value_sources
from penstock_api.v1beta1.deployment import Engine, FlinkDeployment
from penstock_api.v1beta1.session_job import FlinkSessionJob, FlinkSessionJobStatus
from penstock_api.v1beta1.status import FlinkDeploymentStatus, FlinkJobState
from penstock_operator.build import labels
from penstock_operator.clients.artifacts import Fetching, addresses_of, fetch
from penstock_operator.clients.flink_programs import ProgramRest
from penstock_operator.clients.flink_rest import FlinkRest, JobManagerSilent, RequestRefused
from penstock_operator.configuration.values import Values
from penstock_operator.decide.session.view import as_deployment, as_session_status, session_spec_text
from penstock_operator.decide.validate_artifact import is_restricted
from penstock_operator.decide.validate_session_job import validate_session_job
from penstock_operator.errors import ExternalError, OperatorError
from penstock_operator.model.facts import ClusterFacts, DeployedJob, Problem, Ref
from penstock_operator.model.job_id import is_job_of
from penstock_operator.model.launch import Launch
from penstock_operator.model.plan import Event, TakeSnapshot
from penstock_operator.platforms.one_cluster import OneCluster
from penstock_operator.platforms.port import Platform, Spare, StorageAccess
from penstock_operator.reconcile.session_submission import forget, headers_of, run_request

log = structlog.get_logger(__name__)

_OVER = ("FINISHED", "CANCELED", "FAILED")
KeepRevision = Callable[[FlinkSessionJob, int, str, Collection[int]], None]
"""Stores the spec (JSON) of a revision beside the session job."""


class SessionJobStore(Protocol):
    """Where the resources are."""

    def read(self, ref: Ref) -> FlinkSessionJob | None:
        """The resource as it is now."""

    def write_status(self, resource: FlinkSessionJob, status: FlinkSessionJobStatus) -> FlinkSessionJob:
        """Put the whole status; raises `Conflict` where the resource changed."""

    def hold(self, resource: FlinkSessionJob) -> FlinkSessionJob:
        """Our finalizer on."""

    def release(self, ref: Ref, uid: str | None) -> None:
        """Our finalizer off, and upstream's."""

    def label(self, resource: FlinkSessionJob, wanted: Mapping[str, str]) -> FlinkSessionJob:
        """Set these labels."""

    def delete(self, resource: FlinkSessionJob) -> None:
        """Ask for its end."""

    def emit(self, resource: FlinkSessionJob, event: Event) -> None:
        """An Event on the resource. Never raises."""


@dataclass(slots=True)
class _Turn:
    """What one turn of the loop looks at: the resource, and its session cluster where that is there."""

    job: FlinkSessionJob
    session: FlinkDeployment | None
    cluster: ClusterFacts | None = None


class SessionJobs(OneCluster):
    """The platform. A turn reads first and then acts, in one thread: what it read is kept for that thread."""

    def __init__(
        self,
        store: SessionJobStore,
        deployments: Platform,
        take_snapshot: Callable[[Ref, TakeSnapshot], None],
        keep_revision: KeepRevision = lambda *_: None,
    ) -> None:
        self._store = store
        self._take_snapshot = take_snapshot
        self._keep_revision = keep_revision
        self._deployments = deployments
        self._here = threading.local()
        self._seen: dict[Ref, FlinkDeploymentStatus] = {}
        """What was last reported of each, with what only a cluster has: else every turn would seem to change it."""

    # Resources.

    def read(self, ref: Ref) -> FlinkDeployment | None:
        """The resource as a FlinkDeployment would be."""
        job = self._store.read(ref)
        if job is None:
            self._seen.pop(ref, None)
            return None
        name = job.spec.deployment_name
        session = self._deployments.read(Ref(ref.namespace, name)) if name else None
        self._here.turn = _Turn(job, session)
        seen, known = as_deployment(job), self._seen.get(ref)
        if known is not None and as_session_status(known, name) == job.status:
            seen = seen.model_copy(update={"status": known})
        # Without its cluster nothing is known of the job, and nothing can be: `defaults` says so.
        return seen if session is not None else _unknown(seen)

    def write_status(self, resource: FlinkDeployment, status: FlinkDeploymentStatus) -> FlinkDeployment:
        """Write what a session job has of it, if that changed."""
        turn = self._turn()
        name = turn.job.spec.deployment_name
        wanted = as_session_status(status, name)
        if wanted != turn.job.status:
            turn.job = self._store.write_status(turn.job, wanted)
        self._seen[Ref(resource.metadata.namespace, resource.metadata.name)] = status
        return as_deployment(turn.job).model_copy(update={"status": status})

    def hold(self, resource: FlinkDeployment) -> FlinkDeployment:
        """Our finalizer, and the label that names the session cluster."""
        turn = self._turn()
        turn.job = self._store.hold(turn.job)
        turn.job = self._store.label(turn.job, {labels.SESSION: turn.job.spec.deployment_name or ""})
        return resource.model_copy(update={"metadata": turn.job.metadata})

    def release(self, resource: FlinkDeployment) -> None:
        """Our finalizer off."""
        meta = resource.metadata
        self._store.release(Ref(meta.namespace, meta.name), meta.uid)

    def dismiss(self, resource: FlinkDeployment) -> None:
        """Ask for its end."""
        self._store.delete(self._turn().job)

    def emit(self, resource: FlinkDeployment, event: Event) -> None:
        """An Event on the session job."""
        self._store.emit(self._turn().job, event)

    # The job.

    def defaults(self, namespace: str) -> Mapping[str, str]:
        """The installation's configuration, under the session cluster's own."""
        turn = self._turn()
        session = turn.session
        if session is None and turn.job.metadata.deletion_timestamp is None:
            name = turn.job.spec.deployment_name
            raise ExternalError(
                Reason.MISSING, f"The session cluster {name} is not there: make the FlinkDeployment {name}"
            )
        own = flatten_configuration(session.spec.flink_configuration) if session is not None else {}
        return {**self._deployments.defaults(namespace), **own}

    def refusals(self, resource: FlinkDeployment) -> tuple[Problem, ...]:
        """What is wrong with the session job, or keeps its cluster from taking it."""
        turn = self._turn()
        keys = self._deployments.defaults(resource.metadata.namespace)
        is_new = turn.job.status.observed_generation != turn.job.metadata.generation
        if turn.session is not None and turn.session.spec.effective_engine is not Engine.PENSTOCK:
            reason = Reason.ENGINE_NOT_AVAILABLE
            return (Problem(reason, f"The session cluster {turn.session.metadata.name}: {reason.sentence}"),)
        found = validate_session_job(turn.job, turn.session, keys, addresses_of if is_new else None)
        found = found or self._missing(resource)
        if found:
            return found
        if turn.session is not None and self._cluster(turn.session).rest_url is None:
            sentence = f"The session cluster {turn.session.metadata.name} is not ready yet"
            return (Problem(Reason.JOB_MANAGER_UNREACHABLE, sentence),)
        return ()

    def observe(self, resource: FlinkDeployment) -> ClusterFacts:
        """The job as a cluster of its own would show it: it is there while the JobManager runs it."""
        turn, status = self._turn(), resource.status
        job_id = status.job_status.job_id
        if turn.session is None:
            return ClusterFacts(owns_task_managers=False)
        cluster = self._cluster(turn.session)
        if not cluster.job_manager_exists and not cluster.processes_left:
            return ClusterFacts(problem=cluster.problem, owns_task_managers=False)
        states = _states(cluster.rest_url)
        if states is None:
            exists = job_id is not None and _may_run(status.job_status.state)
            return _facts(exists, cluster, None)
        state = states.get(job_id or "")
        is_saved = status.pending_savepoint is not None and state is not None
        alive = state is not None and state not in _OVER
        if is_saved and not alive:
            return _facts(True, cluster, cluster.rest_url, processes=0)
        others = [other for other in _alive(states, resource) if other != job_id]
        found = _facts(alive, cluster, cluster.rest_url, processes=len(others) + alive)
        if others and not alive:  # the status was lost, or is an old one
            return replace(found, job_manager_exists=True, deployed=DeployedJob(others[0]))
        return found

    def deploy(self, resource: FlinkDeployment, launch: Launch) -> None:
        """Upload the program and run it under the recorded job id, unless the JobManager knows that id already."""
        turn = self._turn()
        url = self._cluster(turn.session).rest_url if turn.session is not None else None
        if url is None:
            name = turn.job.spec.deployment_name
            raise ExternalError(
                Reason.JOB_MANAGER_UNREACHABLE, f"The session cluster {name} is not ready: its job waits"
            )
        request = run_request(launch, turn.session, self._own_keys(resource))
        with ProgramRest(url) as rest:
            if launch.job_id in rest.job_states():
                return
            program = rest.upload(fetch(launch.program, self._fetching(resource)))
            try:
                rest.run(program, request)
            except RequestRefused as refusal:
                if launch.job_id not in rest.job_states():
                    raise ExternalError(Reason.PROGRAM_FAILED, refusal.message) from refusal
            finally:
                forget(rest, program)
        log.info("submitted", resource=str(launch.ref), job_id=launch.job_id)

    def scale(self, resource: FlinkDeployment, launch: Launch, count: int, idle: Sequence[str]) -> None:
        """Nothing: the cluster's TaskManagers are its own."""

    def stop(self, resource: FlinkDeployment) -> None:
        """Cancel the job, and every other of this resource; one that is over, or that nobody knows, is well."""
        turn, job_id = self._turn(), resource.status.job_status.job_id
        if turn.session is None:
            return
        url = self._cluster(turn.session).rest_url
        if url is None:
            if job_id is None:
                return
            raise JobManagerSilent("the session cluster does not answer, so the job cannot be cancelled")
        with ProgramRest(url) as rest:
            states = rest.job_states()
            own = {job_id: states[job_id]} if job_id in states else {}
            for each in dict.fromkeys((*own, *_alive(states, resource))):
                if states[each] not in _OVER:
                    rest.cancel(each)

    def remove(self, resource: FlinkDeployment) -> None:
        """Cancel the job; a silent cluster must not keep the resource, whose deadline goes on."""
        try:
            self.stop(resource)
        except OperatorError as error:
            log.warning(
                "a session job could not be cancelled", resource=resource.metadata.name, error=error.message
            )

    def keep_revision(self, resource: FlinkDeployment, number: int, spec: str, kept: Collection[int]) -> None:
        """A ControllerRevision beside the session job, with the spec that its owner would write."""
        job = self._turn().job
        self._keep_revision(job, number, session_spec_text(spec, job.spec.deployment_name), kept)

    def recall_autoscaler(self, resource: FlinkDeployment) -> bytes | None:
        """Nothing: what is learnt of a session job is learnt again by the next operator."""
        return None

    def keep_autoscaler(self, resource: FlinkDeployment, memory: bytes | None) -> None:
        """Nothing: this operator remembers it for as long as it runs."""

    def recall_recording(self, resource: FlinkDeployment) -> bytes | None:
        """Nothing: what is learnt of a session job is learnt again by the next operator."""
        return None

    def keep_recording(self, resource: FlinkDeployment, recording: bytes | None) -> None:
        """Nothing: this operator remembers it for as long as it runs."""

    def spare_task_managers(self, resource: FlinkDeployment) -> Spare:
        """The free slots of its cluster, each as good as a TaskManager: the cluster's own are not the job's to add."""
        session = self._turn().session
        url = self._cluster(session).rest_url if session is not None else None
        if url is None:
            return Spare(0, "the session cluster is not ready")
        with FlinkRest(url) as rest:
            free = sum(one.free_slots for one in rest.task_managers().taskmanagers)
        return Spare(free, f"the session cluster has {free} free slots")

    def take_snapshot(self, resource: FlinkDeployment, wanted: TakeSnapshot) -> None:
        """A FlinkStateSnapshot beside the session job."""
        self._take_snapshot(Ref(resource.metadata.namespace, resource.metadata.name), wanted)

    def refresh_copies(self, resource: FlinkDeployment) -> None:
        """Nothing: the cluster's loop does it."""

    def storage(self, resource: FlinkDeployment) -> StorageAccess:
        """As the session cluster's pods reach it, with the job's own keys over that."""
        session = self._turn().session
        own = self._own_keys(resource)
        if session is None:
            return StorageAccess({**self._deployments.defaults(resource.metadata.namespace), **own})
        return StorageAccess({**self._deployments.storage(session).keys, **own})

    def job_namespace(self, resource: FlinkDeployment) -> str:
        """The session cluster's."""
        session = self._turn().session
        return (
            self._deployments.job_namespace(session) if session is not None else resource.metadata.namespace
        )

    def logs(self, resource: FlinkDeployment, *, follow: bool) -> Iterator[str]:
        """The session cluster's."""
        session = self._turn().session
        return self._deployments.logs(session, follow=follow) if session is not None else iter(())

    def _turn(self) -> _Turn:
        turn = getattr(self._here, "turn", None)
        if turn is None:
            raise OperatorError(Reason.ERROR, "a session job was acted on before it was read")
        found: _Turn = turn
        return found

    def _cluster(self, session: FlinkDeployment) -> ClusterFacts:
        """The session cluster, looked at once a turn."""
        turn = self._turn()
        if turn.cluster is None:
            turn.cluster = self._deployments.observe(session)
        return turn.cluster

    def _own_keys(self, resource: FlinkDeployment) -> dict[str, str]:
        """The job's own configuration, with the values that are in Secrets and ConfigMaps; without those that are not there."""
        written = flatten_configuration(resource.spec.flink_configuration)
        if not value_sources(resource.spec.flink_configuration):
            return written
        known = self._deployments.storage(resource).keys
        return {key: known[key] for key in written if key in known}

    def _missing(self, resource: FlinkDeployment) -> tuple[Problem, ...]:
        """Values that the job's configuration takes from where they are not."""
        sources = value_sources(resource.spec.flink_configuration)
        known = self._own_keys(resource) if sources else {}
        for key, source in sources.items():
            if key not in known and not source.optional:
                reason = Reason.SECRET_MISSING if source.kind == "Secret" else Reason.CONFIG_MAP_MISSING
                place = resource.metadata.namespace
                message = (
                    f"spec.flinkConfiguration[{key}] names {source.kind} {source.name!r}, key {source.key!r}"
                )
                return (Problem(reason, f"{message}, which is not in {place}: create it"),)
        return ()

    def _fetching(self, resource: FlinkDeployment) -> Fetching:
        """What may be fetched is the installation's to say, never the resource's."""
        installed = self._deployments.defaults(resource.metadata.namespace)
        own = flatten_configuration(resource.spec.flink_configuration)
        system = Values(installed)
        is_guarded = system.boolean("user.artifacts.disallow-restricted-hosts")
        return Fetching(
            is_allowed=lambda address: not (is_guarded and is_restricted(address)),
            schemes=system.names("user.artifacts.allowed-schemes"),
            headers=headers_of(Values({**installed, **own}).text("user.artifacts.http.header")),
            storage_keys=self.storage(resource).keys,
            folder=Path(system.text("user.artifacts.base.dir")),
        )


def _facts(
    exists: bool, cluster: ClusterFacts, url: str | None, processes: int | None = None
) -> ClusterFacts:
    return ClusterFacts(
        job_manager_exists=exists,
        task_managers_exist=exists,
        job_manager_ready=exists and url is not None,
        processes_left=int(exists) if processes is None else processes,
        owns_task_managers=False,
        rest_url=url,
        problem=cluster.problem,
    )


def _states(url: str | None) -> dict[str, str] | None:
    """The states of the cluster's jobs; None where it does not answer."""
    if url is None:
        return None
    try:
        with ProgramRest(url) as rest:
            return rest.job_states()
    except (JobManagerSilent, RequestRefused):
        return None


def _alive(states: Mapping[str, str], resource: FlinkDeployment) -> list[str]:
    """Jobs of this resource that are not over, whatever its status says of them."""
    uid = resource.metadata.uid or ""
    return [found for found, state in states.items() if state not in _OVER and is_job_of(found, uid)]


def _unknown(seen: FlinkDeployment) -> FlinkDeployment:
    """The resource, its job's state unknown unless it was over or suspended."""
    if not _may_run(seen.status.job_status.state):
        return seen
    job = seen.status.job_status.model_copy(update={"state": FlinkJobState.RECONCILING})
    return seen.model_copy(update={"status": seen.status.model_copy(update={"job_status": job})})


def _may_run(state: FlinkJobState | None) -> bool:
    return state is not None and not state.is_terminal and state is not FlinkJobState.SUSPENDED
