"""Memory tuning: how much a TaskManager of the bundled runtime needs, from what was seen of all of them. Pure.

Simple and on the safe side: the most that any TaskManager was ever seen to use, with the option's head-room, and for the
fewest TaskManagers that the job may be scaled down to, for what they keep is then shared by fewer. Never more than the
spec has.
"""

import math
from dataclasses import dataclass

from penstock_operator.autoscale.options import AutoscalerOptions

STEP = 64 * 1024 * 1024
"""Sizes are whole multiples of it, so that a recommendation does not move with every sample."""


@dataclass(frozen=True, slots=True)
class Peak:
    """The most that a TaskManager was seen to use."""

    used: float = 0.0
    """Bytes; 0: nothing was seen."""
    managers: int = 1
    """How many TaskManagers there were then."""

    def with_seen(self, used: float, managers: int) -> "Peak":
        """The peak with one more sample."""
        return Peak(used, max(1, managers)) if used > self.used else self

    @property
    def is_known(self) -> bool:
        """Whether anything can be said from it."""
        return 0 < self.used < math.inf

    def outgrown(self) -> "Peak":
        """The peak of a job that was killed with what it was given by it: nobody knows how much it wants."""
        return Peak(math.inf, self.managers)


def recommended(peak: Peak, fewest: int, limit: int, options: AutoscalerOptions) -> int | None:
    """Bytes that a TaskManager should have; None where nothing is known or the spec's `limit` is none too many.

    Peak · (1 + overhead), and with compensation times the TaskManagers at the peak over the `fewest` there may be.
    """
    if not peak.is_known or limit <= 0:
        return None
    needed = peak.used * (1.0 + options.memory_overhead)
    if options.memory_compensation:
        needed *= max(1.0, peak.managers / max(1, fewest))
    size = math.ceil(needed / STEP) * STEP
    return size if size < limit else None
