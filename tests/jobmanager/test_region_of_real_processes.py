"""A job of two lines side by side: the slot of one is killed, the other's process runs on, every number is written once."""

import os
from pathlib import Path

import pytest

from tests.launch.cluster_processes import JOB_ID, Cluster, cluster

pytestmark = pytest.mark.timeout(300)

TOTAL = 240_000
PROGRAM = """
import os
import time
from penstock.common import Encoder, WatermarkStrategy
from penstock.datastream import StreamExecutionEnvironment
from penstock.datastream.connectors.file_system import FileSink
from penstock.datastream.connectors.number_seq import NumberSequenceSource
env = StreamExecutionEnvironment.get_execution_environment()
env.set_parallelism(2)
def slow(x):
    if not os.path.exists({go!r}):
        time.sleep(0.0005)
    return str(x)
sink = FileSink.for_row_format({out!r}, Encoder.simple_string_encoder()).build()
numbers = NumberSequenceSource(0, {total} - 1)
env.from_source(numbers, WatermarkStrategy.no_watermarks(), "numbers").map(slow).sink_to(sink)
env.execute("lines")
"""


def slots(running: Cluster) -> dict[int, str]:
    """Subtask of the only vertex → slot."""
    (vertex,) = running.get(f"/jobs/{JOB_ID}")["vertices"]
    rows = running.get(f"/jobs/{JOB_ID}/vertices/{vertex['id']}")["subtasks"]
    return {row["subtask"]: row["endpoint"] for row in rows}


def pids(running: Cluster) -> set[int]:
    manager = running.processes["taskmanager"].pid
    return {int(pid) for pid in Path(f"/proc/{manager}/task/{manager}/children").read_text().split()}


def test_killed_slot_takes_its_own_line_only(tmp_path: Path) -> None:
    program, go = tmp_path / "program.py", tmp_path / "go"
    program.write_text(PROGRAM.format(go=str(go), out=f"file://{tmp_path}/out", total=TOTAL))
    with cluster(tmp_path, slots=2) as running:
        running.start_jobmanager(program)
        running.start("taskmanager", "--resource-id", "tm")
        running.wait_status("RUNNING")
        running.wait_for("a checkpoint", lambda: running.completed() >= 1)
        before, processes = slots(running), pids(running)
        os.kill(min(processes), 9)
        restored = f"/jobs/{JOB_ID}/checkpoints"
        running.wait_for("restored", lambda: running.get(restored)["counts"]["restored"] == 1)
        done = running.completed()
        running.wait_for("checkpoints again", lambda: running.completed() > done)
        after = slots(running)
        assert sum(before[index] == after[index] for index in before) == 1, (before, after)
        assert len(processes & pids(running)) == 1
        history = running.get(f"/jobs/{JOB_ID}")["timestamps"]
        assert history["RESTARTING"] == 0, "the job never left RUNNING"
        go.touch()
        running.wait_status("FINISHED")
    files = [
        path for path in (tmp_path / "out").rglob("*") if path.is_file() and not path.name.startswith(".")
    ]
    numbers = sorted(int(line) for path in files for line in path.read_text().split())
    assert numbers == list(range(TOTAL))
