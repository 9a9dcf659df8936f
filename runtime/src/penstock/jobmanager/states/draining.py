"""FAILING and CANCELLING: the attempt's tasks are told to end, and its slots are recycled. Called by `jobmanager.machine`."""

from penstock.control.messages import (
    CancelTasks,
    CommitDone,
    Failure,
    TaskMetrics,
    TaskState,
    TaskStateChanged,
)
from penstock.jobmanager.effects import ReleaseSlots, Send, StopEnumerators
from penstock.jobmanager.events import CancelWanted, FromSlot, JobEvent
from penstock.jobmanager.job import ENDED, Job, RescaleEnd
from penstock.jobmanager.states import initializing, rescaling, terminal
from penstock.jobmanager.status import JobStatus

FATAL_REASONS = frozenset({"StateIncompatible", "StateNotClaimed", "AttemptSuperseded", "CheckpointTooOld"})
"""Failures that starting again cannot mend."""


def enter_failing(
    job: Job, failure: Failure, now: int, task: str | None = None, slot: str | None = None
) -> None:
    """Something failed: end every task, then ask the restart strategy."""
    job.add_failure(failure, now, task, slot)
    if job.status in (JobStatus.FAILING, JobStatus.CANCELLING):
        return
    job.failure = failure
    rescaling.abandon(job, failure.message, now, RescaleEnd.RESTARTING)
    job.region = None
    job.coordinator.stop(f"the job failed: {failure.message.splitlines()[0] if failure.message else ''}", now)
    job.move(JobStatus.FAILING, now)
    _cancel_tasks(job, now)


def enter_cancelling(job: Job, now: int) -> None:
    """Somebody wants the job to end without state."""
    was_failing = job.status is JobStatus.FAILING
    rescaling.abandon(job, "the job was cancelled", now, RescaleEnd.JOB_CANCELED)
    job.region = None
    job.coordinator.stop("the job was cancelled", now)
    job.move(JobStatus.CANCELLING, now)
    if was_failing:
        job.deadline = now + job.options.cancel_timeout
        _conclude_if_over(job, now)
    else:
        _cancel_tasks(job, now)


def handle(job: Job, event: JobEvent, now: int) -> None:
    """Tasks end one by one; a cancellation overrides a failure."""
    if isinstance(event, CancelWanted) and job.status is JobStatus.FAILING:
        enter_cancelling(job, now)
    elif isinstance(event, FromSlot) and isinstance(event.event, TaskStateChanged):
        subtask = event.event.subtask
        execution = job.executions.get((subtask.vertex_id, subtask.index))
        if execution is not None and event.event.state in ENDED:
            execution.move(event.event.state, now)
            if event.event.failure is not None:
                job.add_failure(event.event.failure, now, job.task_name(subtask), execution.slot_id)
            _conclude_if_over(job, now)
    elif isinstance(event, FromSlot) and isinstance(event.event, TaskMetrics):
        reported = job.executions.get((event.event.subtask.vertex_id, event.event.subtask.index))
        if reported is not None:
            reported.metrics.update(event.event.values)
    elif isinstance(event, FromSlot) and isinstance(event.event, CommitDone):
        from penstock.jobmanager.states.executing import commit_done

        commit_done(job, event.event)


def slots_gone(job: Job, slot_ids: tuple[str, ...], now: int) -> None:
    """What ran in lost slots has ended."""
    for execution in job.executions.values():
        if execution.slot_id in slot_ids and execution.state not in ENDED:
            execution.move(TaskState.CANCELED, now)
    for slot_id in slot_ids:
        job.slots.pop(slot_id, None)
    _conclude_if_over(job, now)


def tick(job: Job, now: int) -> None:
    """Tasks that do not end in time go with their slot's process."""
    if job.deadline is not None and now >= job.deadline:
        slots_gone(job, (), now)
        _conclude(job, now)


def _cancel_tasks(job: Job, now: int) -> None:
    job.emit(StopEnumerators())
    for execution in job.executions.values():
        if execution.state not in ENDED:
            execution.move(TaskState.CANCELING, now)
    for slot_id in job.slots:
        job.emit(Send(slot_id, CancelTasks(job_id=job.id, attempt=job.attempt_in(slot_id))))
    job.deadline = now + job.options.cancel_timeout
    _conclude_if_over(job, now)


def _conclude_if_over(job: Job, now: int) -> None:
    if all(execution.state in ENDED for execution in job.executions.values()):
        _conclude(job, now)


def _conclude(job: Job, now: int) -> None:
    for execution in job.executions.values():
        if execution.state not in ENDED:
            execution.move(TaskState.CANCELED, now)
    job.emit(ReleaseSlots(tuple(job.slots)))
    job.slots = {}
    if job.status is JobStatus.CANCELLING:
        terminal.enter(job, JobStatus.CANCELED, now)
        return
    is_fatal = job.failure is not None and job.failure.reason in FATAL_REASONS
    delay = None if is_fatal else job.strategy.delay_after_failure(now)
    if delay is None:
        terminal.enter_failed(job, now)
    else:
        initializing.enter_restarting(job, now, delay)
