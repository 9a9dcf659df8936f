"""A session cluster: programs are uploaded, listed, planned, run side by side and deleted, and bad ones are refused in words."""

import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from penstock_api.rest.program import PlanResponse, ProgramList, RunRequest, RunResponse, UploadResponse
from tests.launch.cluster_processes import Cluster, cluster

pytestmark = [pytest.mark.timeout(300), pytest.mark.xdist_group("session-cluster")]

PROGRAM = b"""
import sys, time
from penstock.datastream import StreamExecutionEnvironment
def slow(x):
    time.sleep(0.01)
    return (x % 3, 1)
env = StreamExecutionEnvironment.get_execution_environment()
size = int(sys.argv[1]) if len(sys.argv) > 1 else 10
env.from_collection(list(range(size))).map(slow).key_by(lambda x: x[0]).sum(1).uid("counts").print()
env.execute(sys.argv[2] if len(sys.argv) > 2 else "counting")
"""
BOUNDED = ["10", "bounded"]
LONG = ["200000", "long"]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with cluster(tmp_path_factory.mktemp("session"), slots=4) as found:
        found.settings["rest.server.max-content-length"] = "200000"
        found.settings["penstock.program.timeout"] = "60 s"
        found.start("jobmanager")
        found.start("taskmanager", "--resource-id", "tm")
        found.wait_for("slots", lambda: found.get("/overview")["slots-available"] == 4)
        yield found


def upload(running: Cluster, name: str, data: bytes) -> httpx.Response:
    url = f"http://127.0.0.1:{running.port}/v1/jars/upload"
    return httpx.post(url, files={"jarfile": (name, data, "application/x-java-archive")}, timeout=60)


def stored(running: Cluster, name: str, data: bytes) -> str:
    answer = upload(running, name, data)
    assert answer.status_code == 200, answer.text
    stored = UploadResponse.model_validate_json(answer.content)
    assert stored.status == "success"
    return stored.program_id


def call(running: Cluster, method: str, path: str, body: Any = None) -> httpx.Response:
    return httpx.request(method, f"http://127.0.0.1:{running.port}{path}", json=body, timeout=120)


def run(running: Cluster, program: str, **wish: Any) -> str:
    asked = RunRequest.model_validate(wish).model_dump(by_alias=True)
    answer = call(running, "POST", f"/jars/{program}/run", asked)
    assert answer.status_code == 200, answer.text
    return RunResponse.model_validate_json(answer.content).jobid


def cancel(running: Cluster, job: str) -> None:
    assert running.patch(f"/jobs/{job}?mode=cancel") == 202
    running.wait_status("CANCELED", job)


def test_two_jobs_run_side_by_side_and_end_apart(running: Cluster) -> None:
    program = stored(running, "counting.py", PROGRAM)
    files = ProgramList.model_validate(running.get("/jars")).files
    listed = next(file for file in files if file.id == program)
    assert listed.name == "counting.py"
    assert listed.entry[0].name == "counting"
    first = run(running, program, programArgsList=LONG, parallelism=2, jobId="a" * 32)
    second = run(running, program, programArgsList=["200000", "second"])
    assert first == "a" * 32
    running.wait_status("RUNNING", first)
    running.wait_status("RUNNING", second)
    assert {job["name"] for job in running.get("/jobs/overview")["jobs"]} >= {"long", "second"}
    assert running.get(f"/jobs/{first}")["vertices"][-1]["parallelism"] == 2
    refused = call(running, "POST", f"/jars/{program}/run", {"jobId": "a" * 32})
    assert refused.status_code == 409
    cancel(running, second)
    assert running.get(f"/jobs/{first}/status")["status"] == "RUNNING"
    cancel(running, first)
    assert call(running, "DELETE", f"/jars/{program}").status_code == 200
    assert program not in json.dumps(running.get("/jars"))
    assert call(running, "DELETE", f"/jars/{program}").status_code == 404


def test_a_job_goes_on_from_a_savepoint(running: Cluster) -> None:
    program = stored(running, "counting.py", PROGRAM)
    job = run(running, program, programArgsList=LONG)
    running.wait_status("RUNNING", job)
    trigger = running.post(f"/jobs/{job}/stop", {"drain": False})["request-id"]
    path = f"/jobs/{job}/savepoints/{trigger}"
    done = running.wait_for("stopped", lambda: (s := running.get(path))["status"]["id"] == "COMPLETED" and s)
    again = run(
        running,
        program,
        programArgsList=LONG,
        savepointPath=done["operation"]["location"],
        claimMode="NO_CLAIM",
    )
    running.wait_status("RUNNING", again)
    restored = running.get(f"/jobs/{again}/checkpoints")["latest"]["restored"]
    assert restored["is_savepoint"]
    cancel(running, again)


