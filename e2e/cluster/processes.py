"""Starts, finds and ends the cluster's own processes, by pid and start time.

Called by the node. It never ends a process by name, and never one whose start time differs from the recorded one:
a pid that was given to someone else since then is left alone.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from e2e.cluster.layout import ClusterError


def start_time_of(pid: int) -> int | None:
    """Return the process's start time in clock ticks since boot, or None where it is gone or a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in "ZX" else int(fields[19])


def wait_until(condition: Callable[[], bool], seconds: float, what: str) -> None:
    """Wait for a condition, or raise with what was waited for."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise ClusterError(f"waited {seconds:.0f} s for {what}, in vain")
        time.sleep(0.1)


class Processes:
    """The processes of one cluster, recorded in a file so that another command can end them."""

    def __init__(self, state: Path) -> None:
        self._folder = state
        self._record = state / "processes.json"

    def recorded(self) -> dict[str, tuple[int, int]]:
        """Return name → (pid, start time) of every process that was started and not ended."""
        if not self._record.exists():
            return {}
        return {name: (pid, start) for name, (pid, start) in json.loads(self._record.read_text()).items()}

    def running(self) -> tuple[str, ...]:
        """Return the names of the recorded processes that still run."""
        return tuple(name for name, (pid, start) in self.recorded().items() if start_time_of(pid) == start)

    def start(self, name: str, command: Sequence[str | Path], nice: int = 0) -> None:
        """Start a process in a session of its own, its output in `<name>.log`."""
        log = self._folder / f"{name}.log"
        with log.open("ab") as output:
            process = subprocess.Popen(
                [str(part) for part in command],
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                preexec_fn=(lambda: os.nice(nice)) if nice else None,
            )
        process.returncode = 0  # it shall outlive this object, which warns of a child still running otherwise
        started = start_time_of(process.pid)
        if started is None:
            raise ClusterError(f"{name} ended as it started; see {log}")
        self._save(self.recorded() | {name: (process.pid, started)})

    def assert_running(self, name: str) -> None:
        """Raise with the end of its log where a process has ended."""
        if name not in self.running():
            log = self._folder / f"{name}.log"
            tail = (
                "\n".join(log.read_text(errors="replace").splitlines()[-15:]) if log.exists() else "(no log)"
            )
            raise ClusterError(f"{name} has ended; the end of {log}:\n{tail}")

    def stop(self, name: str, seconds: float = 10) -> None:
        """End a process: a polite signal first, the other one when the time is up."""
        pid, start = self.recorded().get(name, (0, 0))
        if pid:
            end_process(pid, start, seconds)
        self._save({other: value for other, value in self.recorded().items() if other != name})

    def _save(self, processes: dict[str, tuple[int, int]]) -> None:
        part = self._record.with_suffix(".part")
        part.write_text(json.dumps(processes, indent=1))
        part.replace(self._record)


def end_process(pid: int, start: int, seconds: float) -> None:
    """End the process with this pid and start time, and reap it where it is a child of ours."""
    for number, patience in ((signal.SIGTERM, seconds), (signal.SIGKILL, 10.0)):
        if start_time_of(pid) != start:
            break
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        with contextlib.suppress(ClusterError):
            wait_until(lambda: start_time_of(pid) != start, patience, f"process {pid} to end")
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def end_cgroup(name: str) -> None:
    """Kill every process under a cgroup of this name, and remove the cgroup in every hierarchy."""
    folders = [folder for folder in _cgroup_roots(name) if folder.is_dir()]
    for folder in folders:
        for listing in folder.rglob("cgroup.procs"):
            with contextlib.suppress(OSError):
                for pid in listing.read_text().split():
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(int(pid), signal.SIGKILL)
    for folder in folders:
        with contextlib.suppress(ClusterError):
            wait_until(lambda folder=folder: _remove_cgroup(folder), 10, f"the cgroup {folder} to empty")  # type: ignore[misc]


def make_cgroup(name: str) -> None:
    """Make a cgroup of this name in every hierarchy that has controllers."""
    for folder in _cgroup_roots(name):
        folder.mkdir(exist_ok=True)
        if folder.parent.name == "cpuset":  # a new cpuset is empty, and nothing runs in an empty one
            for key in ("cpuset.cpus", "cpuset.mems"):
                (folder / key).write_text((folder.parent / key).read_text())


def _cgroup_roots(name: str) -> list[Path]:
    top = Path("/sys/fs/cgroup")
    if (top / "cgroup.controllers").exists():
        return [top / name]
    return [child / name for child in top.iterdir() if child.is_dir() and not child.is_symlink()]


def _remove_cgroup(folder: Path) -> bool:
    for child in sorted(folder.rglob("*"), key=lambda path: -len(path.parts)):
        if child.is_dir():
            with contextlib.suppress(OSError):
                child.rmdir()
    with contextlib.suppress(OSError):
        folder.rmdir()
    return not folder.exists()
