"""INITIALIZING and RESTARTING: an attempt is claimed and its state found. Called by `jobmanager.machine`."""

from penstock.checkpoint.restore import RestoreRefused, plan_restore
from penstock.control.messages import Failure
from penstock.jobmanager.effects import Prepare
from penstock.jobmanager.events import CancelWanted, JobEvent, PreparationFailed, Prepared
from penstock.jobmanager.job import Job
from penstock.jobmanager.states import rescaling, terminal, waiting
from penstock.jobmanager.status import JobStatus


def enter(job: Job, now: int) -> None:
    """First start: claim and look for state at once."""
    job.move(JobStatus.INITIALIZING, now)
    job.emit(Prepare())


def enter_restarting(job: Job, now: int, delay: int) -> None:
    """Wait for the restart strategy's delay, then prepare again."""
    job.move(JobStatus.RESTARTING, now)
    job.restarts += 1
    job.deadline = now + delay


def tick(job: Job, now: int) -> None:
    """The delay is over."""
    if job.deadline is not None and now >= job.deadline:
        job.deadline = None
        job.emit(Prepare())


def handle(job: Job, event: JobEvent, now: int) -> None:
    """Prepared → wait for slots; a failure that trying again may mend → restart."""
    if isinstance(event, CancelWanted):
        terminal.enter(job, JobStatus.CANCELED, now)
    elif isinstance(event, Prepared):
        _prepared(job, event, now)
    elif isinstance(event, PreparationFailed):
        job.has_lost_term = event.has_lost_term
        fail(job, event.failure, event.is_final, now)


def fail(job: Job, failure: Failure, is_final: bool, now: int) -> None:
    """No attempt could start."""
    rescaling.abandon(job, failure.message, now)
    job.add_failure(failure, now)
    job.failure = failure
    delay = None if is_final else job.strategy.delay_after_failure(now)
    if delay is None:
        terminal.enter_failed(job, now)
    else:
        enter_restarting(job, now, delay)


def _prepared(job: Job, event: Prepared, now: int) -> None:
    job.attempt = event.attempt
    job.next_checkpoint_id = event.next_checkpoint_id
    metadata = event.restored.metadata if event.restored else None
    try:
        job.plan = plan_restore(job.graph, metadata, job.options.allow_non_restored, now)
    except RestoreRefused as error:
        fail(
            job,
            Failure(exception="RestoreRefused", message=str(error), reason=error.reason, timestamp=now),
            True,
            now,
        )
        return
    job.graph = job.plan.graph
    job.restored = job.latest = event.restored
    job.region = None
    if event.restored is not None:
        job.restored_at = now
        job.coordinator.history.restored += 1
    waiting.enter(job, now)
