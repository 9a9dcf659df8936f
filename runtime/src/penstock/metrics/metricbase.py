"""Metrics as functions see them, in PyFlink's shape; `metrics.registered` implements them, one set for each operator.

A function gets its group from `runtime_context.get_metrics_group()` and must use what it makes there in its slot only.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any


class MetricGroup(ABC):
    """A named place for metrics and for groups inside it."""

    @abstractmethod
    def add_group(self, name: str, extra: str | None = None) -> "MetricGroup":
        """A group inside this one; with `extra`, the group of that value of the variable `name`."""

    @abstractmethod
    def counter(self, name: str) -> "Counter":
        """A counter; the same one for the same name."""

    @abstractmethod
    def gauge(self, name: str, obj: Callable[[], int]) -> None:
        """Publish what `obj` returns whenever metrics are collected; it runs between two batches and must not block."""

    @abstractmethod
    def meter(self, name: str, time_span_in_seconds: int = 60) -> "Meter":
        """A rate of events, a second, over the last so many seconds."""

    @abstractmethod
    def distribution(self, name: str) -> "Distribution":
        """Count, sum, smallest, largest and mean of reported values."""


class Metric(ABC):  # noqa: B024 - a common base, for isinstance
    """Any metric."""


class Counter(Metric):
    """A number that goes up and down."""

    @abstractmethod
    def inc(self, n: int = 1) -> None:
        """Add n."""

    @abstractmethod
    def dec(self, n: int = 1) -> None:
        """Subtract n."""

    @abstractmethod
    def get_count(self) -> int:
        """The number now."""


class Meter(Metric):
    """A rate."""

    @abstractmethod
    def mark_event(self, value: int = 1) -> None:
        """So many events happened now."""

    @abstractmethod
    def get_count(self) -> int:
        """All events so far."""


class Distribution(Metric):
    """Statistics of values."""

    @abstractmethod
    def update(self, value: Any) -> None:
        """Report a value."""
