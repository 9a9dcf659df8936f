"""How `env.execute()` runs a job: on the cluster that started this program, else in a mini cluster of this process.

In a child of a JobManager, PENSTOCK_SUBMIT names its internal app (`http://HOST:PORT` or `unix:PATH`). Called by the
environment, by name. Blocks; starts no threads but the mini cluster's.
"""

import importlib
import os
import threading
import time
from typing import Any

import httpx

from penstock.common.job_execution_result import JobExecutionResult
from penstock.common.job_id import JobID
from penstock.graph.jobgraph import JobGraph

SUBMIT_VARIABLE = "PENSTOCK_SUBMIT"
_TIMEOUT_SECONDS = 60.0


class SubmissionFailed(RuntimeError):
    """The JobManager refused the job; the message is its own."""


def run(job_graph: JobGraph) -> JobExecutionResult:
    """Submit, and on a mini cluster wait for the end. Raises what failed the job."""
    target = os.environ.get(SUBMIT_VARIABLE)
    if target:
        return JobExecutionResult(JobID(_post(target, job_graph)))
    started = time.monotonic()
    result = _mini_cluster().run_job(job_graph, dict(job_graph.configuration))
    job_id = getattr(result, "job_id", None)
    return JobExecutionResult(JobID(str(job_id or "")), int((time.monotonic() - started) * 1000))


def start(job_graph: JobGraph) -> Any:
    """Submit and return a JobControl."""
    target = os.environ.get(SUBMIT_VARIABLE)
    if target:
        return _Submitted(_post(target, job_graph))
    return _MiniJob(job_graph)


def _mini_cluster() -> Any:
    return importlib.import_module("penstock.launch.minicluster")


def _post(target: str, job_graph: JobGraph) -> str:
    """POST the job graph; the id that the JobManager gave the job."""
    if target.startswith("unix:"):
        transport, base = httpx.HTTPTransport(uds=target.removeprefix("unix:")), "http://jobmanager"
    else:
        transport, base = httpx.HTTPTransport(), target.rstrip("/")
    with httpx.Client(transport=transport, base_url=base, timeout=_TIMEOUT_SECONDS) as client:
        response = client.post(
            "/penstock/jobs",
            content=job_graph.model_dump_json(),
            headers={"content-type": "application/json"},
        )
    if response.status_code >= 300:
        raise SubmissionFailed(f"the JobManager refused the job ({response.status_code}): {response.text}")
    body = response.json()
    return str(body.get("job_id") or body.get("jobid") or "")


class _Submitted:
    """A job of the cluster that runs this program: it goes on when the program ends, and the cluster's tools control it."""

    def __init__(self, job_id: str) -> None:
        self.job_id = job_id

    def status(self) -> str:
        """It was accepted."""
        return "CREATED"

    def wait(self) -> JobExecutionResult:
        """The job outlives this program."""
        return JobExecutionResult(JobID(self.job_id))

    def cancel(self) -> None:
        """Refused: the program ends before its job."""
        raise SubmissionFailed(_NOT_FROM_MAIN)

    def savepoint(self, directory: str | None) -> str:
        """Refused: the program ends before its job."""
        raise SubmissionFailed(_NOT_FROM_MAIN)

    def stop(self, drain: bool, directory: str | None) -> str:
        """Refused: the program ends before its job."""
        raise SubmissionFailed(_NOT_FROM_MAIN)


_NOT_FROM_MAIN = "in an application cluster the job is controlled by the operator, the REST API or `penstock`, not by its main"


class _MiniJob:
    """A job in a mini cluster, run by a thread of this process."""

    def __init__(self, job_graph: JobGraph) -> None:
        self.job_id = os.urandom(16).hex()
        self._graph = job_graph
        self._result: JobExecutionResult | None = None
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="mini-cluster", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._result = run(self._graph)
        except BaseException as error:  # noqa: BLE001 - handed to whoever waits
            self._failure = error

    def status(self) -> str:
        """Running until it ended, one way or the other."""
        if self._thread.is_alive():
            return "RUNNING"
        return "FAILED" if self._failure is not None else "FINISHED"

    def wait(self) -> JobExecutionResult:
        """Wait for the end."""
        self._thread.join()
        if self._failure is not None:
            raise self._failure
        assert self._result is not None  # noqa: S101 - the thread ended without a failure
        return self._result

    def cancel(self) -> None:
        """Cancel through the mini cluster."""
        _mini_cluster().cancel_jobs()
        self._thread.join()

    def savepoint(self, directory: str | None) -> str:
        """Refused: a mini cluster ends with its program."""
        raise SubmissionFailed("savepoints need a cluster: start one with `penstock jobmanager`")

    def stop(self, drain: bool, directory: str | None) -> str:
        """Refused: a mini cluster ends with its program."""
        raise SubmissionFailed("savepoints need a cluster: start one with `penstock jobmanager`")
