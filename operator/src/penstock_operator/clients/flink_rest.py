"""A client of Flink's REST API v1, for the bundled JobManager and for a real one (Decision 1).

Made by `observe/` and `act/` for one JobManager at a time. Answers are the contract's models; a JobManager that does
not answer, or answers with nonsense, is `JobManagerSilent`; an unknown path or id is None where that is an answer.
"""

import math
import ssl
import time
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from types import TracebackType
from typing import Self, TypeVar
from urllib.parse import quote

import httpx
from pydantic import BaseModel, ValidationError

from penstock_api.reasons import Reason
from penstock_api.rest import CheckpointingStatistics, ClusterConfig, JobDetails, JobExceptions, JobsOverview
from penstock_api.rest.cluster import TaskManagerList
from penstock_api.rest.job import JobResourceRequirements, VertexRequirements
from penstock_api.rest.metric import AggregatedMetric, AggregatedMetricList, MetricList
from penstock_api.rest.source import JobSources
from penstock_api.rest.trigger import (
    PenstockApplication,
    SavepointStatus,
    SavepointTriggerRequest,
    StartWord,
    StopRequest,
    TriggerResponse,
)
from penstock_operator.errors import ExternalError

Body = TypeVar("Body", bound=BaseModel)


@cache
def _tls() -> ssl.SSLContext:
    """One for all: reading the certificate authorities takes longer than asking a JobManager everything."""
    return ssl.create_default_context()


class JobManagerSilent(ExternalError):
    """The JobManager did not answer, or not in its protocol."""

    def __init__(self, message: str) -> None:
        super().__init__(Reason.JOB_MANAGER_UNREACHABLE, message)


