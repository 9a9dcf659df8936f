"""Processes of the node are ended by pid and start time: never someone else's process that got the same pid."""

import subprocess
import sys
from pathlib import Path

import pytest

from e2e.cluster.layout import ClusterError
from e2e.cluster.processes import Processes, end_process, start_time_of, wait_until


def test_a_started_process_is_found_by_another_command_and_ended(tmp_path: Path) -> None:
    Processes(tmp_path).start("sleeper", [sys.executable, "-c", "import time; time.sleep(60)"])
    found = Processes(tmp_path)
    assert found.running() == ("sleeper",)
    pid, start = found.recorded()["sleeper"]
    found.stop("sleeper")
    assert start_time_of(pid) != start
    assert found.recorded() == {}


def test_a_process_that_ended_is_told_with_the_end_of_its_log(tmp_path: Path) -> None:
    processes = Processes(tmp_path)
    processes.start(
        "failing", [sys.executable, "-c", "import time; time.sleep(0.3); raise SystemExit('no disk')"]
    )
    wait_until(lambda: not processes.running(), 20, "the process to end")
    with pytest.raises(ClusterError, match="no disk"):
        processes.assert_running("failing")
    processes.stop("failing")


def test_a_process_with_another_start_time_is_left_alone() -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as other:
        try:
            start = start_time_of(other.pid)
            assert start is not None
            end_process(other.pid, start + 1, 1)
            assert start_time_of(other.pid) == start
        finally:
            other.kill()


def test_a_wait_says_what_it_waited_for() -> None:
    with pytest.raises(ClusterError, match="the moon"):
        wait_until(lambda: False, 0.2, "the moon to rise")
