"""The part of Flink's REST API that session jobs need: upload a program, run it under a given job id, forget it.

Used by `reconcile/session_job.py`; errors as in `flink_rest.py`.
"""

from urllib.parse import quote

import httpx
from pydantic import ValidationError

from penstock_api.rest.program import RunRequest, RunResponse, UploadResponse
from penstock_operator.clients.artifacts import Artifact
from penstock_operator.clients.flink_rest import FlinkRest, JobManagerSilent, RequestRefused

RUN_SECONDS = 150.0
"""A main that does not submit a job within the runtime's own two minutes is refused by it."""


class ProgramRest(FlinkRest):
    """One session cluster's programs."""

    def job_states(self) -> dict[str, str]:
        """The state of every job that the JobManager knows, by job id."""
        return {job.jid: job.state for job in self.jobs().jobs}

    def upload(self, program: Artifact) -> str:
        """POST /jars/upload; the program's id."""
        files = {"jarfile": (program.name, program.content, "application/octet-stream")}
        try:
            response = self._http.post("jars/upload", files=files, timeout=60.0)
        except httpx.HTTPError as error:
            raise JobManagerSilent(f"POST /jars/upload: {error!r}") from error
        if response.is_error:
            message = f"POST /jars/upload was refused ({response.status_code}): {response.text[:1000]}"
            raise RequestRefused(response.status_code, message)
        try:
            return UploadResponse.model_validate_json(response.content).program_id
        except ValidationError as error:
            raise JobManagerSilent(f"{response.url} answered in another shape: {error}") from error

    def run(self, program_id: str, request: RunRequest) -> str:
        """POST /jars/:id/run; the id of the job. Blocks until the program's main submitted it."""
        path = f"jars/{quote(program_id, safe='')}/run"
        content = request.model_dump_json(by_alias=True, exclude_none=True)
        headers = {"content-type": "application/json"}
        try:
            response = self._http.post(path, content=content, headers=headers, timeout=RUN_SECONDS)
        except httpx.HTTPError as error:
            raise JobManagerSilent(f"POST /{path}: {error!r}") from error
        if response.is_error:
            message = f"POST /{path} was refused ({response.status_code}): {response.text[:2000]}"
            raise RequestRefused(response.status_code, message)
        return RunResponse.model_validate_json(response.content).jobid

    def forget(self, program_id: str) -> None:
        """DELETE /jars/:id; jobs that it started go on."""
        self._send("DELETE", f"jars/{quote(program_id, safe='')}")
