"""RUNNING at another parallelism: when to change it, the checkpoint to change from, the way back to CREATED.

Called by `jobmanager.machine` and `executing`. New slots load the job's code first; then it stops with a
checkpoint of its own, so that no record is read twice, keeps its slots, and is deployed again:

    RUNNING ─ consider ─> stop with a checkpoint ─ all tasks FINISHED ─> RESTARTING ─ Prepared ─> CREATED ─> RUNNING
                          └ the checkpoint failed ─> tasks cancelled ─ newest completed one ──^
"""

from penstock.checkpoint.pending import SnapshotRequest
from penstock.checkpoint.store import Snapshot, without_committables
from penstock.control.messages import CancelTasks, TaskState, WarmUp
from penstock.jobmanager.effects import Prepare, ReleaseSlots, Send, StopEnumerators, TakeSlots
from penstock.jobmanager.job import ENDED, Job, Rescale, RescaleCause, RescaleEnd
from penstock.jobmanager.requirements import Parallelism, Requirements, at_parallelism, fit, parallelism_of
from penstock.jobmanager.scheduler import required_slots
from penstock.jobmanager.status import JobStatus

KEPT_RESCALES = 20
WARM_UP_MS = 20_000
"""For new slots to load the code while the job still runs."""


def require(job: Job, wanted: Requirements, now: int) -> None:
    """A person or the operator says how parallel the job may be: done at once, as far as slots are there."""
    job.requirements = wanted
    job.requirements_number += 1
    job.rescale_since = None
    job.is_rescale_asked = True
    consider(job, now)
    target = None if _is_busy(job) else fit(job.graph, wanted, len(job.slots) + len(job.free_slots))
    if target is not None and target == parallelism_of(job.graph):
        job.is_rescale_asked = False
        unchanged = _record(job, target, RescaleCause.UPDATE_REQUIREMENT, now)
        unchanged.ended, unchanged.after, unchanged.outcome = now, unchanged.before, RescaleEnd.NO_CHANGE


def consider(job: Job, now: int) -> None:
    """Change the parallelism now, later, or not at all: as requirements, slots and waits say."""
    job.rescale_at = None
    if job.rescale is not None and job.status is JobStatus.RUNNING:
        _ask_for_snapshot(job, now)
    if _is_busy(job):
        return
    target = fit(job.graph, job.requirements, len(job.slots) + len(job.free_slots))
    present = parallelism_of(job.graph)
    if target is None or target == present or any(e.has_end_of_data for e in job.executions.values()):
        job.rescale_since = None
        return
    if job.rescale_since is None:
        job.rescale_since = now
    due = _due(job, is_all=target == fit(job.graph, job.requirements, None))
    if now < due:
        job.rescale_at = due
        return
    _begin(job, target, now)


def _is_busy(job: Job) -> bool:
    is_changing = job.rescale is not None or job.region is not None
    return job.status is not JobStatus.RUNNING or is_changing or job.coordinator.is_stopping


def _due(job: Job, is_all: bool) -> int:
    since, settings = job.rescale_since or 0, job.options.adaptive
    if is_all and job.is_rescale_asked:
        return since
    cooled = max(job.timestamps.get(JobStatus.RUNNING, 0) + settings.cooldown, job.rescale_not_before)
    return cooled if is_all else max(cooled, since + settings.stabilization)


def _begin(job: Job, target: dict[str, int], now: int) -> None:
    asked = RescaleCause.UPDATE_REQUIREMENT
    cause = asked if job.is_rescale_asked else RescaleCause.NEW_RESOURCE_AVAILABLE
    job.rescale = _record(job, target, cause, now)
    job.is_rescale_asked = False
    job.rescale_since = None
    job.rescale.warm_until = now + WARM_UP_MS
    needed = required_slots(at_parallelism(job.graph, target)) - len(job.slots)
    fresh = job.free_slots[: max(0, needed)]
    job.free_slots = job.free_slots[len(fresh) :]
    if fresh:
        job.emit(TakeSlots(tuple(slot.slot_id for slot in fresh)))
    for slot in fresh:
        job.slots[slot.slot_id] = slot
        job.rescale.warming.add(slot.slot_id)
        job.emit(Send(slot.slot_id, _warm_up(job)))
    _ask_for_snapshot(job, now)


def _record(job: Job, target: Parallelism, cause: RescaleCause, now: int) -> Rescale:
    """One more in the job's history."""
    before = [each for each in job.rescales if each.requirements_number == job.requirements_number]
    rescale = Rescale(
        started=now,
        before=parallelism_of(job.graph),
        target=target,
        wanted=dict(job.requirements),
        cause=cause,
        requirements_number=job.requirements_number,
        number=max((each.number for each in before), default=0) + 1,
    )
    job.rescales.insert(0, rescale)
    del job.rescales[KEPT_RESCALES:]
    return rescale


def _warm_up(job: Job) -> WarmUp:
    return WarmUp(
        job_id=job.id,
        attempt=job.attempt,
        configuration=job.options.configuration,
        program_module=job.graph.program_module,
        factories=[operator.factory for vertex in job.graph.vertices for operator in vertex.operators],
    )


