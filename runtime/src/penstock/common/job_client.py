"""A handle on a job that runs: made by `execute_async`. Talks through a `JobControl`, which `launch.submit` provides."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

from penstock.common.completable_future import CompletableFuture
from penstock.common.job_execution_result import JobExecutionResult
from penstock.common.job_id import JobID
from penstock.common.job_status import JobStatus


class JobControl(Protocol):
    """What can be asked of a running job; every call may block."""

    job_id: str

    def status(self) -> str:
        """The name of the job's state."""

    def cancel(self) -> None:
        """Cancel and wait until it is canceled."""

    def savepoint(self, directory: str | None) -> str:
        """Take a savepoint; returns its path."""

    def stop(self, drain: bool, directory: str | None) -> str:
        """Stop with a savepoint; returns its path."""

    def wait(self) -> JobExecutionResult:
        """Wait for the end; raises if the job failed."""


class JobClient:
    """A handle on a job."""

    def __init__(self, control: JobControl) -> None:
        self._control = control
        self._threads = ThreadPoolExecutor(max_workers=4, thread_name_prefix="job-client")

    def get_job_id(self) -> JobID:
        """The id of the job."""
        return JobID(self._control.job_id)

    def get_job_status(self) -> CompletableFuture:
        """The JobStatus; a job that is still being set up is CREATED."""
        return self._later(lambda: _status_of(self._control.status()))

    def cancel(self) -> CompletableFuture:
        """Cancel the job."""
        return self._later(self._control.cancel)

    def trigger_savepoint(self, savepoint_directory: str | None = None) -> CompletableFuture:
        """Take a savepoint; its path."""
        return self._later(lambda: self._control.savepoint(savepoint_directory))

    def stop_with_savepoint(
        self, advance_to_end_of_event_time: bool, savepoint_directory: str | None = None
    ) -> CompletableFuture:
        """Stop with a savepoint, draining first if asked; its path."""
        return self._later(lambda: self._control.stop(advance_to_end_of_event_time, savepoint_directory))

    def get_job_execution_result(self) -> CompletableFuture:
        """The result once the job has finished."""
        return self._later(self._control.wait)

    def get_accumulators(self) -> CompletableFuture:
        """The accumulators once the job has finished."""
        return self._later(lambda: self._control.wait().get_all_accumulator_results())

    def _later(self, work: Callable[[], Any]) -> CompletableFuture:
        return CompletableFuture(self._threads.submit(work))


def _status_of(name: str) -> JobStatus:
    return JobStatus.CREATED if name == "INITIALIZING" else JobStatus[name]
