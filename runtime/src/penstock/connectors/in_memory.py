"""A reader whose records need no I/O: each split is a range of positions. Used by the collection and sequence sources."""

from collections.abc import Callable, Sequence
from typing import Any

from penstock.connectors.contract import ReaderContext, SourceBatch, Split
from penstock.operators.contract import Batch


class RangeReader:
    """Reads `take(start, end)` of one split after the other. A split is `{id, position, end}`."""

    def __init__(self, take: Callable[[int, int], list[Any]]) -> None:
        self._take = take
        self._splits: list[Split] = []
        self._is_complete = False
        self._ctx: ReaderContext | None = None

    def open(self, ctx: ReaderContext) -> None:
        """Remember whom to wake."""
        self._ctx = ctx

    def add_splits(self, splits: Sequence[Split]) -> None:
        """Queue them."""
        self._splits.extend(dict(split) for split in splits)
        self._wake()

    def no_more_splits(self) -> None:
        """The queue is final."""
        self._is_complete = True
        self._wake()

    def poll(self, max_records: int) -> SourceBatch | None:
        """The next records of the first split."""
        while self._splits:
            split = self._splits[0]
            start, end = split["position"], min(split["end"], split["position"] + max_records)
            if start >= split["end"]:
                self._splits.pop(0)
                continue
            split["position"] = end
            if end == split["end"]:
                self._splits.pop(0)
            return SourceBatch(split["id"], Batch(self._take(start, end)))
        return None

    def left_in_split(self) -> int:
        """Records left in the split that is being read."""
        return next((one["end"] - one["position"] for one in self._splits if one["end"] > one["position"]), 0)

    def wants_splits(self) -> bool:
        """True when nothing is left and more may come."""
        return not self._splits and not self._is_complete

    def is_finished(self) -> bool:
        """True when nothing is left and nothing will come."""
        return not self._splits and self._is_complete

    def split_ids(self) -> set[str]:
        """The unfinished splits."""
        return {str(split["id"]) for split in self._splits}

    def snapshot(self) -> list[Split]:
        """The unfinished splits."""
        return [dict(split) for split in self._splits]

    def notify_complete(self, checkpoint_id: int) -> None:
        """Nobody outside needs to know."""

    def close(self) -> None:
        """Nothing to release."""

    def _wake(self) -> None:
        if self._ctx is not None:
            self._ctx.wake()
