"""How `env.execute()` runs a job: on the cluster that started this program, else in a mini cluster of this process.

In a child of a JobManager, PENSTOCK_SUBMIT names its internal app (`http://HOST:PORT` or `unix:PATH`). Called by the
environment, by name. Blocks; starts no threads but the mini cluster's, which is imported only where a job runs in one:
the main of an application submits and ends.
"""

import os
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING

from penstock.common.job_client import JobControl
from penstock.common.job_execution_result import JobExecutionResult
from penstock.common.job_id import JobID
from penstock.graph.jobgraph import JobGraph
from penstock.launch.submitted import SubmissionFailed, SubmittedJob, client_of

if TYPE_CHECKING:
    from penstock.launch.minicluster import JobResult

SUBMIT_VARIABLE = "PENSTOCK_SUBMIT"
_TIMEOUT_SECONDS = 60.0


def run(job_graph: JobGraph) -> JobExecutionResult:
    """Submit, and on a mini cluster wait for the end. Raises what failed the job."""
    target = os.environ.get(SUBMIT_VARIABLE)
    if target:
        return JobExecutionResult(JobID(_post(target, job_graph)))
    from penstock.launch.minicluster import run_job

    return _result(run_job(job_graph, job_graph.configuration))


def start(job_graph: JobGraph) -> JobControl:
    """Submit and return a JobControl."""
    target = os.environ.get(SUBMIT_VARIABLE)
    if target:
        return SubmittedJob(target, _post(target, job_graph))
    return _MiniJob(job_graph)


def _post(target: str, job_graph: JobGraph) -> str:
    """POST the job graph; the id that the JobManager gave the job."""
    with client_of(target, _TIMEOUT_SECONDS) as client:
        response = client.post(
            "/penstock/jobs",
            content=job_graph.model_dump_json(),
            headers={"content-type": "application/json"},
        )
    if response.status_code >= 300:
        raise SubmissionFailed(f"the JobManager refused the job ({response.status_code}): {response.text}")
    body = response.json()
    return str(body.get("job_id") or body.get("jobid") or "")


class _MiniJob:
    """A job in a mini cluster of its own, which ends with it."""

    def __init__(self, job_graph: JobGraph) -> None:
        from penstock.jobmanager.scheduler import required_slots
        from penstock.launch.minicluster import MiniCluster

        slots = required_slots(job_graph)
        self._cluster = MiniCluster(slots, job_graph.configuration)
        self._cluster.__enter__()
        try:
            self._job = self._cluster.submit(job_graph)
        except BaseException:
            self._cluster.close()
            raise
        self.job_id = self._job.job_id
        self._directory = job_graph.configuration.get("execution.checkpointing.savepoint-dir")
        self._end: Future[JobResult] = Future()
        threading.Thread(target=self._wait, name="mini-job", daemon=True).start()

    def _wait(self) -> None:
        """Wait for the job, end its cluster, then tell whoever waits."""
        result: JobResult | None = None
        failure: BaseException | None = None
        try:
            result = self._job.result()
        except BaseException as error:  # noqa: BLE001 - handed to whoever waits
            failure = error
        self._cluster.close()
        if result is not None:
            self._end.set_result(result)
        else:
            self._end.set_exception(failure or RuntimeError("the job ended without a result"))

    def status(self) -> str:
        """The job's state now."""
        return self._job.status.name

    def wait(self) -> JobExecutionResult:
        """Wait for the end."""
        return _result(self._end.result())

    def cancel(self) -> None:
        """Cancel and wait."""
        if not self._end.done():
            self._job.cancel()
        self._end.exception()

    def savepoint(self, directory: str | None) -> str:
        """Take a savepoint; its path."""
        return self._job.savepoint(self._target(directory))

    def stop(self, drain: bool, directory: str | None) -> str:
        """Stop with a savepoint; its path."""
        path = self._job.stop(self._target(directory), drain)
        self._end.exception()
        return path

    def _target(self, directory: str | None) -> str:
        target = directory or self._directory
        if target is None:
            raise SubmissionFailed(
                "no savepoint directory: name one, or set execution.checkpointing.savepoint-dir"
            )
        return target


def _result(ended: "JobResult") -> JobExecutionResult:
    return JobExecutionResult(JobID(ended.job_id), ended.net_runtime_ms)
