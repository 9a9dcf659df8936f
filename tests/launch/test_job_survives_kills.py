"""A job of real processes: killed anywhere, stopped and resumed, it counts every record once."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.launch.cluster_processes import JOB_ID, Cluster, cluster

pytestmark = pytest.mark.timeout(300)

PROGRAM = """
import os, time
from penstock.datastream import StreamExecutionEnvironment
env = StreamExecutionEnvironment.get_execution_environment()
def slow(x):
    if not os.path.exists({go!r}):
        time.sleep(0.005)
    return (x % 3, 1)
env.from_collection(list(range({total}))).map(slow).key_by(lambda x: x[0]).sum(1).map(lambda x: x).print()
env.execute("counting")
"""
"""It takes three quarters of a minute unless the test lets it go."""
TOTAL = 9_000


@pytest.fixture
def go(tmp_path: Path) -> Path:
    return tmp_path / "go"


@pytest.fixture
def program(tmp_path: Path, go: Path) -> Path:
    path = tmp_path / "program.py"
    path.write_text(PROGRAM.format(total=TOTAL, go=str(go)))
    return path


def final_counts(running: Cluster) -> dict[int, int]:
    """The highest count printed for each key: at-least-once output of exactly-once state."""
    best: dict[int, int] = {}
    for path in running.folder.glob("taskmanager*.out"):
        for line in path.read_text().splitlines():
            _, found, pair = line.partition("(")
            if found and pair.endswith(")") and pair[:-1].replace(", ", "").isdigit():
                key, count = (int(part) for part in pair[:-1].split(", "))
                best[key] = max(best.get(key, 0), count)
    return best


def slot_pids(manager: "subprocess.Popen[bytes]") -> list[int]:
    children = Path(f"/proc/{manager.pid}/task/{manager.pid}/children").read_text()
    return [int(pid) for pid in children.split()]


EXACT = dict.fromkeys(range(3), TOTAL // 3)


def test_slot_taskmanager_and_jobmanager_are_killed_in_turn(tmp_path: Path, program: Path, go: Path) -> None:
    with cluster(tmp_path) as running:
        running.start_jobmanager(program)
        running.start("taskmanager", "--resource-id", "tm")
        running.wait_status("RUNNING")
        running.wait_for("a checkpoint", lambda: running.completed() >= 1)
        os.kill(slot_pids(running.processes["taskmanager"])[0], 9)
        os.kill(slot_pids(running.processes["taskmanager"])[-1], 9)
        running.wait_for("restored", lambda: running.get(f"/jobs/{JOB_ID}/checkpoints")["counts"]["restored"])
        running.wait_status("RUNNING")
        running.kill("taskmanager")
        running.start("taskmanager", "--resource-id", "tm")
        running.wait_for(
            "restored", lambda: running.get(f"/jobs/{JOB_ID}/checkpoints")["counts"]["restored"] >= 2
        )
        running.wait_status("RUNNING")
        running.kill("jobmanager")
        running.start_jobmanager(program)
        running.wait_for("restored", lambda: running.get(f"/jobs/{JOB_ID}/checkpoints")["latest"]["restored"])
        go.touch()
        running.wait_status("FINISHED")
        assert final_counts(running) == EXACT


def test_stopped_with_a_savepoint_and_resumed_at_another_parallelism(
    tmp_path: Path, program: Path, go: Path
) -> None:
    with cluster(tmp_path) as running:
        running.start_jobmanager(program)
        running.start("taskmanager", "--resource-id", "tm")
        running.wait_status("RUNNING")
        running.wait_for("a checkpoint", lambda: running.completed() >= 1)
        trigger = running.post(f"/jobs/{JOB_ID}/stop", {"drain": False})["request-id"]
        path = f"/jobs/{JOB_ID}/savepoints/{trigger}"
        running.wait_for("stopped", lambda: running.get(path)["status"]["id"] == "COMPLETED")
        operation = running.get(path)["operation"]
        assert "location" in operation, operation
        running.wait_status("FINISHED")
        assert sum(final_counts(running).values()) < TOTAL
        running.end("jobmanager")
        running.settings["parallelism.default"] = "2"
        go.touch()
        second = "f" * 32
        running.start_jobmanager(program, "--from-savepoint", operation["location"], job_id=second)
        running.wait_status("FINISHED", second)
        assert final_counts(running) == EXACT


def test_job_that_is_finished_is_not_run_again(tmp_path: Path) -> None:
    short = tmp_path / "program.py"
    short.write_text(PROGRAM.format(total=30, go=str(tmp_path / "go")))
    with cluster(tmp_path) as running:
        running.start_jobmanager(short)
        running.start("taskmanager", "--resource-id", "tm")
        result = f"/jobs/{JOB_ID}/execution-result"
        running.wait_for("on record", lambda: running.get(result)["status"]["id"] == "COMPLETED")
        running.kill("jobmanager")
        running.start_jobmanager(short)
        running.wait_for("over", lambda: running.get("/penstock/application")["status"] == "SUCCEEDED")
        assert running.get("/jobs")["jobs"] == []


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("raise ValueError('no good')", "ProgramFailed"),
        ("print('nothing')", "ProgramNeverExecuted"),
        (
            "from penstock.datastream import StreamExecutionEnvironment as E\n"
            "for _ in range(2):\n    env = E.get_execution_environment()\n"
            "    env.from_collection([1]).print()\n    env.execute()\n",
            "ProgramExecutedTwice",
        ),
        ("import time\ntime.sleep(60)", "ProgramTimedOut"),
    ],
)
def test_program_that_cannot_run_has_a_reason(tmp_path: Path, source: str, reason: str) -> None:
    program = tmp_path / "program.py"
    program.write_text(source)
    with cluster(tmp_path) as running:
        # On a loaded machine an innocent program may need longer than a short deadline.
        running.settings["penstock.program.timeout"] = "3 s" if reason == "ProgramTimedOut" else "50 s"
        running.start_jobmanager(program)
        said = running.wait_for("failed", lambda: running.get("/penstock/application").get("reason"))
        assert said == reason
