"""Runs a program to its end and measures it: seconds, and CPU seconds of all processes that it started.

`run_measured` starts this very file as a child, which adopts what the program leaves behind (PyFlink's Java process
outlives its parent), waits for all of it, and prints the figures as its last line.
"""

import ctypes
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_PR_SET_CHILD_SUBREAPER = 36


class ProgramFailed(RuntimeError):
    """A measured program ended with an error; the message holds the end of its output."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What a run took."""

    seconds: float
    """By the program's own clock, where it tells (`net_runtime_ms` in its last line), else from start to end."""
    wall_seconds: float
    """From start to end."""
    cpu_seconds: float
    """User and system time of every process."""


def run_measured(
    command: Sequence[str | Path], *, timeout: float = 600, env: Mapping[str, str] | None = None
) -> Measured:
    """Run the command; ProgramFailed if it fails or takes too long."""
    wrapped = [sys.executable, __file__, *map(str, command)]
    done = subprocess.run(
        wrapped,
        capture_output=True,
        text=True,
        timeout=timeout,
        env={**os.environ, **(env or {})},
        check=False,
    )
    if done.returncode:
        raise ProgramFailed(
            f"{command}: exit status {done.returncode}\n{done.stdout[-500:]}\n{done.stderr[-2000:]}"
        )
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    figures = json.loads(lines[-1])
    own = json.loads(lines[-2])["net_runtime_ms"] / 1000 if len(lines) > 1 else figures["wall"]
    return Measured(own, figures["wall"], figures["cpu"])


def main(command: Sequence[str]) -> int:
    """Run the command in this process's care."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    started = time.perf_counter()
    child = subprocess.Popen(command)
    status = child.wait()
    wall = time.perf_counter() - started
    while True:
        try:
            os.wait()
        except ChildProcessError:
            break
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(json.dumps({"wall": wall, "cpu": usage.ru_utime + usage.ru_stime}), flush=True)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
