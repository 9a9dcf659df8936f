"""The REST client and the job's facts, against a real HTTP server with scripted answers."""

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from penstock_api.reasons import Reason
from penstock_api.v1beta1.deployment import FlinkDeployment
from penstock_api.v1beta1.status import FlinkDeploymentStatus, FlinkJobState
from penstock_operator.act.executor import Executor
from penstock_operator.clients.flink_rest import FlinkRest, JobManagerSilent
from penstock_operator.configuration.values import client_seconds
from penstock_operator.errors import OperatorError
from penstock_operator.model.plan import TriggerSavepoint
from penstock_operator.observe.job import observe_job

JOB = "a" * 32
TIMEOUT = "kubernetes.operator.flink.client.timeout"


class Server:
    """Answers by path; remembers what was posted."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, object]] = {}
        self.posted: list[tuple[str, dict]] = []
        self.delay = 0.0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if outer.delay and self.path == "/config":
                    threading.Event().wait(outer.delay)
                self.reply(*outer.answers.get(self.path, (404, {"errors": ["not found"]})))

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                outer.posted.append((self.path, body))
                self.reply(*outer.answers.get(self.path, (202, {"request-id": body.get("triggerId")})))

            def reply(self, status: int, body: object) -> None:
                content = body.encode() if isinstance(body, str) else json.dumps(body).encode()
                with contextlib.suppress(ConnectionError):  # who asked may have gone
                    self.send(status, content)

            def send(self, status: int, content: bytes) -> None:
                self.send_response(status)
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    made.answers["/config"] = (200, {"flink-version": "2.3.0", "penstock-version": "0.1.0"})
    made.answers["/jobs/overview"] = (
        200,
        {"jobs": [{"jid": JOB, "name": "clicks", "start-time": 5, "state": "RUNNING"}]},
    )
    yield made
    made.close()


def status(**more: object) -> FlinkDeploymentStatus:
    return FlinkDeploymentStatus.from_wire({"jobStatus": {"jobId": JOB}, **more})


def test_running_job(server: Server) -> None:
    entry = {
        "className": "completed",
        "id": 8,
        "status": "COMPLETED",
        "trigger_timestamp": 7,
        "external_path": "s3://b/chk-8",
    }
    server.answers[f"/jobs/{JOB}/checkpoints"] = (200, {"latest": {"completed": entry}})
    facts = observe_job(server.url, status())
    assert facts.reachable
    assert facts.state is FlinkJobState.RUNNING
    assert facts.last_checkpoint
    assert facts.last_checkpoint.path == "s3://b/chk-8"


def test_restarting_job_names_its_reason(server: Server) -> None:
    server.answers["/jobs/overview"] = (
        200,
        {"jobs": [{"jid": JOB, "name": "clicks", "start-time": 5, "state": "RESTARTING"}]},
    )
    entry = {
        "exceptionName": "penstock.state.StateIncompatible",
        "stacktrace": "Traceback\npenstock.state.StateIncompatible: class Old is gone",
        "timestamp": 1,
        "taskName": "count",
    }
    server.answers[f"/jobs/{JOB}/exceptions"] = (200, {"exceptionHistory": {"entries": [entry]}})
    failure = observe_job(server.url, status()).failure
    assert failure
    assert failure.reason is Reason.STATE_INCOMPATIBLE
    assert "class Old is gone" in failure.message


def _failures(ages_ms: list[int]) -> tuple[int, object]:
    now = int(time.time() * 1000)
    entries = [
        {"exceptionName": "ValueError", "stacktrace": "ValueError: bad", "timestamp": now - age}
        for age in ages_ms
    ]
    return 200, {"exceptionHistory": {"entries": entries}}


def test_a_job_that_runs_only_between_failures_names_its_reason(server: Server) -> None:
    server.answers[f"/jobs/{JOB}/exceptions"] = _failures([500, 1_500, 2_500])
    failure = observe_job(server.url, status()).failure
    assert failure
    assert failure.reason is Reason.JOB_EXCEPTION
    assert "bad" in failure.message


def test_failures_that_a_running_job_overcame_are_history(server: Server) -> None:
    server.answers[f"/jobs/{JOB}/exceptions"] = _failures([500, 60_000, 70_000])
    assert observe_job(server.url, status()).failure is None
    server.answers["/jobs/overview"] = (
        200,
        {"jobs": [{"jid": JOB, "name": "clicks", "start-time": 5, "state": "FINISHED"}]},
    )
    server.answers[f"/jobs/{JOB}/exceptions"] = _failures([500, 600, 700])
    assert observe_job(server.url, status()).failure is None


def test_failed_program(server: Server) -> None:
    server.answers["/jobs/overview"] = (200, {"jobs": []})
    server.answers["/penstock/application"] = (
        200,
        {"status": "FAILED", "reason": "ProgramNeverExecuted", "message": "main ended"},
    )
    application = observe_job(server.url, status()).application
    assert application
    assert application.reason is Reason.PROGRAM_NEVER_EXECUTED


def test_job_that_ended_before_its_job_manager_came_back(server: Server) -> None:
    server.answers["/jobs/overview"] = (200, {"jobs": []})
    server.answers["/penstock/application"] = (200, {"status": "SUCCEEDED"})
    assert observe_job(server.url, status()).state is FlinkJobState.FINISHED


def test_pending_savepoint(server: Server) -> None:
    pending = {"triggerId": "t1", "requestedAt": 100, "purpose": "UPGRADE"}
    path = f"/jobs/{JOB}/savepoints/t1"

    def progress() -> object:
        return observe_job(server.url, status(pendingSavepoint=pending)).savepoint

    assert not progress().known
    server.answers[path] = (200, {"status": {"id": "IN_PROGRESS"}, "operation": None})
    assert not progress().done
    cause = {"class": "IOException", "stack-trace": "IOException: AccessDenied\n at x"}
    server.answers[path] = (200, {"status": {"id": "COMPLETED"}, "operation": {"failure-cause": cause}})
    assert progress().failure == "IOException: AccessDenied"
    server.answers[path] = (200, {"status": {"id": "COMPLETED"}, "operation": {"location": "s3://b/sp"}})
    assert progress().location == "s3://b/sp"


def test_savepoint_of_a_server_with_ids_of_its_own(server: Server) -> None:
    pending = {"triggerId": "t1", "requestedAt": 100, "purpose": "UPGRADE"}
    entry = {
        "className": "completed",
        "id": 9,
        "status": "COMPLETED",
        "is_savepoint": True,
        "trigger_timestamp": 150,
        "external_path": "s3://b/sp",
    }
    server.answers[f"/jobs/{JOB}/checkpoints"] = (200, {"latest": {"savepoint": entry}})
    progress = observe_job(server.url, status(pendingSavepoint=pending)).savepoint
    assert progress
    assert progress.location == "s3://b/sp"


def test_silence_is_a_fact(server: Server) -> None:
    server.answers["/config"] = (200, "no JSON")
    assert not observe_job(server.url, status()).reachable
    server.answers["/config"] = (503, "starting")
    assert not observe_job(server.url, status()).reachable
    assert not observe_job("http://127.0.0.1:1", status()).reachable
    with FlinkRest("http://127.0.0.1:1") as rest, pytest.raises(JobManagerSilent):
        rest.config()


def test_slow_job_manager_is_waited_for_as_long_as_configured(server: Server) -> None:
    assert client_seconds({}) == 5.0
    assert client_seconds({}, least=10.0) == 10.0
    keys = {"kubernetes.operator.observer.flink.client.timeout": "30 s"}
    assert client_seconds(keys, least=10.0) == 30.0, "also by its former name"
    server.delay = 0.6
    assert not observe_job(server.url, status(), client_seconds({TIMEOUT: "100 ms"})).reachable
    assert observe_job(server.url, status(), client_seconds({TIMEOUT: "20 s"})).reachable


class Unconfigured:
    """A platform without configuration."""

    def defaults(self, namespace: str) -> dict[str, str]:
        return {}


def test_savepoint_is_asked_for_under_the_recorded_id(server: Server) -> None:
    executor = Executor(Unconfigured())  # type: ignore[arg-type]
    action = TriggerSavepoint(JOB, "t1", "s3://b/sp", stop=True, drain=True)
    executor.act(action, FlinkDeployment(), server.url)
    [(path, body)] = server.posted
    assert path == f"/jobs/{JOB}/stop"
    assert body["triggerId"] == "t1"
    assert body["targetDirectory"] == "s3://b/sp"
    assert body["drain"] is True
    server.answers[f"/jobs/{JOB}/stop"] = (400, {"errors": ["no directory"]})
    with pytest.raises(OperatorError, match="no directory") as refused:
        executor.act(action, FlinkDeployment(), server.url)
    assert refused.value.reason is Reason.SAVEPOINT_FAILED
