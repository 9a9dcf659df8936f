"""Checkpoints, savepoints and stops over REST: statistics, triggers and their status. Bodies as Flink's."""

from collections.abc import Mapping
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from penstock.checkpoint.records import CheckpointRecord
from penstock.checkpoint.settings import Retention
from penstock.jobmanager.job import Job
from penstock.rest.answers import answer, body_of, job_of, master_of, running_of
from penstock.rest.figures import summary
from penstock.rest.jobs import failure_cause
from penstock.rest.owed import owe, told


def row(job: Job, record: CheckpointRecord, with_tasks: bool = False) -> dict[str, Any]:
    """One checkpoint."""
    kind = "SYNC_SAVEPOINT" if record.stop else "SAVEPOINT"
    status = str(record.status)
    last = record.last_acknowledged
    found: dict[str, Any] = {
        "className": {"COMPLETED": "completed", "FAILED": "failed"}.get(status, "in_progress"),
        "id": record.id,
        "status": status,
        "is_savepoint": record.is_savepoint,
        "savepointFormat": _format_of(record),
        "trigger_timestamp": record.triggered,
        "latest_ack_timestamp": last,
        "checkpointed_size": record.new_size,
        "state_size": record.size,
        "end_to_end_duration": record.duration,
        "alignment_buffered": 0,
        "processed_data": 0,
        "persisted_data": 0,
        "num_subtasks": len(record.tasks),
        "num_acknowledged_subtasks": len(record.subtasks),
        "checkpoint_type": kind if record.is_savepoint else "CHECKPOINT",
        "tasks": _tasks(job, record) if with_tasks else {},
    }
    if status == "COMPLETED":
        found |= {"external_path": record.location, "discarded": False}
    elif status == "FAILED":
        found |= {"failure_timestamp": record.ended, "failure_message": record.failure}
    return found


def _tasks(job: Job, record: CheckpointRecord) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for vertex in job.graph.vertices:
        number = sum(vertex_id == vertex.id for vertex_id, _ in record.tasks)
        acks = [ack for (vertex_id, _), ack in record.subtasks.items() if vertex_id == vertex.id]
        last = max((ack.timestamp for ack in acks), default=-1)
        found[vertex.id] = {
            "id": record.id,
            "status": str(record.status),
            "latest_ack_timestamp": last,
            "checkpointed_size": sum(ack.size for ack in acks),
            "state_size": sum(ack.size for ack in acks),
            "end_to_end_duration": max(0, last - record.triggered),
            "alignment_buffered": 0,
            "processed_data": 0,
            "persisted_data": 0,
            "num_subtasks": number,
            "num_acknowledged_subtasks": len(acks),
        }
    return found


async def statistics(request: Request) -> Response:
    """GET /jobs/:id/checkpoints."""
    job = job_of(request)
    history = job.coordinator.history
    completed = [record for record in history.records if str(record.status) == "COMPLETED"]
    sizes, durations = [r.size for r in completed], [r.duration for r in completed]
    new_sizes = [r.new_size for r in completed]
    zeros = summary([0 for _ in completed])
    restored = None
    if job.restored is not None:
        metadata = job.restored.metadata
        restored = {
            "id": metadata.checkpoint_id,
            "restore_timestamp": job.restored_at,
            "is_savepoint": str(metadata.kind) == "SAVEPOINT",
            "external_path": job.restored.location,
        }
    latest = {
        name: row(job, record) if record else None
        for name, record in (
            ("completed", history.latest_completed),
            ("savepoint", history.latest_savepoint),
            ("failed", history.latest_failed),
        )
    }
    return answer(
        {
            "counts": {
                "restored": history.restored,
                "total": history.completed + history.failed + history.in_progress,
                "in_progress": history.in_progress,
                "completed": history.completed,
                "failed": history.failed,
            },
            "summary": {
                "checkpointed_size": summary(new_sizes),
                "state_size": summary(sizes),
                "end_to_end_duration": summary(durations),
                "alignment_buffered": zeros,
                "processed_data": zeros,
                "persisted_data": zeros,
            },
            "latest": {**latest, "restored": restored},
            "history": [row(job, record) for record in history.records],
        }
    )


