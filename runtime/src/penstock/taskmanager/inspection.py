"""Looks into the running process: stacks of threads, samples of the slot's task thread, log files.

Called by the slot's command thread, by the supervisor and, for the JobManager's own process, by REST. Only looks: it
never stops a thread and never waits for one, so a slot that hangs can still be asked where.
"""

import os
import sys
import threading
import time
import traceback
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Protocol

from penstock.control.messages import Inspect, InspectionSubject

LOG_LIMIT = 1 << 20
"""Bytes of a log file that are shown: its end."""
_MOST_SAMPLES = 1000
_ON_CPU_SHARE = 0.5
"""A sample counts as on the CPU when the thread ran for this share of the time since the sample before."""
_LOG_SUFFIXES = frozenset({".log", ".out", ".err"})


class KeptLines(Protocol):
    """The end of a log in memory."""

    def text(self) -> str:
        """All kept lines."""


def thread_stacks() -> list[dict[str, str]]:
    """Every thread of this process as Flink's thread dump shows it."""
    frames = sys._current_frames()  # noqa: SLF001 - the interpreter's way to other threads' stacks
    found = []
    for thread in threading.enumerate():
        frame = frames.get(thread.ident or 0)
        if frame is not None:
            stack = "".join(traceback.format_stack(frame))
            found.append({"threadName": thread.name, "stringifiedThreadInfo": f'"{thread.name}"\n{stack}'})
    return found


# ------------------------------------------------------------------------------------------------------- samples


def sample_task_thread(ident: int, samples: int, interval_ms: int) -> list[dict[str, Any]]:
    """Stacks of the slot's thread, counted: vertex and subtask at work, frames from the outermost, on the CPU or not."""
    counted: Counter[tuple[str, int, bool, tuple[str, ...]]] = Counter()
    clock = _cpu_clock(ident)
    wall, cpu = time.perf_counter(), _cpu_time(clock)
    for _ in range(min(samples, _MOST_SAMPLES)):
        time.sleep(interval_ms / 1000)
        frame = sys._current_frames().get(ident)  # noqa: SLF001 - as above
        if frame is None:
            break
        now, used = time.perf_counter(), _cpu_time(clock)
        is_on_cpu = used - cpu >= _ON_CPU_SHARE * (now - wall)
        wall, cpu = now, used
        vertex, index, stack = _stack_of(frame)
        counted[vertex, index, is_on_cpu, stack] += 1
    return [
        {"vertex": vertex, "index": index, "on_cpu": on_cpu, "stack": list(stack), "count": count}
        for (vertex, index, on_cpu, stack), count in counted.items()
    ]


def _stack_of(frame: FrameType) -> tuple[str, int, tuple[str, ...]]:
    """The task at work ("" between tasks) and the names of its frames, outermost first."""
    names: list[str] = []
    vertex, index = "", -1
    at: FrameType | None = frame
    while at is not None:
        code = at.f_code
        names.append(f"{code.co_qualname} ({_short(code.co_filename)}:{at.f_lineno})")
        subtask = getattr(at.f_locals.get("self"), "subtask", None) if code.co_name == "step" else None
        if subtask is not None and not vertex:
            vertex, index = str(subtask.vertex_id), int(subtask.index)
        at = at.f_back
    return vertex, index, tuple(reversed(names))


def _short(filename: str) -> str:
    return "/".join(Path(filename).parts[-2:])


def _cpu_clock(ident: int) -> int | None:
    try:
        return time.pthread_getcpuclockid(ident)
    except (AttributeError, OSError):
        return None


def _cpu_time(clock: int | None) -> float:
    return time.perf_counter() if clock is None else time.clock_gettime(clock)


# ------------------------------------------------------------------------------------------------------- logs


@dataclass(slots=True, frozen=True)
class LogFiles:
    """What a process has written: files of its log folder, what is kept in memory without one, and its output.

    `name` is that of the main log.
    """

    name: str
    folder: Path | None = None
    kept: KeptLines | None = None

    def listed(self) -> list[dict[str, Any]]:
        """Name, size and time of each."""
        found = [_row(path.name, path) for path in self._files()]
        if not found and self.kept is not None:
            size = len(self.kept.text().encode())
            found = [{"name": self.name, "size": size, "mtime": time.time_ns() // 1_000_000}]
        return found

    def text(self, name: str = "") -> str | None:
        """The end of a file of the list, of the main log without a name; None if there is no such file."""
        wanted = name or self.name
        for path in self._files():
            if path.name == wanted:
                return _end_of(path)
        if wanted == self.name:
            return self.kept.text() if self.kept is not None else ""
        return None

    def output(self) -> str:
        """The end of what was printed, where standard output is a file; else empty."""
        path = Path(os.path.realpath("/proc/self/fd/1"))
        return _end_of(path) if path.is_file() else ""

    def _files(self) -> list[Path]:
        if self.folder is None or not self.folder.is_dir():
            return []
        return sorted(
            path for path in self.folder.iterdir() if path.suffix in _LOG_SUFFIXES and path.is_file()
        )


def _row(name: str, path: Path) -> dict[str, Any]:
    stat = path.stat()
    return {"name": name, "size": stat.st_size, "mtime": int(stat.st_mtime * 1000)}


def _end_of(path: Path) -> str:
    with path.open("rb") as opened:
        opened.seek(max(0, path.stat().st_size - LOG_LIMIT))
        return opened.read().decode(errors="replace")


# ------------------------------------------------------------------------------------------------------- answers


def inspect_slot(wanted: Inspect, task_thread: int) -> dict[str, Any]:
    """The answer of a slot."""
    if wanted.subject is InspectionSubject.SAMPLES:
        return {"samples": sample_task_thread(task_thread, wanted.samples, wanted.interval_ms)}
    if wanted.subject is InspectionSubject.THREADS:
        return {"threads": thread_stacks()}
    return {}


def inspect_manager(wanted: Inspect, files: LogFiles) -> dict[str, Any]:
    """The answer of a TaskManager's own process."""
    if wanted.subject is InspectionSubject.THREADS:
        return {"threads": thread_stacks()}
    if wanted.subject is InspectionSubject.LOGS:
        return {"logs": files.listed()}
    if wanted.subject is InspectionSubject.LOG:
        return {"text": files.text(wanted.name)}
    if wanted.subject is InspectionSubject.STDOUT:
        return {"text": files.output()}
    return {}
