"""Windows: spans of time, numbered groups, or everything. Values; in state a window is its plain namespace."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

MAX_TIMESTAMP = 2**63 - 1


class Window(ABC):
    """A set of records of a key. A program's own windows are values too: equal ones hash equal, and they pickle."""

    __slots__ = ()

    @abstractmethod
    def max_timestamp(self) -> int:
        """The largest event time that still belongs to it."""


@dataclass(frozen=True, slots=True, order=True)
class TimeWindow(Window):
    """From `start`, included, to `end`, excluded, in ms."""

    start: int
    end: int

    def max_timestamp(self) -> int:
        """The last millisecond that belongs to it."""
        return self.end - 1

    def intersects(self, other: "TimeWindow") -> bool:
        """Whether they overlap or touch."""
        return self.start <= other.end and self.end >= other.start

    def cover(self, other: "TimeWindow") -> "TimeWindow":
        """The smallest window that holds both."""
        return TimeWindow(min(self.start, other.start), max(self.end, other.end))

    @staticmethod
    def get_window_start_with_offset(timestamp: int, offset: int, window_size: int) -> int:
        """The start of the window of that size that holds the timestamp."""
        return timestamp - (timestamp - offset) % window_size

    @staticmethod
    def merge_windows(windows: Iterable["TimeWindow"], callback: Any) -> None:
        """Tell the callback, of a merging assigner, which of these windows overlap or touch: they are to be one."""
        group: list[TimeWindow] = []
        covered: TimeWindow | None = None
        for window in sorted(windows):
            if covered is not None and covered.intersects(window):
                group.append(window)
                covered = covered.cover(window)
                continue
            if covered is not None and len(group) > 1:
                callback.merge(group, covered)
            group, covered = [window], window
        if covered is not None and len(group) > 1:
            callback.merge(group, covered)


@dataclass(frozen=True, slots=True, order=True)
class CountWindow(Window):
    """The window of that number."""

    id: int

    def max_timestamp(self) -> int:
        """It has no end in time."""
        return MAX_TIMESTAMP


@dataclass(frozen=True, slots=True)
class GlobalWindow(Window):
    """The one window of everything."""

    @staticmethod
    def get() -> "GlobalWindow":
        """The one."""
        return GlobalWindow()

    def max_timestamp(self) -> int:
        """It has no end in time."""
        return MAX_TIMESTAMP

    def __repr__(self) -> str:
        return "GlobalWindow"


def namespace_of(window: Any) -> Any:
    """What stands for the window in state and timers; a window of the program's own class stands for itself."""
    kind = type(window)
    if kind is TimeWindow:
        return (window.start, window.end)
    if kind is CountWindow:
        return window.id
    return "global" if kind is GlobalWindow else window


def window_of(namespace: Any) -> Any:
    """The window that a namespace stands for."""
    if type(namespace) is tuple:
        return TimeWindow(*namespace)
    if type(namespace) is int:
        return CountWindow(namespace)
    return GlobalWindow() if namespace == "global" else namespace
