"""Memory, CPU and threads of processes by Flink's `Status.…` names, read from /proc where there is one.

The supervisor sends those of its TaskManager with every heartbeat, REST shows them and those of the JobManager. A
Python process has no Java heap: `Heap` is what it allocated (anonymous memory), `NonHeap` what it maps from files.
Reads only; a process that ends meanwhile counts for nothing.
"""

import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
_CGROUP_LIMITS = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)
_KIB = 1024


@dataclass(slots=True, frozen=True)
class Usage:
    """What processes use: bytes, threads, seconds of CPU time since their start."""

    allocated: int = 0
    mapped: int = 0
    threads: int = 0
    cpu_seconds: float = 0.0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            self.allocated + other.allocated,
            self.mapped + other.mapped,
            self.threads + other.threads,
            self.cpu_seconds + other.cpu_seconds,
        )


def usage_of(pid: int) -> Usage:
    """One process's usage; nothing where it cannot be read."""
    try:
        status = (_PROC / str(pid) / "status").read_text()
        stat = (_PROC / str(pid) / "stat").read_text()
    except OSError:
        return Usage()
    lines = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    # The name in parentheses may hold spaces; the fields are counted from behind it (utime and stime are 14 and 15).
    fields = stat.rpartition(")")[2].split()
    ticks = int(fields[11]) + int(fields[12])
    return Usage(
        allocated=_kib(lines, "RssAnon"),
        mapped=_kib(lines, "RssFile") + _kib(lines, "RssShmem"),
        threads=int(lines.get("Threads", "0")),
        cpu_seconds=ticks / os.sysconf("SC_CLK_TCK"),
    )


def physical_memory() -> int:
    """Bytes of the machine."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def memory_limit() -> int:
    """Bytes that this process may use: its container's limit, else the machine's memory."""
    for path in _CGROUP_LIMITS:
        try:
            text = path.read_text().strip()
        except OSError:
            continue
        if text.isdigit():
            return min(int(text), physical_memory())
    return physical_memory()


class ProcessFigures:
    """Figures of a group of processes; CPU load is that since the last call."""

    def __init__(self) -> None:
        self._limit = memory_limit()
        self._last: tuple[float, float] | None = None

    def read(self, pids: Iterable[int]) -> dict[str, float]:
        """By Flink's names."""
        total = sum((usage_of(pid) for pid in pids), Usage())
        now = time.monotonic()
        load = 0.0
        if self._last is not None and now > self._last[0]:
            spent = max(0.0, total.cpu_seconds - self._last[1])
            load = spent / (now - self._last[0]) / (os.cpu_count() or 1)
        self._last = (now, total.cpu_seconds)
        return {
            "Status.JVM.CPU.Load": round(load, 4),
            "Status.JVM.CPU.Time": total.cpu_seconds * 1e9,
            "Status.JVM.Memory.Heap.Used": float(total.allocated),
            "Status.JVM.Memory.Heap.Committed": float(total.allocated),
            "Status.JVM.Memory.Heap.Max": float(self._limit),
            "Status.JVM.Memory.NonHeap.Used": float(total.mapped),
            "Status.JVM.Memory.NonHeap.Committed": float(total.mapped),
            "Status.JVM.Memory.NonHeap.Max": float(self._limit),
            "Status.JVM.Threads.Count": float(total.threads),
        }


def _kib(lines: dict[str, str], name: str) -> int:
    words = lines.get(name, "0").split()
    return int(words[0]) * _KIB
