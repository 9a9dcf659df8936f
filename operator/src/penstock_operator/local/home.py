"""The home of the local platform belongs to one operator process at a time: a lock file says to which.

Used by every `local` command; imports nothing heavy, for most commands only want to know.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

_PATIENCE_SECONDS = 1.0
"""Whoever only asks for the operator holds the lock for a moment too."""


class HomeBusy(Exception):
    """Another operator process works in this home."""


@contextmanager
def hold_home(home: Path) -> Iterator[None]:
    """Be the one operator of this home; raises `HomeBusy` if there is one."""
    with _locked(home, _PATIENCE_SECONDS) as lock:
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


@contextmanager
def _locked(home: Path, patience: float) -> Iterator[TextIO]:
    home.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + patience
    with (home / "operator.lock").open("a+") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise HomeBusy(f"an operator already works in {home}") from None
                time.sleep(0.01)
        yield lock


def operator_pid(home: Path) -> int | None:
    """Pid of the operator of this home; None if none runs."""
    try:
        with _locked(home, 0.0):
            return None
    except HomeBusy:
        text = (home / "operator.lock").read_text().strip()
        return int(text) if text.isdigit() else None
