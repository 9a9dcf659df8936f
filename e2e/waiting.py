"""Waiting: deadlines that know how loaded the machine is. Used by every wait; one that fails says what there is."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")


def strain() -> float:
    """How much slower than it should be this machine is: 1 unless others load it well beyond what these tests do."""
    return max(1.0, os.getloadavg()[0] / (4 * (os.cpu_count() or 1)))


class Deadline:
    """So many seconds of a machine that does not do much else; more of one that is strained."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._left = seconds
        self._looked = time.monotonic()

    def is_over(self) -> bool:
        """Whether the time is up: what has passed counts by how strained the machine was."""
        now = time.monotonic()
        self._left -= (now - self._looked) / strain()
        self._looked = now
        return self._left < 0


def eventually(
    what: str, look: Callable[[], Found | None], told: Callable[[], str] | None = None, seconds: float = 150
) -> Found:
    """Return what a look finds, as soon as it finds something; `told` says more where it never does."""
    deadline = Deadline(seconds)
    while True:
        found = look()
        if found:
            return found
        if deadline.is_over():
            raise AssertionError(f"waited {seconds:.0f} s for {what}\n{told() if told else ''}")
        time.sleep(0.3)