def test_a_zip_of_a_project_runs_by_its_main_or_a_named_module(running: Cluster) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as out:
        out.writestr("main.py", b"from sizes import SIZE\n" + PROGRAM.replace(b"else 10", b"else SIZE"))
        out.writestr("other.py", PROGRAM.replace(b'"counting"', b'"other"'))
        out.writestr("sizes.py", "SIZE = 7\n")
    program = stored(running, "project.zip", packed.getvalue())
    entries = next(f for f in running.get("/jars")["files"] if f["id"] == program)["entry"]
    assert [entry["name"] for entry in entries] == ["main", "other", "sizes"]
    running.wait_status("FINISHED", run(running, program))
    other = run(running, program, entryClass="other")
    assert running.get(f"/jobs/{other}")["name"] == "other"
    running.wait_status("FINISHED", other)


def test_a_plan_is_shown_and_nothing_runs(running: Cluster) -> None:
    program = stored(running, "counting.py", PROGRAM)
    before = len(running.get("/jobs")["jobs"])
    plan = PlanResponse.model_validate_json(call(running, "GET", f"/jars/{program}/plan").content).plan
    assert plan.name == "counting"
    assert plan.nodes
    assert len(running.get("/jobs")["jobs"]) == before


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("job.jar", b"PK", "holds Java"),
        ("job.txt", b"text", "only Python files"),
        ("job.py", b"def broken(:\n", "no Python program"),
        ("job.py", b"", "is empty"),
        ("job.zip", b"no zip at all", "not a zip file"),
    ],
)
def test_what_is_no_program_is_refused(running: Cluster, name: str, data: bytes, said: str) -> None:
    answer = upload(running, name, data)
    assert answer.status_code == 400
    assert said in answer.json()["errors"][0]


def test_a_program_that_is_too_long_is_refused(running: Cluster) -> None:
    answer = upload(running, "long.py", b"#" * 300_000)
    assert answer.status_code == 413
    assert "rest.server.max-content-length" in answer.json()["errors"][0]


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (b"raise ValueError('no such topic')", "ProgramFailed: ValueError: no such topic"),
        (b"print('hello')", "ProgramNeverExecuted"),
        (b"import no_such_module_at_all", "ModuleNotFoundError"),
    ],
)
def test_a_main_that_submits_nothing_is_an_error(running: Cluster, source: bytes, said: str) -> None:
    program = stored(running, "bad.py", source)
    answer = call(running, "POST", f"/jars/{program}/run")
    assert answer.status_code == 400
    assert said in answer.json()["errors"][0]


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        ({"jobId": "xyz"}, "jobId"),
        ({"parallelism": 0}, "parallelism"),
        ({"claimMode": "MINE"}, "claimMode"),
        ({"programArgsList": "a b"}, "programArgsList"),
    ],
)
def test_wishes_that_make_no_sense_are_refused(running: Cluster, wish: dict[str, Any], said: str) -> None:
    program = stored(running, "counting.py", PROGRAM)
    answer = call(running, "POST", f"/jars/{program}/run", wish)
    assert answer.status_code == 400
    assert said in answer.json()["errors"][0]


def penstock(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "penstock.launch.cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_run_submits_to_a_session_cluster(running: Cluster, tmp_path: Path) -> None:
    program = tmp_path / "counting.py"
    program.write_bytes(PROGRAM)
    address = f"127.0.0.1:{running.port}"
    waited = penstock("run", "-m", address, "-p", "1", str(program), "--", *BOUNDED)
    assert waited.returncode == 0, waited.stderr
    assert "FINISHED" in waited.stdout
    detached = penstock("run", "-m", address, "-d", str(program), "--", *LONG)
    assert detached.returncode == 0, detached.stderr
    job = detached.stdout.strip().rsplit(" ", 1)[-1]
    running.wait_status("RUNNING", job)
    cancel(running, job)
    assert "counting.py" not in {file["name"] for file in running.get("/jars")["files"] if file["id"] == job}
    program.write_text("raise SystemExit('nothing to do')")
    failed = penstock("run", "-m", address, str(program))
    assert failed.returncode == 1
    assert "nothing to do" in failed.stderr


def test_an_application_cluster_takes_no_programs(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_bytes(PROGRAM)
    with cluster(tmp_path) as running:
        running.start_jobmanager(program)
        running.wait_for("REST", lambda: running.get("/config"))
        assert running.get("/config")["features"]["web-submit"] is False
        answer = upload(running, "counting.py", PROGRAM)
        assert answer.status_code == 403
        assert "application cluster" in answer.json()["errors"][0]
