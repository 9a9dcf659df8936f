"""Two TaskManagers of one user on one machine exchange records over Unix sockets: no certificates are needed."""

from pathlib import Path

from tests.launch.cluster_processes import cluster
from tests.launch.test_trust_between_hosts import PROGRAM


def test_job_spans_two_taskmanagers_of_one_machine(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    with cluster(tmp_path, slots=1) as running:
        running.settings["parallelism.default"] = "2"
        running.start_jobmanager(program)
        for number in (1, 2):
            running.start(f"taskmanager-{number}", "--resource-id", f"tm-{number}")
        running.wait_status("FINISHED")
        assert ">" in running.outputs()
