"""RUNNING, while one region of the job starts again alone: the other regions run on. Called by `executing` and the machine.

    a task fails ─ try_restart ─> its region's slots go ─ delay ─> Prepare ─ Prepared ─ slots ─> deployed ─ all up ─> over
                   └ not possible, or anything fails meanwhile ─> the whole job fails, as ever

The region restores its part of the newest completed checkpoint. Splits that its sources were given since, and those in
its part of the checkpoint, go back to their enumerators. No checkpoint is taken until the region is up.
"""

from penstock.checkpoint.records import TaskKey
from penstock.checkpoint.restore import RestoreRefused, plan_restore
from penstock.control.messages import Failure, TaskState
from penstock.jobmanager.effects import Prepare, ReleaseSlots, ReturnSplits, Send, TakeSlots
from penstock.jobmanager.events import Prepared
from penstock.jobmanager.job import ENDED, Execution, Job, RegionRestart
from penstock.jobmanager.regions import region_of
from penstock.jobmanager.states import draining, waiting
from penstock.jobmanager.status import JobStatus

UP = (TaskState.RUNNING, TaskState.FINISHED)


def try_restart(job: Job, failed: list[TaskKey], failure: Failure, now: int, slot: str | None) -> bool:
    """Start the region of the failed tasks again, alone; False if the whole job must."""
    if not _is_possible(job, failure):
        return False
    slots = {key: execution.slot_id for key, execution in job.executions.items()}
    tasks = region_of(job.graph, slots, failed)
    if len(tasks) == len(job.executions):
        return False
    delay = job.strategy.delay_after_failure(now)
    if delay is None:
        return False
    vertex_id, index = failed[0]
    vertex = job.graph.vertex(vertex_id)
    job.add_failure(failure, now, f"{vertex.name} ({index + 1}/{vertex.parallelism})", slot)
    job.restarts += 1
    job.coordinator.interrupt(f"a region of the job failed: {failure.message}", now)
    lost = {slots[task] for task in tasks}
    for task in tasks:
        if job.executions[task].state not in ENDED:
            job.executions[task].move(TaskState.CANCELED, now)
    job.region = RegionRestart(tasks, len(lost), now + delay)
    held = tuple(sorted(slot_id for slot_id in lost if slot_id in job.slots))
    for slot_id in held:
        del job.slots[slot_id]
    job.emit(ReleaseSlots(held))
    return True


def _is_possible(job: Job, failure: Failure) -> bool:
    """The job runs undisturbed, and every operator's part of the newest checkpoint can be told from the others'."""
    latest = job.latest
    if not job.options.has_regions or job.status is not JobStatus.RUNNING or latest is None:
        return False
    if latest.metadata.checkpoint_id <= job.region_checkpoint:
        return False  # what a region's sources had in that one was given to others since
    if job.region is not None or job.rescale is not None or job.coordinator.is_stopping:
        return False
    if failure.reason is not None or any(e.has_end_of_data for e in job.executions.values()):
        return False
    parallelism = {
        operator.operator_id: vertex.parallelism
        for vertex in job.graph.vertices
        for operator in vertex.operators
    }
    return all(
        parallelism.get(operator.operator_id) == operator.parallelism
        for operator in latest.metadata.operators
    )


def is_given_up(job: Job, execution: Execution) -> bool:
    """It belongs to the region that starts again, and is not the new one yet: what it reports does not count."""
    region = job.region
    key = (execution.vertex_id, execution.index)
    return region is not None and not region.is_deployed and key in region.tasks


def tick(job: Job, now: int) -> Failure | None:
    """The delay is over, or slots have not come in time: then the failure of the job."""
    region = job.region
    if region is None:
        return None
    if not region.is_preparing and now >= region.due and not job.coordinator.pending:
        region.is_preparing = True
        wait = job.options.adaptive.resource_wait
        region.due = now + wait if wait >= 0 else now + 10**12
        job.emit(Prepare(job.latest))
    elif region.is_preparing and not region.is_deployed and now >= region.due:
        return waiting.missing_slots(job)
    return None


def prepared(job: Job, event: Prepared, now: int) -> None:
    """The attempt of the region is claimed."""
    region = job.region
    if region is None or region.is_deployed or event.restored is None:
        return
    try:
        plan = plan_restore(job.graph, event.restored.metadata, job.options.allow_non_restored, now)
    except RestoreRefused as error:
        failure = Failure(exception="RestoreRefused", message=str(error), reason=error.reason, timestamp=now)
        draining.enter_failing(job, failure, now)
        return
    job.region_checkpoint = event.restored.metadata.checkpoint_id
    job.attempt = event.attempt
    job.next_checkpoint_id = max(job.next_checkpoint_id, event.next_checkpoint_id)
    job.plan, job.restored, job.restored_at = plan, event.restored, now
    job.coordinator.history.restored += 1
    region.is_prepared = True
    deploy_if_possible(job, now)


def deploy_if_possible(job: Job, now: int) -> None:
    """Deploy the region when there are slots for it."""
    region = job.region
    if region is None or not region.is_prepared or region.is_deployed or len(job.free_slots) < region.slots:
        return
    region.is_deployed = True
    fresh, job.free_slots = job.free_slots[: region.slots], job.free_slots[region.slots :]
    old = sorted({job.executions[task].slot_id for task in region.tasks})
    moved = dict(zip(old, fresh, strict=True))
    job.slots |= {slot.slot_id: slot for slot in fresh}
    for vertex_id, index in region.tasks:
        slot_id = moved[job.executions[vertex_id, index].slot_id].slot_id
        execution = Execution(
            vertex_id, index, slot_id, TaskState.CREATED, {TaskState.CREATED: now}, job.attempt
        )
        execution.move(TaskState.SCHEDULED, now)
        execution.move(TaskState.DEPLOYING, now)
        job.replace((vertex_id, index))
        job.executions[vertex_id, index] = execution
    placement = {
        vertex.id: [job.executions[vertex.id, index].slot_id for index in range(vertex.parallelism)]
        for vertex in job.graph.vertices
    }
    job.emit(TakeSlots(tuple(slot.slot_id for slot in fresh)))
    for slot in fresh:
        job.emit(Send(slot.slot_id, waiting.deployment(job, slot.slot_id, placement)))
    _return_splits(job, region)


def _return_splits(job: Job, region: RegionRestart) -> None:
    given = job.handed_out.take_back(region.tasks)
    for vertex in job.graph.vertices:
        indexes = {index for vertex_id, index in region.tasks if vertex_id == vertex.id}
        if vertex.source is None or not indexes or job.plan is None:
            continue
        state = job.plan.operators.get(vertex.operators[0].operator_id)
        restored = [
            split
            for subtask in (state.subtasks if state else [])
            if subtask.index in indexes
            for split in subtask.splits
        ]
        splits = (*restored, *given.get(vertex.id, ()))
        job.emit(ReturnSplits(vertex.id, tuple(sorted(indexes)), splits))


def advance(job: Job, now: int) -> bool:
    """The region's tasks have come up: True when checkpoints may go on."""
    region = job.region
    if region is None or not region.is_deployed:
        return False
    if any(job.executions[task].state not in UP for task in region.tasks):
        return False
    job.region = None
    return True