async def config(request: Request) -> Response:
    """GET /jobs/:id/checkpoints/config."""
    settings = job_of(request).coordinator.settings
    return answer(
        {
            "mode": "exactly_once",
            "interval": settings.interval or 9223372036854775807,
            "timeout": settings.timeout,
            "min_pause": settings.min_pause,
            "max_concurrent": settings.most_at_once,
            "externalization": {
                "enabled": settings.retention is not Retention.NO_EXTERNALIZED_CHECKPOINTS,
                "delete_on_cancellation": settings.retention is Retention.DELETE_ON_CANCELLATION,
            },
            "state_backend": "HashMapStateBackend",
            "checkpoint_storage": "FileSystemCheckpointStorage",
            "unaligned_checkpoints": settings.unaligned,
            "tolerable_failed_checkpoints": settings.tolerable_failures,
            "aligned_checkpoint_timeout": settings.alignment_timeout,
            "checkpoints_after_tasks_finish": True,
            "state_changelog_enabled": False,
            "changelog_periodic_materialization_interval": 600_000,
            "changelog_storage": "memory",
        }
    )


def _record_of(request: Request) -> tuple[Job, CheckpointRecord]:
    job, number = job_of(request), int(request.path_params["number"])
    history = job.coordinator.history
    for record in (*history.records, history.latest_completed, history.latest_savepoint):
        if record is not None and record.id == number:
            return job, record
    raise HTTPException(404, f"Could not find checkpointing statistics for checkpoint {number}.")


async def details(request: Request) -> Response:
    """GET /jobs/:id/checkpoints/details/:number."""
    job, record = _record_of(request)
    return answer(row(job, record, with_tasks=True))


async def subtasks(request: Request) -> Response:
    """GET /jobs/:id/checkpoints/details/:number/subtasks/:vid."""
    job, record = _record_of(request)
    vertex = str(request.path_params["vertex"])
    tasks = _tasks(job, record)
    if vertex not in tasks:
        raise HTTPException(404, f"There is no vertex {vertex} in checkpoint {record.id}")
    acks = {index: ack for (vertex_id, index), ack in record.subtasks.items() if vertex_id == vertex}
    rows = [
        {
            "className": "completed",
            "index": index,
            "ack_timestamp": ack.timestamp,
            "end_to_end_duration": ack.timestamp - record.triggered,
            "checkpointed_size": ack.size,
            "state_size": ack.size,
            "checkpoint": {"sync": ack.sync_ms, "async": ack.async_ms},
            "alignment": {"buffered": 0, "processed": 0, "persisted": 0, "duration": ack.alignment_ms},
            "start_delay": ack.start_delay_ms,
            "unaligned_checkpoint": False,
            "aborted": False,
            "status": "completed",
        }
        for index, ack in sorted(acks.items())
    ]
    found = list(acks.values())
    aggregated = {
        "checkpointed_size": summary([ack.size for ack in found]),
        "state_size": summary([ack.size for ack in found]),
        "end_to_end_duration": summary([ack.timestamp - record.triggered for ack in found]),
        "checkpoint_duration": {
            "sync": summary([ack.sync_ms for ack in found]),
            "async": summary([ack.async_ms for ack in found]),
        },
        "alignment": {
            "buffered": summary([0 for _ in found]),
            "processed": summary([0 for _ in found]),
            "persisted": summary([0 for _ in found]),
            "duration": summary([ack.alignment_ms for ack in found]),
        },
        "start_delay": summary([ack.start_delay_ms for ack in found]),
    }
    return answer({**tasks[vertex], "summary": aggregated, "subtasks": rows})


