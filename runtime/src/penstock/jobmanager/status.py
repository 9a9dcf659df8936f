"""The states of a job in Flink's words, and the one table of legal moves. Pure."""

from enum import StrEnum


class JobStatus(StrEnum):
    """Flink's job states."""

    INITIALIZING = "INITIALIZING"
    CREATED = "CREATED"
    RUNNING = "RUNNING"
    FAILING = "FAILING"
    FAILED = "FAILED"
    CANCELLING = "CANCELLING"
    CANCELED = "CANCELED"
    FINISHED = "FINISHED"
    RESTARTING = "RESTARTING"
    SUSPENDED = "SUSPENDED"
    RECONCILING = "RECONCILING"

    @property
    def is_terminal(self) -> bool:
        """The job will never run again by itself; SUSPENDED: not in this JobManager."""
        return self in (JobStatus.FAILED, JobStatus.CANCELED, JobStatus.FINISHED, JobStatus.SUSPENDED)


_S = JobStatus
LEGAL_MOVES: dict[JobStatus, frozenset[JobStatus]] = {
    _S.INITIALIZING: frozenset({_S.CREATED, _S.RESTARTING, _S.FAILED, _S.CANCELED, _S.SUSPENDED}),
    _S.CREATED: frozenset({_S.RUNNING, _S.FAILING, _S.CANCELLING, _S.FINISHED}),
    _S.RUNNING: frozenset({_S.FAILING, _S.CANCELLING, _S.FINISHED, _S.RESTARTING}),
    _S.FAILING: frozenset({_S.RESTARTING, _S.FAILED, _S.CANCELLING, _S.SUSPENDED}),
    _S.RESTARTING: frozenset({_S.CREATED, _S.FAILED, _S.CANCELED, _S.SUSPENDED}),
    _S.CANCELLING: frozenset({_S.CANCELED}),
    _S.FAILED: frozenset(),
    _S.CANCELED: frozenset(),
    _S.FINISHED: frozenset(),
    _S.SUSPENDED: frozenset(),
}


class IllegalMove(Exception):
    """A move that the table does not know: a defect of ours; the message holds the job's history."""
