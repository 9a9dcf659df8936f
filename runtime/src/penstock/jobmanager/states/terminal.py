"""FINISHED, CANCELED, FAILED: the end; SUSPENDED: the end here. Called by the other states."""

from penstock.jobmanager.effects import Prune, ReleaseSlots, StopEnumerators, StoreResult
from penstock.jobmanager.job import Job, RescaleEnd
from penstock.jobmanager.states import rescaling
from penstock.jobmanager.status import JobStatus

_ENDS = {
    JobStatus.FAILED: RescaleEnd.JOB_FAILED,
    JobStatus.FINISHED: RescaleEnd.JOB_FINISHED,
    JobStatus.CANCELED: RescaleEnd.JOB_CANCELED,
}


def enter_failed(job: Job, now: int) -> None:
    """The failure is the last; where another JobManager may lead by now, the job is its own."""
    enter(job, JobStatus.SUSPENDED if job.has_lost_term else JobStatus.FAILED, now)


def enter(job: Job, status: JobStatus, now: int) -> None:
    """End the job: give back what it holds, and put on record an end that must not be run again."""
    rescaling.abandon(job, f"the job is {status}", now, _ENDS.get(status, RescaleEnd.EXCEPTION_OCCURRED))
    job.coordinator.stop(f"the job is {status}", now)
    job.move(status, now)
    job.emit(StopEnumerators())
    if job.slots:
        job.emit(ReleaseSlots(tuple(job.slots)))
        job.slots = {}
    if status is JobStatus.SUSPENDED:
        return
    if status is not JobStatus.FAILED:
        job.emit(StoreResult(status))
    if not job.coordinator.settings.retention.keeps_after(status):
        job.emit(Prune(0))