async def trigger_savepoint(request: Request) -> Response:
    """POST /jobs/:id/savepoints; with `cancel-job` it is a stop."""
    body = await body_of(request)
    stop = bool(body.get("cancel-job"))
    wanted = (body.get("triggerId"), True, body.get("target-directory"))
    return _trigger(request, *wanted, stop=stop, is_native=_is_native(body))


async def trigger_stop(request: Request) -> Response:
    """POST /jobs/:id/stop."""
    body = await body_of(request)
    directory = body.get("targetDirectory") or body.get("target-directory")
    wanted = (body.get("triggerId"), True, directory)
    return _trigger(request, *wanted, stop=True, drain=bool(body.get("drain")), is_native=_is_native(body))


async def trigger_checkpoint(request: Request) -> Response:
    """POST /jobs/:id/checkpoints."""
    body = await body_of(request)
    return _trigger(request, body.get("triggerId"), False, None)


def _is_native(body: Mapping[str, Any]) -> bool:
    """The wanted savepoint format; Flink's default is the canonical one."""
    name = str(body.get("formatType") or "CANONICAL").upper()
    if name not in ("CANONICAL", "NATIVE"):
        raise HTTPException(400, f"formatType is {name!r}: use CANONICAL or NATIVE")
    return name == "NATIVE"


def _format_of(record: CheckpointRecord) -> str | None:
    if not record.is_savepoint:
        return None
    return "NATIVE" if record.is_native else "CANONICAL"


def _trigger(
    request: Request,
    trigger_id: str | None,
    is_savepoint: bool,
    directory: str | None,
    stop: bool = False,
    drain: bool = False,
    is_native: bool = False,
) -> Response:
    job = job_of(request)
    if is_savepoint and not directory and not job.coordinator.settings.savepoint_directory:
        raise HTTPException(
            400,
            "Config key [execution.checkpointing.savepoint-dir] is not set. Property [target-directory] must be provided.",
        )
    request_id = master_of(request).trigger(
        job.id, is_savepoint, directory, stop, drain, trigger_id, is_native
    )
    if stop:
        owe(request, request_id)
    return answer({"request-id": request_id}, 202)


async def trigger_status(request: Request) -> Response:
    """GET /jobs/:id/savepoints/:trigger and /jobs/:id/checkpoints/:trigger."""
    running, trigger = running_of(request), str(request.path_params["trigger"])
    state = running.machine.job.coordinator.requests.get(trigger)
    if state is None:
        raise HTTPException(404, f"Operation not found under key: {trigger}")
    # A stop is done when the job's end is on record: a JobManager that starts after it must not run the job again.
    is_unrecorded = state.request.stop and state.failure is None and not running.ended.is_set()
    if not state.is_done or is_unrecorded:
        return answer({"status": {"id": "IN_PROGRESS"}, "operation": None})
    operation: dict[str, Any]
    if state.failure is not None:
        operation = {
            "failure-cause": failure_cause("CheckpointException", f"CheckpointException: {state.failure}")
        }
    elif state.request.is_savepoint:
        operation = {"location": state.location}
    else:
        operation = {"checkpointId": state.checkpoint_id}
    told(request, trigger)
    return answer({"status": {"id": "COMPLETED"}, "operation": operation})


ROUTES = (
    Route("/jobs/{job}/checkpoints", statistics),
    Route("/jobs/{job}/checkpoints", trigger_checkpoint, methods=["POST"]),
    Route("/jobs/{job}/checkpoints/config", config),
    Route("/jobs/{job}/checkpoints/details/{number:int}", details),
    Route("/jobs/{job}/checkpoints/details/{number:int}/subtasks/{vertex}", subtasks),
    Route("/jobs/{job}/checkpoints/{trigger}", trigger_status),
    Route("/jobs/{job}/savepoints", trigger_savepoint, methods=["POST"]),
    Route("/jobs/{job}/savepoints/{trigger}", trigger_status),
    Route("/jobs/{job}/stop", trigger_stop, methods=["POST"]),
)