class RequestRefused(ExternalError):
    """The JobManager understood and refused; the message is its own."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(Reason.ERROR, message)
        self.status = status


class FlinkRest:
    """One JobManager's REST API. Use as a context manager; calls block for `timeout` seconds at most.

    All of them together for `within` seconds: a JobManager that answers each of many questions just in time is silent too.
    """

    def __init__(self, url: str, timeout: float = 5.0, within: float = math.inf) -> None:
        self._timeout, self._deadline = timeout, time.monotonic() + within
        # The proxy variables of the environment are for the outside, never for a job.
        self._http = httpx.Client(
            base_url=url.rstrip("/") + "/", timeout=timeout, trust_env=False, verify=_tls()
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def config(self) -> ClusterConfig:
        """GET /config: who answers."""
        return self._get("config", ClusterConfig)

    def jobs(self) -> JobsOverview:
        """GET /jobs/overview."""
        return self._get("jobs/overview", JobsOverview)

    def application(self) -> PenstockApplication | None:
        """GET /penstock/application; None where a real Flink answers."""
        return self._find("penstock/application", PenstockApplication)

    def sources(self, job_id: str) -> JobSources | None:
        """GET /penstock/jobs/:id/sources; None if the job is not known, or where a real Flink answers."""
        return self._find(f"penstock/jobs/{job_id}/sources", JobSources)

    def exceptions(self, job_id: str) -> JobExceptions | None:
        """GET /jobs/:id/exceptions; None if the job is not known."""
        return self._find(f"jobs/{job_id}/exceptions", JobExceptions)

    def checkpoints(self, job_id: str) -> CheckpointingStatistics | None:
        """GET /jobs/:id/checkpoints; None if the job is not known or takes none."""
        return self._find(f"jobs/{job_id}/checkpoints", CheckpointingStatistics)

    def job_metrics(self, job_id: str, names: Iterable[str]) -> dict[str, float]:
        """GET /jobs/:id/metrics?get=...: those that the JobManager has; none if the job is not known."""
        path = f"jobs/{job_id}/metrics?get={','.join(names)}"
        try:
            response = self._send("GET", path)
        except RequestRefused as refusal:
            if refusal.status in (400, 404):
                return {}
            raise
        try:
            found = MetricList.validate_json(response.content)
        except ValidationError as error:
            raise JobManagerSilent(f"{response.url} answered in another shape: {error}") from error
        return {metric.id: metric.number for metric in found if not math.isnan(metric.number)}

    def savepoint(self, job_id: str, trigger_id: str) -> SavepointStatus | None:
        """GET /jobs/:id/savepoints/:trigger; None if the trigger is not known."""
        return self._find(f"jobs/{job_id}/savepoints/{trigger_id}", SavepointStatus)

    def trigger_savepoint(self, job_id: str, request: SavepointTriggerRequest) -> str:
        """POST /jobs/:id/savepoints; the trigger's id. The same id twice takes one savepoint."""
        return self._post(f"jobs/{job_id}/savepoints", request)

    def stop(self, job_id: str, request: StopRequest) -> str:
        """POST /jobs/:id/stop; the trigger's id. The same id twice takes one savepoint."""
        return self._post(f"jobs/{job_id}/stop", request)

    def tell(self, from_savepoint: str | None) -> None:
        """PUT /penstock/application/word: a JobManager that waits starts its job, from this state."""
        word = StartWord(from_savepoint=from_savepoint)
        self._send("PUT", "penstock/application/word", word.model_dump_json())

    def cancel(self, job_id: str) -> None:
        """PATCH /jobs/:id: end the job without a savepoint. One that is over, or not known, is well."""
        try:
            self._send("PATCH", f"jobs/{job_id}?mode=cancel")
        except RequestRefused as refusal:
            if refusal.status not in (404, 409):
                raise

    def job(self, job_id: str) -> JobDetails | None:
        """GET /jobs/:id: the job with its vertices; None if it is not known."""
        return self._find(f"jobs/{job_id}", JobDetails)

    def requirements(self, job_id: str) -> dict[str, VertexRequirements] | None:
        """GET /jobs/:id/resource-requirements; None where the job is not known or its scheduler cannot change them."""
        try:
            response = self._send("GET", f"jobs/{job_id}/resource-requirements")
            return JobResourceRequirements.validate_json(response.content)
        except RequestRefused:  # a scheduler that cannot answers 500, a Flink before 1.18 404
            return None
        except ValidationError as error:
            message = f"GET /jobs/{job_id}/resource-requirements was answered in another shape: {error}"
            raise JobManagerSilent(message) from error

    def require(self, job_id: str, wanted: Mapping[str, VertexRequirements]) -> None:
        """PUT /jobs/:id/resource-requirements; asking twice changes nothing the second time."""
        body = JobResourceRequirements.dump_json(dict(wanted), by_alias=True, exclude_none=True)
        self._send("PUT", f"jobs/{job_id}/resource-requirements", body.decode())

    def vertex_metric_names(self, job_id: str, vertex_id: str) -> tuple[str, ...]:
        """GET /jobs/:id/vertices/:v/subtasks/metrics: what the vertex's subtasks report."""
        found = self._list(f"jobs/{job_id}/vertices/{vertex_id}/subtasks/metrics")
        return tuple(metric.id for metric in found)

    def vertex_metrics(
        self, job_id: str, vertex_id: str, names: Sequence[str]
    ) -> dict[str, AggregatedMetric]:
        """The same with `?get=`: min, max, mean and sum over the subtasks; what nobody reports is left out."""
        wanted = quote(",".join(names), safe=",")
        path = f"jobs/{job_id}/vertices/{vertex_id}/subtasks/metrics?get={wanted}&agg=min,max,avg,sum"
        return {metric.id: metric for metric in self._list(path)}

    def task_manager_metrics(self, names: Sequence[str]) -> dict[str, AggregatedMetric]:
        """GET /taskmanagers/metrics: the highest value of each over all TaskManagers, and the sum."""
        wanted = quote(",".join(names), safe=",")
        found = self._list(f"taskmanagers/metrics?get={wanted}&agg=max,sum")
        return {metric.id: metric for metric in found}

    def task_managers(self) -> TaskManagerList:
        """GET /taskmanagers: with their slots."""
        return self._get("taskmanagers", TaskManagerList)

    def _get(self, path: str, model: type[Body]) -> Body:
        return _read(self._send("GET", path), model)

    def _list(self, path: str) -> list[AggregatedMetric]:
        response = self._send("GET", path)
        try:
            return AggregatedMetricList.validate_json(response.content)
        except ValidationError as error:
            raise JobManagerSilent(f"{response.url} answered in another shape: {error}") from error

    def _find(self, path: str, model: type[Body]) -> Body | None:
        try:
            return self._get(path, model)
        except RequestRefused as refusal:
            if refusal.status in (400, 404):
                return None
            raise

    def _post(self, path: str, body: BaseModel) -> str:
        content = body.model_dump_json(by_alias=True)
        response = self._send("POST", path, content)
        return _read(response, TriggerResponse).request_id

    def _send(self, method: str, path: str, content: str | None = None) -> httpx.Response:
        headers = {"content-type": "application/json"} if content is not None else {}
        left = min(self._timeout, self._deadline - time.monotonic())
        if left <= 0:
            raise JobManagerSilent(
                f"{self._http.base_url} answered too slowly: {method} /{path} was not asked"
            )
        try:
            response = self._http.request(method, path, content=content, headers=headers, timeout=left)
        except httpx.HTTPError as error:
            raise JobManagerSilent(f"{method} {self._http.base_url}{path}: {error!r}") from error
        if response.is_error:
            text = response.text[:1000]
            message = f"{method} /{path} was refused ({response.status_code}): {text}"
            if response.status_code in (502, 503, 504):
                raise JobManagerSilent(message)
            raise RequestRefused(response.status_code, message)
        return response


def _read(response: httpx.Response, model: type[Body]) -> Body:
    try:
        return model.model_validate_json(response.content)
    except ValidationError as error:
        raise JobManagerSilent(f"{response.url} answered in another shape: {error}") from error
