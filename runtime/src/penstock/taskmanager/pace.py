"""How many records a task handles in one go: full batches where they are quick, few where user code takes its time.

Used by `taskmanager.intake`. Barriers, commands and other tasks of the slot wait for one go at most, so a slow function
must not hold them for a whole batch.
"""

from penstock.exchange.elements import EXCHANGE_BATCH

_TOO_LONG_SECONDS = 0.05
_SHORT_SECONDS = 0.01


class Pace:
    """Adapts `limit` to what records take."""

    __slots__ = ("limit",)

    def __init__(self) -> None:
        self.limit = EXCHANGE_BATCH

    def note(self, records: int, seconds: float) -> None:
        """So many records took so long."""
        if seconds > _TOO_LONG_SECONDS:
            self.limit = max(1, int(records * _TOO_LONG_SECONDS / seconds))
        elif (
            seconds < _SHORT_SECONDS
            and self.limit < EXCHANGE_BATCH <= records * 2 * EXCHANGE_BATCH // self.limit
        ):
            self.limit = min(EXCHANGE_BATCH, self.limit * 2)
