"""A main that submits with `execute_async` asks for the state of its job, takes savepoints, stops or cancels it, waits for it."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.launch.cluster_processes import JOB_ID, cluster

pytestmark = [pytest.mark.timeout(300), pytest.mark.xdist_group("main-controls")]

PROGRAM = """
import json, sys, time
from penstock.common import JobStatus
from penstock.datastream import StreamExecutionEnvironment
out, does = sys.argv[1:]
env = StreamExecutionEnvironment.get_execution_environment()
def slow(x):
    if does == "fails":
        raise ValueError("no such thing")
    time.sleep(0.01 if does != "waits" else 0)
    return (x % 3, 1)
env.from_collection(list(range(200000 if does != "waits" else 30))).map(slow).key_by(lambda x: x[0]).sum(1).print()
client = env.execute_async("controlled")
found = {"id": str(client.get_job_id())}
def until(status):
    while client.get_job_status().result() != status:
        time.sleep(0.05)
try:
    if does in ("cancels", "stops"):
        until(JobStatus.RUNNING)
        found["savepoint"] = client.trigger_savepoint().result()
    if does == "cancels":
        client.cancel().result()
        until(JobStatus.CANCELED)
    elif does == "stops":
        found["stopped"] = client.stop_with_savepoint(False).result()
        until(JobStatus.FINISHED)
    else:
        found["took"] = client.get_job_execution_result().result().get_net_runtime()
except Exception as error:
    found["error"] = str(error)
with open(out, "w") as file:
    json.dump(found, file)
if "error" in found:
    raise SystemExit("the job did not do what it should")
"""


def written(out: Path) -> Any:
    """What main found; None until all of it is written."""
    return json.loads(out.read_text()) if out.exists() else None


def outcome(folder: Path, does: str, status: str) -> dict[str, Any]:
    program, out = folder / "program.py", folder / "out.json"
    program.write_text(PROGRAM)
    with cluster(folder) as running:
        running.settings["restart-strategy.type"] = "none"
        running.start_jobmanager(program, "--", str(out), does)
        running.start("taskmanager", "--resource-id", "tm")
        found: dict[str, Any] = running.wait_for("what main found", lambda: written(out))
        running.wait_status(status)
        found["application"] = running.get("/penstock/application")
    return found


@pytest.mark.parametrize(("does", "status"), [("cancels", "CANCELED"), ("stops", "FINISHED")])
def test_main_of_an_application_ends_its_job(tmp_path: Path, does: str, status: str) -> None:
    found = outcome(tmp_path, does, status)
    assert found["id"] == JOB_ID
    assert "error" not in found
    assert (tmp_path / "savepoints" / Path(found["savepoint"]).name / "_metadata").is_file()
    assert ("stopped" in found) == (does == "stops")


def test_main_waits_for_the_end_of_its_job(tmp_path: Path) -> None:
    found = outcome(tmp_path, "waits", "FINISHED")
    assert found["took"] > 0
    assert found["application"]["status"] == "SUCCEEDED"


def test_failure_of_the_job_is_told_to_the_main_that_waits_and_stays_the_jobs_own(tmp_path: Path) -> None:
    found = outcome(tmp_path, "fails", "FAILED")
    assert "no such thing" in found["error"]
    assert found["application"]["reason"] != "ProgramFailed"


def test_main_of_a_session_program_cancels_its_job(tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    with cluster(tmp_path) as running:
        running.start("jobmanager")
        running.start("taskmanager", "--resource-id", "tm")
        running.wait_for("slots", lambda: running.get("/overview")["slots-available"] == 2)
        url = f"http://127.0.0.1:{running.port}"
        file = {"jarfile": ("program.py", PROGRAM.encode(), "application/octet-stream")}
        program = httpx.post(f"{url}/jars/upload", files=file, timeout=60).json()["filename"]
        body = {"programArgsList": [str(out), "cancels"]}
        job = httpx.post(f"{url}/jars/{Path(program).name}/run", json=body, timeout=60).json()["jobid"]
        found = running.wait_for("what main found", lambda: written(out))
        running.wait_status("CANCELED", job)
    assert found["id"] == job
    assert "error" not in found
