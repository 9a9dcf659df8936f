"""Processes of the local platform: they outlive the operator, and a token in their environment finds them again.

Used by `platforms/local.py`. The token is recorded before the start and is inherited by every child, so that nothing
that a job started is ever lost or confused with a stranger whose pid was reused.
"""

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

TOKEN = "PENSTOCK_PROCESS"  # noqa: S105 - the name of a variable
_PROC = Path("/proc")
# The shell ends at once and its child belongs to init: no zombies here, and no signal of our terminal reaches it.
_DETACH = '"$@" </dev/null >>"$PENSTOCK_LOG" 2>&1 & echo $!'


def spawn(command: Sequence[str], token: str, log: Path, folder: Path, extra: Mapping[str, str]) -> int:
    """Start the command, detached; returns its pid."""
    log.parent.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, **extra, TOKEN: token, "PENSTOCK_LOG": str(log)}
    started = subprocess.run(
        ["sh", "-c", _DETACH, "sh", *command],
        env=environment,
        cwd=folder,
        start_new_session=True,
        check=True,
        stdout=subprocess.PIPE,
        timeout=10,
    )
    return int(started.stdout)


def living() -> dict[str, list[int]]:
    """The processes of this user that carry a token, by token, oldest first; zombies do not count."""
    found: dict[str, list[int]] = {}
    for pid, environment in _environments():
        mark = environment.find(f"{TOKEN}=".encode())
        if mark >= 0:
            value = environment[mark + len(TOKEN) + 1 :].split(b"\0", 1)[0].split(b" ", 1)[0]
            found.setdefault(value.decode(errors="replace"), []).append(pid)
    return {token: sorted(pids, key=_started) for token, pids in found.items()}


def send(pids: Sequence[int], number: signal.Signals) -> None:
    """Signal them; those that are gone by now do not matter."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def _environments() -> list[tuple[int, bytes]]:
    if not _PROC.is_dir():
        return _environments_by_ps()
    found: list[tuple[int, bytes]] = []
    for entry in _PROC.iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):  # it ended, or is another user's
                content = (entry / "environ").read_bytes()
                if content:
                    found.append((int(entry.name), content))
    return found


def _environments_by_ps() -> list[tuple[int, bytes]]:
    """Where there is no /proc (macOS)."""
    listed = subprocess.run(["ps", "-x", "-E", "-ww", "-o", "pid=,command="], capture_output=True, check=True)
    rows = [line.strip().partition(b" ") for line in listed.stdout.splitlines()]
    return [(int(pid), rest) for pid, _, rest in rows if pid.isdigit()]


def _started(pid: int) -> tuple[int, int]:
    """Start time in ticks, then the pid; a process that ended meanwhile comes last."""
    try:
        text = (_PROC / str(pid) / "stat").read_text()
        return int(text.rpartition(")")[2].split()[19]), pid
    except (OSError, IndexError, ValueError):
        return 2**62, pid
