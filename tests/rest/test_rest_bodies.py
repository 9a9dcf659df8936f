"""The REST API answers as Flink's does: bodies read by the contract's models, errors in Flink's shape."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from penstock_api import rest
from tests.rest.api_driver import JOB, VERTEX, Api, graph


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    found = Api(tmp_path)
    yield found
    found.close()


MODELS: list[tuple[str, Any]] = [
    ("/config", rest.ClusterConfig),
    ("/overview", rest.ClusterOverview),
    ("/jobs", rest.JobIds),
    ("/jobs/overview", rest.JobsOverview),
    ("/taskmanagers", rest.TaskManagerList),
    (f"/jobs/{JOB}", rest.JobDetails),
    (f"/jobs/{JOB}/plan", rest.JobPlan),
    (f"/jobs/{JOB}/exceptions", rest.JobExceptions),
    (f"/jobs/{JOB}/checkpoints", rest.CheckpointingStatistics),
    (f"/jobs/{JOB}/checkpoints/config", rest.CheckpointConfig),
    (f"/jobs/{JOB}/execution-result", rest.JobExecutionResultResponse),
    (f"/jobs/{JOB}/vertices/{VERTEX}", rest.VertexDetails),
    (f"/jobs/{JOB}/vertices/{VERTEX}/backpressure", rest.VertexBackPressure),
    ("/penstock/application", rest.PenstockApplication),
]
OTHERS = (
    "/jobmanager/config",
    "/jobmanager/environment",
    "/jobmanager/logs",
    "/jobmanager/log",
    "/jobmanager/stdout",
    "/jobmanager/thread-dump",
    "/taskmanagers/tm-1",
    "/metrics",
    "/",
    f"/jobs/{JOB}/config",
    f"/jobs/{JOB}/status",
    f"/jobs/{JOB}/metrics",
    f"/jobs/{JOB}/metrics?get=numRestarts,uptime",
    f"/jobs/{JOB}/accumulators",
    f"/jobs/{JOB}/jobmanager/config",
    f"/jobs/{JOB}/vertices/{VERTEX}/metrics",
    f"/jobs/{JOB}/vertices/{VERTEX}/watermarks",
    f"/jobs/{JOB}/vertices/{VERTEX}/subtasktimes",
    f"/jobs/{JOB}/vertices/{VERTEX}/taskmanagers",
    f"/jobs/{JOB}/vertices/{VERTEX}/subtasks/metrics",
    f"/jobs/{JOB}/vertices/{VERTEX}/subtasks/0",
)


def test_bodies_are_those_of_the_contract(api: Api) -> None:
    api.submit(graph())
    api.add_taskmanager()
    for prefix in ("", "/v1"):
        for path, model in MODELS:
            answer = api.ask("GET", prefix + path)
            assert answer.status_code == 200, answer.text
            assert answer.headers["access-control-allow-origin"] == "*"
            model.model_validate_json(answer.content)


def test_other_paths_answer(api: Api) -> None:
    api.submit(graph())
    api.add_taskmanager()
    statuses = {path: api.ask("GET", path).status_code for path in OTHERS}
    assert set(statuses.values()) == {200}, statuses


REFUSALS = (
    ("/jobs/xyz", 400, "Cannot resolve path parameter (jobid)"),
    (f"/jobs/{'0' * 32}", 404, "not found"),
    (f"/jobs/{JOB}/vertices/{'0' * 32}", 404, "JobVertex"),
    (f"/jobs/{JOB}/savepoints/{'0' * 32}", 404, "Operation not found"),
    (f"/jobs/{JOB}/checkpoints/details/7", 404, "checkpoint 7"),
    ("/taskmanagers/nobody", 404, "nobody"),
    ("/nosuch", 404, "Not Found"),
)


def test_errors_have_flinks_shape(api: Api) -> None:
    api.submit(graph())
    for path, status, text in REFUSALS:
        answer = api.ask("GET", path)
        assert answer.status_code == status, path
        assert text in answer.json()["errors"][0]


def test_savepoint_without_a_directory_is_refused(api: Api) -> None:
    api.submit(graph())
    answer = api.ask("POST", f"/jobs/{JOB}/savepoints", {"cancel-job": False})
    assert answer.status_code == 400
    assert "savepoint-dir" in answer.json()["errors"][0]


def test_savepoint_of_a_job_that_does_not_run_fails_with_its_reason(api: Api) -> None:
    api.submit(graph())
    body = {"target-directory": "/tmp/sp", "triggerId": "9" * 32, "no-such": 1}
    for _ in range(2):
        answer = api.ask("POST", f"/jobs/{JOB}/savepoints", body)
        assert (answer.status_code, answer.json()) == (202, {"request-id": "9" * 32})
    said = api.ask("GET", f"/jobs/{JOB}/savepoints/{'9' * 32}").json()
    assert said["status"] == {"id": "COMPLETED"}
    assert "not running" in said["operation"]["failure-cause"]["stack-trace"]


def test_cancel_of_a_job_that_ended_otherwise_is_a_conflict(api: Api) -> None:
    api.submit(graph())
    assert api.ask("PATCH", f"/jobs/{JOB}?mode=cancel").status_code == 202
    job = api.master.jobs[JOB].machine.job
    assert job.status.is_terminal or job.status == "CANCELLING"


def test_second_execute_is_refused_with_its_reason(api: Api) -> None:
    assert api.submit(graph()).json() == {"job_id": JOB}
    answer = api.submit(graph())
    assert answer.status_code == 409
    assert "second time" in answer.json()["errors"][0]
    assert api.ask("GET", "/penstock/application").json()["reason"] == "ProgramExecutedTwice"


def test_secrets_are_not_shown(tmp_path: Path) -> None:
    api = Api(tmp_path, **{"s3.secret-key": "hidden", "penstock.rest.token": "word"})
    try:
        assert api.ask("GET", "/jobmanager/config").status_code == 401
        answer = api.ask("GET", "/jobmanager/config", headers={"authorization": "Bearer word"})
        assert answer.status_code == 200
        assert "hidden" not in answer.text
        assert "word" not in answer.text
    finally:
        api.close()


def test_rest_does_not_serve_what_makes_slots_run_code(api: Api) -> None:
    assert api.ask("POST", "/penstock/jobs", {}).status_code in (404, 405)
    assert api.ask("POST", "/penstock/taskmanagers", {}).status_code in (404, 405)
