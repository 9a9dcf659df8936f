"""The home of the local platform belongs to one operator process at a time: a lock file says to which.

Used by every `local` command; imports nothing heavy, for most commands only want to know.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class HomeBusy(Exception):
    """Another operator process works in this home."""


@contextmanager
def hold_home(home: Path) -> Iterator[None]:
    """Be the one operator of this home; raises `HomeBusy` if there is one."""
    home.mkdir(parents=True, exist_ok=True)
    with (home / "operator.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise HomeBusy(f"an operator already works in {home}") from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def operator_pid(home: Path) -> int | None:
    """Pid of the operator of this home; None if none runs."""
    try:
        with hold_home(home):
            return None
    except HomeBusy:
        text = (home / "operator.lock").read_text().strip()
        return int(text) if text.isdigit() else None
