"""Programs of many operators print the same lines on Apache Flink's own PyFlink and on Penstock.

PyFlink is installed once into an environment of its own, as for the benchmarks.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.peers.environments import FLINK, JAVA, install, java_environment
from tests.servers.install import java

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]
PROGRAMS = Path(__file__).parent / "programs"
DEADLINE_SECONDS = 300


def lines(command: list[str], program: str, environment: dict[str, str]) -> list[str]:
    done = subprocess.run(
        [*command, str(PROGRAMS / program)],
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
        env={**os.environ, **environment},
    )
    assert done.returncode == 0, done.stderr
    return sorted(done.stdout.splitlines())


@pytest.fixture(scope="module")
def pyflink() -> dict[str, str]:
    """What PyFlink needs in its environment: its interpreter first on the path, and Java."""
    install(FLINK)
    own = java_environment()
    folders = [str(FLINK.python.parent)]
    if not own and not JAVA.is_installed:
        folders.append(str(Path(java()).parent))
    return {**own, "PATH": os.pathsep.join([*folders, own.get("PATH", os.environ["PATH"])])}


@pytest.mark.parametrize("program", ["windows.py", "functions.py"])
def test_a_program_prints_what_it_prints_on_pyflink(program: str, pyflink: dict[str, str]) -> None:
    expected = lines([str(FLINK.python)], program, pyflink)
    assert len(expected) > 40
    assert lines([sys.executable], program, {}) == expected
