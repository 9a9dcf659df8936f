"""What the JobManager says of the job, as `JobFacts`. Called by `observe/everything.py`; never raises for a silent one."""

import time
from collections.abc import Sequence
from dataclasses import replace

from penstock_api.reasons import Reason
from penstock_api.rest.checkpoint import CheckpointingStatistics, CheckpointStatistics
from penstock_api.rest.job import ExceptionInfo
from penstock_api.rest.trigger import QueueStatus
from penstock_api.v1beta1.status import FlinkDeploymentStatus, FlinkJobState
from penstock_operator.clients.flink_rest import FlinkRest, JobManagerSilent, RequestRefused
from penstock_operator.clients.flink_snapshots import SnapshotRest
from penstock_operator.model.facts import (
    ApplicationFacts,
    JobFacts,
    Problem,
    SavepointProgress,
    Snapshot,
    Thrown,
    VertexFacts,
)

WELL = (FlinkJobState.RUNNING, FlinkJobState.FINISHED, FlinkJobState.CANCELED)
"""States in which an earlier failure is history. In all others, also while it starts again, it is the reason why."""
RESTARTS = ("numRestarts", "fullRestarts")
LOOP_WINDOW_MS = 20_000
LOOP_FAILURES = 3
"""So many failures in so short a time are one that goes on, not some that were overcome."""
TRACE_LINES = 8
"""Lines of a trace in a message: the cause without the whole stack."""


def observe_job(
    url: str | None, status: FlinkDeploymentStatus, timeout: float = 5.0, *, with_vertices: bool = False
) -> JobFacts:
    """Ask the JobManager about the job that the status names; `with_vertices` also how parallel it is."""
    job_id = status.job_status.job_id
    if url is None or job_id is None:
        return JobFacts()
    try:
        with SnapshotRest(url, timeout) as rest:
            found = _ask(rest, job_id, status)
            return _with_vertices(rest, job_id, found) if with_vertices and found.job_id else found
    except (JobManagerSilent, RequestRefused):
        return JobFacts()


def _ask(rest: SnapshotRest, job_id: str, status: FlinkDeploymentStatus) -> JobFacts:
    config = rest.config()
    application = _application(rest)
    found = next((job for job in rest.jobs().jobs if job.jid == job_id), None)
    version = config.penstock_version or config.flink_version
    if found is None:
        # A JobManager that came back after the end of its job knows the end, not the job.
        is_over = application is not None and application.status == "SUCCEEDED"
        return JobFacts(
            reachable=True,
            state=FlinkJobState.FINISHED if is_over else None,
            savepoint=SavepointProgress(known=False) if status.pending_savepoint else None,
            application=application,
            version=version,
        )
    state = _state(found.state)
    statistics = rest.checkpoints(job_id)
    entries = _exceptions(rest, job_id, state)
    newest = statistics.latest.completed if statistics is not None else None
    return JobFacts(
        reachable=True,
        state=state,
        job_id=job_id,
        name=found.name,
        start_time=found.start_time,
        update_time=found.last_modification,
        last_checkpoint=_last_checkpoint(statistics, job_id),
        checkpoint_begun=_checkpoint_begun(statistics),
        savepoint=_savepoint(rest, job_id, status),
        checkpoint=_checkpoint(rest, job_id, status),
        application=application,
        failure=_failure(entries, state),
        version=version,
        revision=config.flink_revision or None,
        state_size=newest.state_size if newest is not None else None,
        thrown=tuple(Thrown(entry.timestamp, _problem(entry)) for entry in entries),
        restarts=_restarts(rest, job_id),
    )


def _restarts(rest: FlinkRest, job_id: str) -> int | None:
    """Of the whole job or a region of it; Flink's newer name first."""
    found = rest.job_metrics(job_id, RESTARTS)
    count = next((found[name] for name in RESTARTS if name in found), None)
    return None if count is None else int(count)


def _with_vertices(rest: FlinkRest, job_id: str, found: JobFacts) -> JobFacts:
    """How parallel the job may be and is; nothing where its scheduler cannot change that."""
    bounds, details = rest.requirements(job_id), rest.job(job_id)
    if bounds is None or details is None:
        return found
    knows = found.application is not None  # the bundled runtime; Flink itself does not tell
    vertices = tuple(
        VertexFacts(
            vertex.id,
            bounds[vertex.id].parallelism.lower_bound,
            bounds[vertex.id].parallelism.upper_bound,
            vertex.parallelism,
            bool(bounds[vertex.id].is_own) if knows else None,
            vertex.max_parallelism,
        )
        for vertex in details.vertices
        if vertex.id in bounds
    )
    managers = rest.task_managers().taskmanagers
    idle = tuple(each.id for each in managers if each.slots_number and each.free_slots == each.slots_number)
    return replace(found, vertices=vertices, idle_task_managers=idle)


def _state(word: str) -> FlinkJobState:
    try:
        return FlinkJobState(word)
    except ValueError:
        return FlinkJobState.RECONCILING


def _application(rest: FlinkRest) -> ApplicationFacts | None:
    found = rest.application()
    if found is None:
        return None
    return ApplicationFacts(found.status.value, _reason(found.reason), found.message or "")


def _reason(word: str | None) -> Reason | None:
    try:
        return Reason(word) if word else None
    except ValueError:
        return None


