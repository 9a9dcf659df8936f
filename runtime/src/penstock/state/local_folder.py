"""A folder on local disk that belongs to one process, and is cleared away by another when its owner was killed.

Made by the rocksdb backend. The owner holds a lock on a file in the folder for as long as it lives; whoever makes the
first folder of a process deletes those beside it whose lock nobody holds.
"""

import fcntl
import os
import shutil
import tempfile
from pathlib import Path

_PREFIX = "penstock-rocksdb-"
_LOCK = "owner.lock"
_swept: set[Path] = set()


class LocalFolder:
    """An empty folder under `base`."""

    def __init__(self, base: Path) -> None:
        base.mkdir(parents=True, exist_ok=True)
        if base not in _swept:
            _swept.add(base)
            sweep(base)
        self.path = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=base))
        # The lock is held before the file has its name, so that no sweep finds it free.
        unnamed = self.path / f"{_LOCK}.new"
        self._lock = os.open(unnamed, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        unnamed.rename(self.path / _LOCK)

    def close(self) -> None:
        """Delete it with all that is in it."""
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._lock)


def sweep(base: Path) -> int:
    """Delete the folders of owners that are gone. Returns how many."""
    return sum(_delete_if_orphaned(lock.parent) for lock in base.glob(f"{_PREFIX}*/{_LOCK}"))


def _delete_if_orphaned(folder: Path) -> bool:
    try:
        lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False  # its owner deletes it right now
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    else:
        shutil.rmtree(folder, ignore_errors=True)
        return True
    finally:
        os.close(lock)