def warmed_up(job: Job, slot_id: str, now: int) -> None:
    """A new slot has loaded the code, or is gone."""
    if job.rescale is not None:
        job.rescale.warming.discard(slot_id)
        _ask_for_snapshot(job, now)


def _ask_for_snapshot(job: Job, now: int) -> None:
    rescale = job.rescale
    if rescale is None or rescale.is_requested:
        return
    if rescale.warming and now < rescale.warm_until:
        job.rescale_at = rescale.warm_until
        return
    rescale.is_requested = True
    job.coordinator.request(SnapshotRequest(None, False, stop=True, is_rescale=True), now)


def snapshot_written(job: Job, snapshot: Snapshot, now: int) -> None:
    """The checkpoint to go on from is complete: what the tasks do now is commit and end."""
    if job.rescale is not None:
        job.rescale.snapshot = snapshot
        job.deadline = now + job.coordinator.settings.timeout


def snapshot_failed(job: Job, now: int) -> None:
    """No checkpoint could be taken: go on from the newest one, if there is any, else stay as it is."""
    rescale = job.rescale
    if rescale is None or rescale.checkpoint_failure is None or rescale.is_cancelling:
        return
    history = job.coordinator.history
    has_any = history.latest_completed is not None or history.latest_savepoint is not None
    if has_any or job.restored is not None:
        _cancel_tasks(job, rescale, now)
    else:
        abandon(job, rescale.checkpoint_failure, now)


def _cancel_tasks(job: Job, rescale: Rescale, now: int) -> None:
    rescale.is_cancelling = True
    job.coordinator.pause()
    for execution in job.executions.values():
        if execution.state not in ENDED:
            execution.move(TaskState.CANCELING, now)
    for slot_id in job.slots:
        job.emit(Send(slot_id, CancelTasks(job_id=job.id, attempt=job.attempt_in(slot_id))))
    job.deadline = now + job.options.cancel_timeout
    advance(job, now)


def abandon(job: Job, message: str, now: int, outcome: RescaleEnd = RescaleEnd.EXCEPTION_OCCURRED) -> None:
    """The change is off; the job runs, or fails, as it is."""
    if job.rescale is not None:
        job.rescale.ended, job.rescale.failure, job.rescale.outcome = now, message, outcome
        job.rescale_not_before = now + job.options.adaptive.cooldown
        job.rescale = None
        if job.status is JobStatus.RUNNING:
            _release_surplus(job)


def advance(job: Job, now: int) -> None:
    """Tasks have ended for a rescale: when all have, the next attempt is prepared."""
    rescale = job.rescale
    if rescale is None or any(execution.state not in ENDED for execution in job.executions.values()):
        return
    job.coordinator.pause()
    job.move(JobStatus.RESTARTING, now)
    job.emit(StopEnumerators())
    snapshot = rescale.snapshot
    if snapshot is not None and snapshot.metadata.checkpoint_id not in job.uncommitted:
        snapshot = Snapshot(snapshot.location, without_committables(snapshot.metadata))
    job.emit(Prepare(snapshot))


def is_due_to_end(job: Job) -> bool:
    """Tasks end because of the rescale, not because the job is over."""
    return job.rescale is not None and (job.rescale.snapshot is not None or job.rescale.is_cancelling)


def tick(job: Job, now: int) -> None:
    """Tasks that do not end in time are cancelled; then they go with their slots' processes."""
    rescale = job.rescale
    if rescale is None or job.deadline is None or now < job.deadline:
        return
    if not rescale.is_cancelling:
        _cancel_tasks(job, rescale, now)
        return
    stuck = {e.slot_id for e in job.executions.values() if e.state not in ENDED}
    for execution in job.executions.values():
        if execution.slot_id in stuck and execution.state not in ENDED:
            execution.move(TaskState.CANCELED, now)
    for slot_id in stuck:
        job.slots.pop(slot_id, None)
    job.emit(ReleaseSlots(tuple(sorted(stuck))))
    advance(job, now)


def concluded(job: Job, now: int) -> None:
    """The job runs again, and the change is on record. Slots without a task go back after a while.

    Not at once: a new process in the slot's place takes its start from the job, and the job may want the slot again.
    """
    job.release_at = now + job.options.adaptive.slot_idle
    if job.rescale is not None:
        job.rescale.ended = now
        job.rescale.after = parallelism_of(job.graph)
        job.rescale.outcome = RescaleEnd.SUCCEEDED
        job.rescale = None


def release_idle(job: Job, now: int) -> None:
    """Give back slots that have had no task for long enough."""
    if job.rescale is not None:
        job.release_at = None  # set again when the job has changed
    elif job.release_at is not None and now >= job.release_at:
        _release_surplus(job)


def _release_surplus(job: Job) -> None:
    job.release_at = None
    used = {execution.slot_id for execution in job.executions.values()}
    surplus = tuple(slot_id for slot_id in job.slots if slot_id not in used)
    for slot_id in surplus:
        del job.slots[slot_id]
    if surplus:
        job.emit(ReleaseSlots(surplus))
