"""A JobManager that is ready before its turn: it runs main when told, from the state that the word names."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.launch.cluster_processes import JOB_ID, Cluster, cluster

pytestmark = [pytest.mark.timeout(300), pytest.mark.xdist_group("main-controls")]

OLD_ID = "f" * 32
PROGRAM = """
import sys, time
from penstock.datastream import StreamExecutionEnvironment
env = StreamExecutionEnvironment.get_execution_environment()
def slow(x):
    time.sleep(0.01)
    return (x % 3, 1)
env.from_collection(list(range(200000))).map(slow).key_by(lambda x: x[0]).sum(1).print()
open(sys.argv[1], "w").close()
env.execute("waits")
"""


def put_word(running: Cluster, path: str | None) -> httpx.Response:
    body = {"from_savepoint": path} if path else {}
    return running.put("/penstock/application/word", body)


def waiting(running: Cluster) -> Any:
    return running.wait_for(
        "a JobManager that waits",
        lambda: running.get("/penstock/application")["status"] == "WAITING" or None,
    )


def start_waiting(running: Cluster, program: Path, out: Path) -> None:
    running.start_jobmanager(program, "--wait-for-word", "--", str(out))


def test_job_starts_when_told_and_from_the_savepoint_of_the_word(tmp_path: Path) -> None:
    program, out = tmp_path / "program.py", tmp_path / "main-ran"
    program.write_text(PROGRAM)
    with cluster(tmp_path) as running:
        running.start_jobmanager(program, "--", str(tmp_path / "old-ran"), job_id=OLD_ID)
        running.start("taskmanager", "--resource-id", "tm")
        running.wait_for(
            "a checkpoint", lambda: list((tmp_path / "checkpoints" / OLD_ID).glob("chk-*/_metadata"))
        )
        assert put_word(running, None).status_code == 409, "this one waits for no word"
        # The newest is chosen when nobody completes another and deletes it.
        running.end("jobmanager")
        running.end("taskmanager")
        newest = max(
            (tmp_path / "checkpoints" / OLD_ID).glob("chk-*/_metadata"), key=lambda p: p.stat().st_mtime
        )
        start_waiting(running, program, out)
        running.start("taskmanager", "--resource-id", "tm")
        waiting(running)
        running.wait_for("the TaskManager", lambda: running.get("/taskmanagers")["taskmanagers"])
        assert running.get("/jobs/overview")["jobs"] == []
        assert not out.exists(), "main did not run"
        assert put_word(running, f"file://{newest.parent}").status_code == 202
        assert put_word(running, "file:///another").status_code == 202, "told twice, the first counts"
        running.wait_status("RUNNING")
        found = running.get(f"/jobs/{JOB_ID}/checkpoints")["latest"]["restored"]
        assert found["external_path"] == f"file://{newest.parent}"
        assert running.get("/penstock/application")["status"] == "RUNNING"


def test_word_that_was_written_down_is_found_by_a_jobmanager_that_starts_again(tmp_path: Path) -> None:
    program, out = tmp_path / "program.py", tmp_path / "main-ran"
    program.write_text(PROGRAM)
    with cluster(tmp_path) as running:
        start_waiting(running, program, out)
        running.start("taskmanager", "--resource-id", "tm")
        waiting(running)
        (tmp_path / "word.json").write_text("not a word")
        assert running.get("/penstock/application")["status"] == "WAITING"
        running.kill("jobmanager")
        assert not out.exists()
        (tmp_path / "word.json").write_text(json.dumps({}))
        start_waiting(running, program, out)
        running.wait_status("RUNNING")
        assert out.exists()
