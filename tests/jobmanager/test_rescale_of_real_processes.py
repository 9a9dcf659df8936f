"""A job of real processes whose parallelism is changed over REST while it runs: every record counted once."""

from pathlib import Path

import pytest

from tests.launch.cluster_processes import JOB_ID, Cluster, cluster

pytestmark = pytest.mark.timeout(300)

TOTAL = 240_000
PROGRAM = """
import os
import time
from penstock.datastream import StreamExecutionEnvironment
env = StreamExecutionEnvironment.get_execution_environment()
def slow(x):
    if not os.path.exists({go!r}):
        time.sleep(0.0005)
    return (x % 3, 1)
env.from_collection(list(range({total}))).map(slow).key_by(lambda x: x[0]).sum(1).map(lambda x: x).print()
env.execute("counting")
"""
"""It takes its time until the test lets it go."""


def printed(running: Cluster) -> list[tuple[int, int]]:
    """Every pair that the job printed."""
    found = []
    for path in running.folder.glob("taskmanager*.out"):
        for line in path.read_text().splitlines():
            _, bracket, pair = line.partition("(")
            if bracket and pair.endswith(")") and pair[:-1].replace(", ", "").isdigit():
                key, count = (int(part) for part in pair[:-1].split(", "))
                found.append((key, count))
    return found


def parallelism(running: Cluster) -> set[int]:
    return {vertex["parallelism"] for vertex in running.get(f"/jobs/{JOB_ID}")["vertices"]}


def require(running: Cluster, upper: int, lower: int = 1) -> None:
    vertices = [vertex["id"] for vertex in running.get(f"/jobs/{JOB_ID}")["vertices"]]
    bounds = {"parallelism": {"lowerBound": lower, "upperBound": upper}}
    answer = running.put(f"/jobs/{JOB_ID}/resource-requirements", dict.fromkeys(vertices, bounds))
    assert answer.status_code == 200, answer.text


def runs_at(running: Cluster, wanted: int) -> None:
    def arrived() -> bool:
        status = running.get(f"/jobs/{JOB_ID}/status")["status"]
        return bool(status == "RUNNING" and parallelism(running) == {wanted})

    running.wait_for(f"running at parallelism {wanted}", arrived)


def test_widened_and_narrowed_in_place_without_repeating_a_record(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    go = tmp_path / "go"
    program.write_text(PROGRAM.format(go=str(go), total=TOTAL))
    with cluster(tmp_path, slots=2) as running:
        running.settings["jobmanager.adaptive-scheduler.executing.resource-stabilization-timeout"] = "0 ms"
        running.settings["jobmanager.adaptive-scheduler.executing.cooldown-after-rescaling"] = "0 ms"
        running.start_jobmanager(program)
        running.start("taskmanager", "--resource-id", "tm")
        running.wait_status("RUNNING")
        bad = running.put(f"/jobs/{JOB_ID}/resource-requirements", {"f" * 32: {"parallelism": {}}})
        assert bad.status_code == 400
        require(running, 2)
        runs_at(running, 2)
        require(running, 3)
        running.start("taskmanager-2", "--resource-id", "tm2")
        runs_at(running, 3)
        require(running, 1)
        runs_at(running, 1)
        go.touch()
        running.wait_status("FINISHED")
        pairs = printed(running)
        assert len(pairs) == TOTAL, "each count is printed once: nothing was read twice"
        assert sorted(pairs) == sorted((key, n) for key in range(3) for n in range(1, TOTAL // 3 + 1))
        assert running.get(f"/jobs/{JOB_ID}/exceptions")["exceptionHistory"]["entries"] == []
