"""A term of office against the clock: a leader that was stopped for too long knows it before it acts. Thread-safe.

Used by both elections. The clock is monotonic and goes on while the process is stopped.
"""

import threading
import time
from collections.abc import Callable


class Term:
    """From `begin` to `end`, as long as `renewed` comes within `length` seconds."""

    def __init__(self, length: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._length, self._clock = length, clock
        self._renewed: float | None = None
        self._lock = threading.Lock()

    def begin(self, at: float) -> None:
        """The election said yes to what was asked at `at`."""
        self.renewed(at)

    def renewed(self, at: float) -> None:
        """The election confirmed what was asked at `at`."""
        with self._lock:
            self._renewed = at

    def end(self) -> None:
        """Over, for whatever reason."""
        with self._lock:
            self._renewed = None

    @property
    def is_valid(self) -> bool:
        """Nobody else can have been elected yet."""
        with self._lock:
            return self._renewed is not None and self._clock() - self._renewed < self._length
