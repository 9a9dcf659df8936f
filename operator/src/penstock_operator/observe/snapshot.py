"""The facts of one FlinkStateSnapshot: its job, and how far what was asked for is. Called by `reconcile/snapshot.py`."""

import secrets
import time
from collections.abc import Callable

from penstock_api.rest.trigger import QueueStatus
from penstock_api.v1beta1.configuration import flatten_configuration
from penstock_api.v1beta1.deployment import FlinkDeployment
from penstock_api.v1beta1.state_snapshot import FlinkStateSnapshot, SnapshotState
from penstock_api.v1beta1.status import FlinkJobState, JobStatus
from penstock_operator.clients.flink_rest import JobManagerSilent, RequestRefused
from penstock_operator.clients.flink_snapshots import SnapshotRest
from penstock_operator.configuration.values import Values, client_seconds
from penstock_operator.decide.snapshot.times import milliseconds
from penstock_operator.decide.validate_snapshot import validate_snapshot
from penstock_operator.model.duration import parse_duration
from penstock_operator.model.facts import SavepointProgress
from penstock_operator.model.launch import savepoint_directory, with_defaults
from penstock_operator.model.snapshot import SnapshotFacts, SnapshotJob
from penstock_operator.platforms.port import Platform

_TIMEOUT = "execution.checkpointing.timeout"
_LONGEST_MS = 600_000


def observe_snapshot(
    snapshot: FlinkStateSnapshot,
    platform: Platform | None,
    job: FlinkDeployment | None,
    now: Callable[[], float] = time.time,
) -> SnapshotFacts:
    """The facts; `job` is the resource that the snapshot is of, as its `platform` shows it."""
    found, progress = SnapshotJob(), None
    if platform is not None and job is not None:
        found, progress = _job(snapshot, platform, job)
    return SnapshotFacts(
        snapshot=snapshot,
        now=int(now() * 1000),
        job=found,
        progress=progress,
        problems=validate_snapshot(snapshot),
        new_id=secrets.token_hex(16),
    )


def _job(
    snapshot: FlinkStateSnapshot, platform: Platform, job: FlinkDeployment
) -> tuple[SnapshotJob, SavepointProgress | None]:
    spec = with_defaults(job.spec, platform.defaults(job.metadata.namespace))
    keys = flatten_configuration(spec.flink_configuration)
    values, status = Values(keys), job.status.job_status
    asks = snapshot.status.state in (SnapshotState.TRIGGER_PENDING, SnapshotState.IN_PROGRESS)
    url = platform.observe(job).rest_url if asks and status.job_id else None
    state, progress = None, None
    if url is not None and status.job_id:
        state, progress = _ask(url, status.job_id, snapshot, client_seconds(keys))
    return SnapshotJob(
        exists=True,
        state=state or status.state,
        reachable=state is not None,
        job_id=status.job_id,
        savepoint_directory=savepoint_directory(spec),
        format_type=values.text("savepoint.format.type"),
        checkpoint_type=values.text("checkpoint.type"),
        restores_from=status.upgrade_savepoint_path,
        has_moved_on=has_moved_on(status),
        longest_ms=_longest(keys.get(_TIMEOUT)),
    ), progress


def has_moved_on(status: JobStatus) -> bool:
    """Whether the job runs and a checkpoint was recorded since it started."""
    newest, started = status.last_checkpoint, status.start_time or ""
    if status.state is not FlinkJobState.RUNNING or newest is None or not started.isdigit():
        return False
    return (newest.timestamp or 0) >= int(started)


def _longest(text: str | None) -> int:
    try:
        return round(parse_duration(text).total_seconds() * 1000) if text else _LONGEST_MS
    except ValueError:
        return _LONGEST_MS


def _ask(
    url: str, job_id: str, snapshot: FlinkStateSnapshot, seconds: float
) -> tuple[FlinkJobState | None, SavepointProgress | None]:
    """The job's state by its JobManager, and the trigger's progress; nothing where it does not answer."""
    try:
        with SnapshotRest(url, seconds) as rest:
            found = next((job for job in rest.jobs().jobs if job.jid == job_id), None)
            if found is None:
                return None, None
            state = FlinkJobState(found.state)
            if snapshot.status.state is not SnapshotState.IN_PROGRESS:
                return state, None
            if snapshot.spec.savepoint is not None:
                return state, _savepoint(rest, job_id, snapshot)
            return state, _checkpoint(rest, job_id, snapshot)
    except (JobManagerSilent, RequestRefused, ValueError):
        return None, None


def _savepoint(rest: SnapshotRest, job_id: str, snapshot: FlinkStateSnapshot) -> SavepointProgress:
    found = rest.savepoint(job_id, snapshot.status.trigger_id or "")
    if found is None:
        return _forgotten(rest, job_id, snapshot)
    if found.status.id is QueueStatus.IN_PROGRESS:
        return SavepointProgress(known=True)
    operation = found.operation
    if operation is not None and operation.location:
        return SavepointProgress(known=True, done=True, location=operation.location)
    cause = operation.failure_cause if operation is not None else None
    return SavepointProgress(known=True, done=True, failure=cause.message if cause else "no reason was given")


def _forgotten(rest: SnapshotRest, job_id: str, snapshot: FlinkStateSnapshot) -> SavepointProgress:
    """Of a JobManager that chose its own id, or was replaced: a savepoint taken since we asked is the one."""
    statistics = rest.checkpoints(job_id)
    newest = statistics.latest.savepoint if statistics is not None else None
    asked = milliseconds(snapshot.status.trigger_timestamp)
    if newest is not None and newest.external_path and newest.trigger_timestamp >= asked:
        return SavepointProgress(known=True, done=True, location=newest.external_path)
    return SavepointProgress(known=False)


def _checkpoint(rest: SnapshotRest, job_id: str, snapshot: FlinkStateSnapshot) -> SavepointProgress:
    found = rest.checkpoint(job_id, snapshot.status.trigger_id or "")
    if found is None:
        return SavepointProgress(known=False)
    if found.status.id is QueueStatus.IN_PROGRESS:
        return SavepointProgress(known=True)
    operation = found.operation
    if operation is None or operation.checkpoint_id is None:
        cause = operation.failure_cause if operation is not None else None
        return SavepointProgress(
            known=True, done=True, failure=cause.message if cause else "no reason was given"
        )
    details = rest.checkpoint_details(job_id, operation.checkpoint_id)
    return SavepointProgress(known=True, done=True, location=details.external_path if details else None)
