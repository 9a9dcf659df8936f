"""Log files of local jobs: their last lines for a reason, all lines for `local logs`. Reads only."""

import time
from collections.abc import Iterator
from pathlib import Path

MAX_BYTES = 8192


def last_lines(path: Path, count: int = 5) -> str:
    """The last lines of a log, joined; a word where there is none."""
    try:
        with path.open("rb") as log:
            log.seek(0, 2)
            log.seek(max(0, log.tell() - MAX_BYTES))
            lines = log.read().decode(errors="replace").strip().splitlines()
    except OSError:
        return "no log was written"
    return "\n".join(lines[-count:]) or "nothing was logged"


def follow_logs(folder: Path, *, follow: bool, pause_seconds: float = 0.3) -> Iterator[str]:
    """Every line of every log in the folder with the process's name before it; with `follow`, for ever."""
    offsets: dict[Path, int] = {}
    while True:
        for path in sorted(folder.glob("*.log")):
            content = _after(path, offsets.get(path, 0))
            whole = content[: content.rfind(b"\n") + 1]
            offsets[path] = offsets.get(path, 0) + len(whole)
            for line in whole.decode(errors="replace").splitlines():
                yield f"{path.stem} | {line}"
        if not follow:
            return
        time.sleep(pause_seconds)


def _after(path: Path, offset: int) -> bytes:
    try:
        with path.open("rb") as log:
            log.seek(offset)
            return log.read()
    except FileNotFoundError:
        return b""
