"""Tasks are in slots (CREATED after deployment, RUNNING): their reports, checkpoints, splits, their end.

Called by `jobmanager.machine`. Every event of another attempt was dropped before.
"""

from penstock.checkpoint.pending import SnapshotRequest
from penstock.control.messages import (
    AddSplits,
    CheckpointAcknowledged,
    CheckpointDeclined,
    CommitDone,
    EndOfData,
    Event,
    Failure,
    SplitsWanted,
    SubtaskId,
    TaskMetrics,
    TaskState,
    TaskStateChanged,
)
from penstock.jobmanager.effects import AskForSplits, MarkCommitted, Send
from penstock.jobmanager.events import FromSlot, SplitsAssigned
from penstock.jobmanager.job import ENDED, Execution, Job
from penstock.jobmanager.states import draining, regional, rescaling, terminal
from penstock.jobmanager.status import JobStatus


def from_slot(job: Job, report: FromSlot, now: int) -> None:
    """A slot reports something of the present attempt."""
    event = report.event
    if isinstance(event, TaskStateChanged):
        _task_changed(job, event, now)
    elif isinstance(event, CheckpointAcknowledged):
        job.coordinator.acknowledged(event, now)
    elif isinstance(event, CheckpointDeclined):
        message = f"{job.task_name(event.subtask)}: {event.failure.message}"
        job.coordinator.declined(event.checkpoint_id, message, now)
    else:
        _report(job, event, now)


def _report(job: Job, event: Event, now: int) -> None:
    if isinstance(event, SplitsWanted):
        job.emit(AskForSplits(event.subtask.vertex_id, event.subtask.index))
    elif isinstance(event, TaskMetrics):
        execution = execution_of(job, event.subtask)
        if execution is not None:
            execution.metrics.update(event.values)
    elif isinstance(event, CommitDone):
        commit_done(job, event)
    elif isinstance(event, EndOfData):
        execution = execution_of(job, event.subtask)
        if execution is not None and not regional.is_given_up(job, execution):
            execution.has_end_of_data = True
            _want_final_checkpoint(job, now)


def execution_of(job: Job, subtask: SubtaskId) -> Execution | None:
    """The subtask in the present attempt."""
    return job.executions.get((subtask.vertex_id, subtask.index))


def splits_assigned(job: Job, event: SplitsAssigned) -> None:
    """Hand out splits; everybody hears when there are no more."""
    vertex = job.graph.vertex(event.vertex_id)
    for index in range(vertex.parallelism):
        splits = event.assignments.get(index, [])
        if not splits and not event.no_more:
            continue
        execution = job.executions[vertex.id, index]
        if execution.state in ENDED:
            continue
        subtask = SubtaskId(job_id=job.id, attempt=execution.attempt, vertex_id=vertex.id, index=index)
        job.handed_out.give((vertex.id, index), splits)
        job.emit(Send(execution.slot_id, AddSplits(subtask=subtask, splits=splits, no_more=event.no_more)))


def commit_done(job: Job, event: CommitDone) -> None:
    """Sinks of a task have committed a snapshot; when all have, that is noted beside it."""
    for checkpoint_id in [number for number in job.uncommitted if number <= event.checkpoint_id]:
        location, tasks = job.uncommitted[checkpoint_id]
        tasks.discard((event.subtask.vertex_id, event.subtask.index))
        if not tasks:
            del job.uncommitted[checkpoint_id]
            job.emit(MarkCommitted(location, checkpoint_id))


def stop_written(job: Job, location: str, now: int) -> None:
    """The snapshot of a stop is complete: what the tasks have left to do is commit and end, in time."""
    job.deadline = now + job.coordinator.settings.timeout
    job.stopped_at = location


def overdue_stop(job: Job, now: int) -> Failure | None:
    """The failure of a job whose tasks have not ended though the snapshot of its stop is complete."""
    if job.rescale is not None or job.stopped_at is None or job.deadline is None or now < job.deadline:
        return None
    left = [e for e in job.executions.values() if e.state not in ENDED]
    names = ", ".join(
        job.task_name(SubtaskId(job_id=job.id, attempt=e.attempt, vertex_id=e.vertex_id, index=e.index))
        for e in left
    )
    return Failure(
        exception="StopWithSavepointStoppingException",
        message=f"the snapshot of the stop is complete ({job.stopped_at}), but within {job.coordinator.settings.timeout} ms "
        f"(execution.checkpointing.timeout) these tasks have not committed it and ended: {names}",
    )


def _task_changed(job: Job, event: TaskStateChanged, now: int) -> None:
    execution = execution_of(job, event.subtask)
    if execution is None:
        return
    if regional.is_given_up(job, execution):
        # Its slot is gone or going: the end of its input or of itself is that of work which will be done again.
        if event.failure is not None:
            name = job.task_name(event.subtask)
            job.add_failure(event.failure, now, name, execution.slot_id, is_consequence=True)
        return
    execution.move(event.state, now)
    if job.rescale is not None and job.rescale.is_cancelling:
        rescaling.advance(job, now)
        return
    if event.state in (TaskState.FAILED, TaskState.CANCELED):
        failure = event.failure or Failure(
            exception="TaskEnded",
            message=f"{job.task_name(event.subtask)} was {event.state} without a reason",
        )
        key = (execution.vertex_id, execution.index)
        if not regional.try_restart(job, [key], failure, now, execution.slot_id):
            draining.enter_failing(job, failure, now, job.task_name(event.subtask), execution.slot_id)
        return
    if event.state is TaskState.FINISHED:
        job.coordinator.task_finished((execution.vertex_id, execution.index), now)
        _want_final_checkpoint(job, now)
    advance(job, now)


def advance(job: Job, now: int) -> None:
    """All tasks run → RUNNING; all finished → FINISHED."""
    states = [execution.state for execution in job.executions.values()]
    up = (TaskState.RUNNING, TaskState.FINISHED)
    if job.status is JobStatus.CREATED and all(state in up for state in states):
        job.move(JobStatus.RUNNING, now)
        _start_checkpoints(job, now)
        rescaling.concluded(job, now)
        _want_final_checkpoint(job, now)
        rescaling.consider(job, now)
    elif regional.advance(job, now):
        _start_checkpoints(job, now)
        _want_final_checkpoint(job, now)
        rescaling.consider(job, now)
    if states and rescaling.is_due_to_end(job):
        rescaling.advance(job, now)
    elif states and all(state is TaskState.FINISHED for state in states):
        job.coordinator.stopped()
        terminal.enter(job, JobStatus.FINISHED, now)


def _start_checkpoints(job: Job, now: int) -> None:
    job.coordinator.start(job.graph, job.attempt, job.next_checkpoint_id, now)
    for execution in job.executions.values():
        if execution.state is TaskState.FINISHED:
            job.coordinator.task_finished((execution.vertex_id, execution.index), now)


def _want_final_checkpoint(job: Job, now: int) -> None:
    """When every task has seen the end of its input and some wait for it: one last checkpoint."""
    executions = job.executions.values()
    waiting = [execution for execution in executions if execution.has_end_of_data]
    all_ended = all(e.has_end_of_data or e.state is TaskState.FINISHED for e in executions)
    if job.status is JobStatus.RUNNING and waiting and all_ended and not job.is_final_wanted:
        if all(e.state is TaskState.FINISHED for e in waiting):
            return
        job.is_final_wanted = True
        job.coordinator.request(SnapshotRequest(None, False, stop=True), now)
