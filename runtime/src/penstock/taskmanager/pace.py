"""How many records a task handles in one go: full batches where they are quick, few where user code takes its time.

Used by `taskmanager.intake`. Barriers, commands, metrics and other tasks of the slot wait for one go at most, so a slow
function must not hold them for a whole batch: not for the first one either, of which nobody knows what it will take.
"""

from penstock.exchange.elements import EXCHANGE_BATCH

_TOO_LONG_SECONDS = 0.05
_SHORT_SECONDS = 0.01


class Pace:
    """Adapts `limit` to what records take, beginning with one."""

    __slots__ = ("_short", "limit")

    def __init__(self) -> None:
        self.limit = 1
        self._short = _TOO_LONG_SECONDS / 2
        """So quick goes are followed by one of twice as many; fewer once it was seen what too many take."""

    def note(self, records: int, seconds: float) -> None:
        """So many records took so long."""
        if seconds > _TOO_LONG_SECONDS:
            self._short = _SHORT_SECONDS
            self.limit = max(1, int(records * _TOO_LONG_SECONDS / seconds))
        elif (
            seconds < self._short
            and self.limit < EXCHANGE_BATCH <= records * 2 * EXCHANGE_BATCH // self.limit
        ):
            self.limit = min(EXCHANGE_BATCH, self.limit * 2)
