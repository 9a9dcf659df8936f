"""A job of the cluster whose JobManager runs this main: what a JobClient can ask of it, over the socket it was submitted by.

Made by `launch.submit` for `execute_async` in application and session clusters. The job goes on when main ends; a main
that waits for it is left alone by the JobManager. httpx is imported when something is asked.
"""

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from penstock.common.job_execution_result import JobExecutionResult
from penstock.common.job_id import JobID

if TYPE_CHECKING:
    import httpx

POLL_SECONDS = 0.1
_ASK_SECONDS = 30.0


class SubmissionFailed(RuntimeError):
    """The JobManager refused what main asked for; the message is its own."""


class SubmittedJobFailed(RuntimeError):
    """The job that main waited for did not end well."""


def client_of(target: str, seconds: float) -> "httpx.Client":
    """To the JobManager at `unix:PATH` or `http://HOST:PORT`."""
    # Here, for a program that runs in its own mini cluster asks nobody.
    import httpx

    if target.startswith("unix:"):
        transport = httpx.HTTPTransport(uds=target.removeprefix("unix:"))
        return httpx.Client(transport=transport, base_url="http://jobmanager", timeout=seconds)
    return httpx.Client(base_url=target.rstrip("/"), timeout=seconds)


class SubmittedJob:
    """Implements JobControl. Thread-safe: every call has a connection of its own."""

    def __init__(self, target: str, job_id: str) -> None:
        self._target = target
        self.job_id = job_id

    def status(self) -> str:
        """The job's state now."""
        return str(self._ask("GET", "/status")["status"])

    def cancel(self) -> None:
        """Cancel and wait."""
        self._ask("PATCH", "?mode=cancel")
        self._until_ended()

    def savepoint(self, directory: str | None) -> str:
        """Take a savepoint; its path."""
        return self._triggered("/savepoints", {"target-directory": directory, "cancel-job": False})

    def stop(self, drain: bool, directory: str | None) -> str:
        """Stop with a savepoint; its path."""
        return self._triggered("/stop", {"targetDirectory": directory, "drain": drain})

    def wait(self) -> JobExecutionResult:
        """Wait for the end; SubmittedJobFailed if it is no good one."""
        found = self._until_ended()
        if found["application-status"] != "SUCCEEDED":
            cause = found.get("failure-cause") or {}
            why = cause.get("stack-trace") or f"it is {found['application-status']}"
            raise SubmittedJobFailed(f"job {self.job_id} did not finish: {why}")
        return JobExecutionResult(JobID(self.job_id), int(found["net-runtime"]))

    def _until_ended(self) -> dict[str, Any]:
        while True:
            found = self._ask("GET", "/execution-result")
            if found["status"]["id"] == "COMPLETED":
                return dict(found["job-execution-result"])
            time.sleep(POLL_SECONDS)

    def _triggered(self, path: str, body: Mapping[str, Any]) -> str:
        request_id = self._ask("POST", path, body)["request-id"]
        while True:
            found = self._ask("GET", f"/savepoints/{request_id}")
            if found["status"]["id"] == "COMPLETED":
                operation = found["operation"]
                if cause := operation.get("failure-cause"):
                    raise SubmissionFailed(str(cause["stack-trace"]))
                return str(operation["location"])
            time.sleep(POLL_SECONDS)

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        with client_of(self._target, _ASK_SECONDS) as client:
            response = client.request(method, f"/jobs/{self.job_id}{path}", json=body)
        found: dict[str, Any] = response.json()
        if response.is_error:
            said = [str(line) for line in found.get("errors", [])] or [response.reason_phrase]
            raise SubmissionFailed(f"{response.status_code} {said[0]}")
        return found