def _checkpoint_begun(found: CheckpointingStatistics | None) -> int | None:
    """When the oldest checkpoint that is being taken was triggered."""
    going = [entry for entry in (found.history if found else []) if entry.status == "IN_PROGRESS"]
    return min((entry.trigger_timestamp for entry in going), default=None)


def _last_checkpoint(found: CheckpointingStatistics | None, job_id: str) -> Snapshot | None:
    """The newest of completed checkpoints and savepoints that has a path."""
    if found is None:
        return None
    known = [entry for entry in (found.latest.completed, found.latest.savepoint) if entry is not None]
    # Flink says "<checkpoint-not-externally-addressable>" of one that is only in memory.
    stored = [entry for entry in known if entry.external_path and not entry.external_path.startswith("<")]
    if not stored:
        return None
    newest = max(stored, key=lambda entry: entry.id)
    return _snapshot(newest, job_id)


def _snapshot(entry: CheckpointStatistics, job_id: str) -> Snapshot:
    return Snapshot(
        entry.external_path or "", entry.id, entry.trigger_timestamp, job_id, is_savepoint=entry.is_savepoint
    )


def _savepoint(rest: FlinkRest, job_id: str, status: FlinkDeploymentStatus) -> SavepointProgress | None:
    pending = status.pending_savepoint
    if pending is None or not pending.trigger_id:
        return None
    found = rest.savepoint(job_id, pending.trigger_id)
    if found is None:
        return _forgotten(rest, job_id, pending.requested_at or 0)
    if found.status.id is QueueStatus.IN_PROGRESS:
        return SavepointProgress(known=True)
    operation = found.operation
    if operation is not None and operation.location:
        return SavepointProgress(known=True, done=True, location=operation.location)
    cause = operation.failure_cause if operation is not None else None
    return SavepointProgress(known=True, done=True, failure=cause.message if cause else "no reason was given")


def _checkpoint(rest: SnapshotRest, job_id: str, status: FlinkDeploymentStatus) -> SavepointProgress | None:
    """Of one that is a field of the status; a FlinkStateSnapshot looks after its own."""
    info = status.job_status.checkpoint_info
    if info is None or not info.trigger_id:
        return None
    found = rest.checkpoint(job_id, info.trigger_id)
    if found is None or found.status.id is QueueStatus.IN_PROGRESS:
        return SavepointProgress(known=found is not None)
    operation = found.operation
    if operation is not None and operation.checkpoint_id is not None:
        return SavepointProgress(known=True, done=True)
    cause = operation.failure_cause if operation is not None else None
    return SavepointProgress(known=True, done=True, failure=cause.message if cause else "no reason was given")


def _forgotten(rest: FlinkRest, job_id: str, requested_at: int) -> SavepointProgress:
    """A JobManager that chooses its own trigger ids: a savepoint taken after we asked is the one we asked for."""
    found = rest.checkpoints(job_id)
    newest = found.latest.savepoint if found is not None else None
    if newest is not None and newest.external_path and newest.trigger_timestamp >= requested_at:
        return SavepointProgress(known=True, done=True, location=newest.external_path)
    return SavepointProgress(known=False)


def _exceptions(rest: FlinkRest, job_id: str, state: FlinkJobState) -> Sequence[ExceptionInfo]:
    """What the JobManager remembers of failures, the newest first; nobody asks once the job has ended well."""
    if state in WELL and state is not FlinkJobState.RUNNING:
        return ()
    found = rest.exceptions(job_id)
    return found.exception_history.entries if found is not None else ()


def _failure(entries: Sequence[ExceptionInfo], state: FlinkJobState) -> Problem | None:
    """The newest failure where it is the reason for how the job is now; None where it is history."""
    if not entries or (state is FlinkJobState.RUNNING and not _is_looping(entries)):
        return None
    return _problem(entries[0])


def _problem(newest: ExceptionInfo) -> Problem:
    labelled = _reason(newest.failure_labels.get("reason")) or _named(
        newest.exception_name, newest.stacktrace
    )
    lines = newest.stacktrace.strip().splitlines()
    text = "\n".join(lines[-TRACE_LINES:]) if lines else newest.exception_name
    where = f" in {newest.task_name}" if newest.task_name else ""
    return Problem(labelled, f"{newest.exception_name}{where}: {text}", "Job")


def _is_looping(entries: Sequence[ExceptionInfo]) -> bool:
    """Whether a job that says RUNNING only does so between failures; a look now and then would mostly miss them."""
    since = time.time() * 1000 - LOOP_WINDOW_MS
    return sum(1 for entry in entries if entry.timestamp >= since) >= LOOP_FAILURES


def _named(name: str, trace: str) -> Reason:
    """A reason that the runtime names in the exception itself (`StateIncompatible...`), else the general one."""
    named = (
        Reason.STATE_INCOMPATIBLE,
        Reason.STATE_NOT_CLAIMED,
        Reason.STATE_NOT_FOUND,
        Reason.STATE_INCOMPLETE,
        Reason.CHECKPOINT_TOO_OLD,
        Reason.CHECKPOINT_STORAGE_UNAVAILABLE,
    )
    last = trace.strip().splitlines()[-1] if trace.strip() else ""
    return next((reason for reason in named if reason in name or reason in last), Reason.JOB_EXCEPTION)
