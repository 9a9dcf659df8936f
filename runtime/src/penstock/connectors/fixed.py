"""An enumerator of splits that are known from the start. Used by the collection and the sequence source."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from penstock.connectors.contract import Split
from penstock.connectors.pending import PendingSplits


class FixedSplits:
    """A `SplitEnumerator` over a fixed list; in a restored job only what its state holds is left."""

    def __init__(self, splits: Iterable[Split], state: Mapping[str, Any] | None) -> None:
        self._pending = PendingSplits(splits if state is None else state["pending"])

    def discover(self) -> None:
        """Nothing to find."""

    def take_assignments(self, waiting: Sequence[int]) -> dict[int, list[Split]]:
        """A split for each that asks."""
        return self._pending.take(waiting)

    def add_splits_back(self, splits: Sequence[Split]) -> None:
        """Hand them out again."""
        self._pending.add_back(splits)

    def has_no_more_splits(self) -> bool:
        """True when all are handed out."""
        return not len(self._pending)

    def snapshot(self) -> dict[str, Any]:
        """What waits."""
        return {"pending": self._pending.snapshot()}

    def close(self) -> None:
        """Nothing to release."""

    @property
    def discovery_interval_seconds(self) -> float | None:
        """Never again."""
        return None
