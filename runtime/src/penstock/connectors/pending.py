"""Splits that wait for a reader: the part that enumerators of bounded and growing sources share.

Held by enumerators in the JobManager; pure, never blocks.
"""

from collections.abc import Iterable, Sequence

from penstock.connectors.contract import Split


class PendingSplits:
    """First come, first served: each reader that asks gets the next split."""

    def __init__(self, splits: Iterable[Split] = ()) -> None:
        self._splits: list[Split] = list(splits)
        self._asking: list[int] = []

    def add(self, splits: Iterable[Split]) -> None:
        """Splits that were found."""
        self._splits.extend(splits)

    def add_back(self, splits: Sequence[Split]) -> None:
        """Splits of readers that are gone: they come first, being the oldest."""
        self._splits[:0] = splits

    def take(self, waiting: Sequence[int]) -> dict[int, list[Split]]:
        """One split for each subtask that asked, in the order of asking; who goes without stays in line."""
        for subtask in waiting:
            if subtask not in self._asking:
                self._asking.append(subtask)
        taken: dict[int, list[Split]] = {}
        while self._splits and self._asking:
            taken[self._asking.pop(0)] = [self._splits.pop(0)]
        return taken

    def __len__(self) -> int:
        return len(self._splits)

    def snapshot(self) -> list[Split]:
        """The splits, as JSON."""
        return [dict(split) for split in self._splits]
