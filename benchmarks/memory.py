"""Memory of a JobManager and of a TaskManager with one slot: idle, and its growth under a steady load with checkpoints.

Resident sizes of whole processes (`Rss`), a TaskManager's with its slot. `BENCH_SECONDS` (60) is how long the load runs;
`make soak` runs it for an hour. Growth is the slope of a line through the samples after a fifth of the time.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.report import Figure, Report

SECONDS = float(os.environ.get("BENCH_SECONDS", "60"))
_PROGRAM = Path(__file__).parent / "programs" / "steady_load.py"
_START_SECONDS = 120.0
_STEADY_READINGS, _STEADY_MB = 4, 0.2


class Cluster:
    """A JobManager and a TaskManager of one slot as processes, in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        settings = {
            "rest.port": str(self.port),
            "rest.bind-address": "127.0.0.1",
            "penstock.rpc.socket": str(folder / "rpc.sock"),
            "state.checkpoints.dir": f"file://{folder}/checkpoints",
            "execution.checkpointing.interval": "5 s",
            "taskmanager.numberOfTaskSlots": "1",
        }
        (folder / "config.yaml").write_text(json.dumps(settings))
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, verb: str, *arguments: str) -> None:
        """Start a JobManager or a TaskManager."""
        command = [sys.executable, "-m", "penstock.launch.cli", verb, "--config-dir", str(self.folder)]
        self._processes[verb] = subprocess.Popen(
            [*command, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def get(self, path: str) -> Any:
        """An answer of the REST API."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
            return json.load(answer)

    def wait(self, what: str, condition: Callable[[], bool]) -> None:
        """Until it holds; SystemExit past the deadline."""
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            try:
                if condition():
                    return
            except OSError:
                pass
            time.sleep(0.2)
        raise SystemExit(f"{what} did not come within {_START_SECONDS:.0f} s")

    def megabytes(self, verb: str) -> float:
        """Resident memory of a process and its descendants."""
        return sum(map(_resident, _tree(self._processes[verb].pid)))

    def close(self) -> None:
        """End both."""
        for process in reversed(self._processes.values()):
            process.send_signal(signal.SIGTERM)
        for process in self._processes.values():
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextmanager
def cluster() -> Iterator[Cluster]:
    """One in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        made = Cluster(Path(folder))
        try:
            yield made
        finally:
            made.close()


def _tree(pid: int) -> list[int]:
    found = [pid]
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found += _tree(int(child))
    return found


def _resident(pid: int) -> float:
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Rss:"):
                return int(line.split()[1]) / 1024
    except OSError:
        pass
    return 0.0


def slope_per_minute(samples: list[tuple[float, float]]) -> float:
    """Of the least-squares line through (seconds, megabytes)."""
    mean_time = sum(second for second, _ in samples) / len(samples)
    mean_size = sum(size for _, size in samples) / len(samples)
    spread = sum((second - mean_time) ** 2 for second, _ in samples)
    together = sum((second - mean_time) * (size - mean_size) for second, size in samples)
    return 60 * together / spread if spread else 0.0


def until_steady(read: Callable[[], float]) -> None:
    """Wait until the value has not moved by more than `_STEADY_MB` for `_STEADY_READINGS` readings in a row."""
    readings = [read()]
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        time.sleep(0.5)
        readings = [*readings, read()][-_STEADY_READINGS:]
        if len(readings) == _STEADY_READINGS and max(readings) - min(readings) <= _STEADY_MB:
            return
    raise TimeoutError(f"an idle process's memory still moves: {readings} MB")


def measure_idle(report: Report) -> None:
    """Both processes with nothing to do."""
    with cluster() as made:
        made.start("jobmanager")
        made.start("taskmanager")
        made.wait("the slot", lambda: bool(made.get("/overview")["slots-available"] == 1))
        for verb in ("jobmanager", "taskmanager"):
            until_steady(lambda verb=verb: made.megabytes(verb))  # type: ignore[misc]
        for verb, what, limit in (
            ("jobmanager", "idle JobManager", 80),
            ("taskmanager", "TaskManager, one slot", 120),
        ):
            report.add(Figure(what, "penstock", made.megabytes(verb), "MB", None, f"<= {limit}"))


def measure_growth(report: Report) -> None:
    """A slot at work."""
    with cluster() as made:
        made.start("jobmanager", "--program", str(_PROGRAM))
        made.start("taskmanager")
        made.wait(
            "the running job", lambda: any(job["status"] == "RUNNING" for job in made.get("/jobs")["jobs"])
        )
        samples: dict[str, list[tuple[float, float]]] = {"jobmanager": [], "taskmanager": []}
        started = time.monotonic()
        while (passed := time.monotonic() - started) < SECONDS:
            if passed > SECONDS / 5:
                for verb, taken in samples.items():
                    taken.append((passed, made.megabytes(verb)))
            time.sleep(max(0.5, SECONDS / 600))
    for verb, taken in samples.items():
        report.add(Figure(f"{verb} under load", "penstock", taken[-1][1], "MB"))
        what = f"{verb} growth over {SECONDS:.0f} s"
        report.add(Figure(what, "penstock", slope_per_minute(taken), "MB/min", None, "no growth"))


def main() -> None:
    """Idle memory, then growth."""
    report = Report("memory")
    measure_idle(report)
    measure_growth(report)
    report.show()
    print(f"written to {report.write()}")


if __name__ == "__main__":
    main()
