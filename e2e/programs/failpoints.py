"""Ends the operator at the failpoint that a file names: mounted into the operator's pod by a crash test, in no image.

Python runs it first of all as `sitecustomize`. The file holds `name` or `name:n`, the n-th time that it is reached from
when the file was written; it is removed first, so the container that comes after goes on to the end.
"""

import os
import threading
from pathlib import Path

from penstock_operator.act import failpoints

KILLED = 42
_armed = Path(os.environ["PENSTOCK_FAILPOINT_FILE"])
_lock = threading.Lock()


def _listener(name: str) -> None:
    with _lock:
        if not _armed.exists():
            return
        wanted, _, number = _armed.read_text().strip().partition(":")
        if name != wanted:
            return
        left = int(number or 1) - 1
        if left:
            _armed.write_text(f"{wanted}:{left}")
            return
        _armed.unlink()
        os._exit(KILLED)


failpoints.listen(_listener)
