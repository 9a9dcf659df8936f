"""How fast a generator goes. Strategies are settings; limiters are used by one reader, in its task."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol


class RateLimiter(Protocol):
    """Says how many records may be made now."""

    wait_seconds: float | None
    """How long until more may be made, where only time brings them; None: nothing or a checkpoint does."""

    def take(self, wanted: int) -> int:
        """How many of the wanted may be made; they count as made."""
        ...

    def checkpoint_completed(self) -> None:
        """A checkpoint is complete."""
        ...


class Unlimited:
    """As fast as they are read."""

    wait_seconds: float | None = None

    def take(self, wanted: int) -> int:
        """All of them."""
        return wanted

    def checkpoint_completed(self) -> None:
        """Nothing changes."""


class PerSecond:
    """So many a second, evenly: at most a tenth of a second's worth at once."""

    def __init__(self, rate: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._clock = clock
        self._burst = max(1.0, rate / 10)
        self._credit = 0.0
        self._last = clock()
        self.wait_seconds: float | None = min(0.1, max(0.001, 1 / rate))

    def take(self, wanted: int) -> int:
        """What time has brought since."""
        now = self._clock()
        self._credit = min(self._burst, self._credit + (now - self._last) * self._rate)
        self._last = now
        taken = min(wanted, int(self._credit))
        self._credit -= taken
        return taken

    def checkpoint_completed(self) -> None:
        """Nothing changes."""


class PerCheckpoint:
    """So many between two checkpoints."""

    wait_seconds: float | None = None

    def __init__(self, count: int) -> None:
        self._count = count
        self._left = count

    def take(self, wanted: int) -> int:
        """What is left of this interval's."""
        taken = min(wanted, self._left)
        self._left -= taken
        return taken

    def checkpoint_completed(self) -> None:
        """The next interval's."""
        self._left = self._count


@dataclass(frozen=True, slots=True)
class RateLimiterStrategy:
    """How fast all subtasks together go; each takes its share. Named as in Flink's Java API."""

    records_per_second: float | None = None
    records_per_checkpoint: int | None = None

    @staticmethod
    def no_op() -> "RateLimiterStrategy":
        """No limit."""
        return RateLimiterStrategy()

    @staticmethod
    def per_second(records_per_second: float) -> "RateLimiterStrategy":
        """So many a second."""
        if records_per_second <= 0:
            raise ValueError(f"a rate must be above 0 records a second, not {records_per_second}")
        return RateLimiterStrategy(records_per_second=records_per_second)

    @staticmethod
    def per_checkpoint(records_per_checkpoint: int) -> "RateLimiterStrategy":
        """So many between two checkpoints; needs checkpoints."""
        if records_per_checkpoint <= 0:
            raise ValueError(f"a rate must be above 0 records a checkpoint, not {records_per_checkpoint}")
        return RateLimiterStrategy(records_per_checkpoint=records_per_checkpoint)

    def limiter(self, subtask: int, parallelism: int) -> RateLimiter:
        """One subtask's share."""
        if self.records_per_second is not None:
            return PerSecond(self.records_per_second / parallelism)
        if self.records_per_checkpoint is not None:
            share = self.records_per_checkpoint // parallelism
            return PerCheckpoint(share + (subtask < self.records_per_checkpoint % parallelism))
        return Unlimited()
