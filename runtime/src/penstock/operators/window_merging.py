"""Which windows of a key become one when a record brings another. Used by `operators.window`; pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from penstock.windows.assigners import MergeCallback, MergingWindowAssigner, SessionWindows


@dataclass(frozen=True, slots=True)
class Merge:
    """Windows that the key has become `result`, which may be one of them."""

    result: Any
    absorbed: tuple[Any, ...]


class _Merges(MergeCallback):
    def __init__(self) -> None:
        self.made: list[tuple[Any, list[Any]]] = []

    def merge(self, to_be_merged: Iterable[Any], merge_result: Any) -> None:
        self.made.append((merge_result, list(to_be_merged)))


def plan_merges(
    assigner: MergingWindowAssigner, active: Sequence[Any], window: Any
) -> tuple[Any, list[Merge]]:
    """Where the record of `window` goes, and what has to become one before; no merge leaves a window as it is."""
    if not active:
        return window, []
    if type(assigner).merge_windows is SessionWindows.merge_windows:
        return _plan_session(active, window)
    merges = _Merges()
    assigner.merge_windows([*active, *(() if window in active else (window,))], merges)
    target = window
    planned: list[Merge] = []
    for result, members in merges.made:
        if window in members:
            target = result
        absorbed = tuple(member for member in members if member in active)
        if absorbed and absorbed != (result,):
            planned.append(Merge(result, absorbed))
    return target, planned


def _plan_session(active: Sequence[Any], window: Any) -> tuple[Any, list[Merge]]:
    """The same without sorting: only the new window can touch others."""
    touching = [other for other in active if other.intersects(window)]
    merged = window
    for other in touching:
        merged = merged.cover(other)
    if not touching or touching == [merged]:
        return merged, []
    return merged, [Merge(merged, tuple(touching))]
