"""A slot that runs no columns loads no library for them: each costs tens of megabytes and a fraction of a second."""

import subprocess
import sys
from pathlib import Path

from penstock.control.messages import TaskState
from tests.taskmanager.slot_processes import Slots
from tests.taskmanager.small_job import graph

HEAVY = ("polars", "numba", "pyarrow", "numpy", "pandas", "boto3", "confluent_kafka", "rocksdict")


def mapped_libraries(pid: int) -> str:
    """Every native library that the process has loaded, with its path."""
    return Path(f"/proc/{pid}/maps").read_text()


def test_starting_a_slot_imports_no_heavy_library() -> None:
    code = f"import sys, penstock.taskmanager.worker; print([m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_running_a_job_of_python_functions_loads_none(tmp_path: Path) -> None:
    output, gate = tmp_path / "out", tmp_path / "go"
    output.mkdir()
    vertices, edges = graph(output, hold=gate)
    with Slots(1) as slots:
        slots.deploy(vertices, edges)
        slots.give(vertices[0], [{"id": "p0", "next": 0, "end": 1000}])
        slots.wait_state(TaskState.RUNNING)
        slots.checkpoint(1, tmp_path / "chk-1")
        loaded = mapped_libraries(slots.slots[0].process.pid)
        assert [name for name in HEAVY if f"/{name}/" in loaded] == []
        gate.touch()
        slots.wait_state(TaskState.FINISHED)
