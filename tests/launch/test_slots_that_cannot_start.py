"""A TaskManager whose slots end as they start: the job that waits for them fails soon and says so, and nothing spins."""

from pathlib import Path

import pytest

from tests.launch.cluster_processes import JOB_ID, cluster

pytestmark = [pytest.mark.timeout(120), pytest.mark.xdist_group("slots-cannot-start")]

PROGRAM = """
from penstock.datastream import StreamExecutionEnvironment
env = StreamExecutionEnvironment.get_execution_environment()
env.from_collection([1, 2, 3]).print()
env.execute("waiting")
"""


def test_job_fails_with_the_reason_when_slots_cannot_start(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    with cluster(tmp_path, slots=1) as running:
        running.settings |= {"penstock.slot.memory-limit": "10 mb", "restart-strategy.type": "none"}
        running.start_jobmanager(program)
        running.start("taskmanager", "--resource-id", "tm")
        running.wait_status("FAILED")
        entry = running.get(f"/jobs/{JOB_ID}/exceptions")["exceptionHistory"]["entries"][0]
        status = running.get("/penstock/application")
    assert entry["failureLabels"] == {"reason": "SlotsCannotStart"}
    assert "TaskManager tm" in entry["stacktrace"]
    assert status["reason"] == "SlotsCannotStart"
