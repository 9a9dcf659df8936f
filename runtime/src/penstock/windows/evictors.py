"""Evictors: which records of a window its function does not see, or not again. Called by `operators.window` around each result.

PyFlink has none; these have the names and meaning of Flink's own. A window with an evictor keeps every record, so a
reduce or an aggregate costs as much memory as a process function.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from penstock.common.time import Time, span_ms

MIN_TIMESTAMP = -(2**63)
DeltaFunction = Callable[[Any, Any], float]


@dataclass(frozen=True, slots=True)
class TimestampedValue:
    """A record of a window with its event time; the smallest number without one."""

    value: Any
    timestamp: int

    def has_timestamp(self) -> bool:
        """It has an event time."""
        return self.timestamp != MIN_TIMESTAMP

    def get_value(self) -> Any:
        """The record."""
        return self.value

    def get_timestamp(self) -> int:
        """Its event time."""
        return self.timestamp


class EvictorContext(Protocol):
    """What an evictor may ask."""

    def get_current_processing_time(self) -> int:
        """Milliseconds since the epoch."""

    def get_current_watermark(self) -> int:
        """The event time of the operator."""


class Evictor(ABC):
    """Removes records from the list that it is given, in place; the order is that of arrival."""

    @abstractmethod
    def evict_before(
        self, elements: list[TimestampedValue], size: int, window: Any, ctx: EvictorContext
    ) -> None:
        """Before the function sees them."""

    @abstractmethod
    def evict_after(
        self, elements: list[TimestampedValue], size: int, window: Any, ctx: EvictorContext
    ) -> None:
        """After that: what is left is there at the next firing."""


class _Evicting(Evictor):
    """Evicts on one of the two sides."""

    def __init__(self, do_evict_after: bool) -> None:
        self._after = do_evict_after

    def evict_before(
        self, elements: list[TimestampedValue], size: int, window: Any, ctx: EvictorContext
    ) -> None:
        """Unless it is to happen after."""
        if not self._after and elements:
            self._evict(elements)

    def evict_after(
        self, elements: list[TimestampedValue], size: int, window: Any, ctx: EvictorContext
    ) -> None:
        """If it is to happen after."""
        if self._after and elements:
            self._evict(elements)

    @abstractmethod
    def _evict(self, elements: list[TimestampedValue]) -> None: ...


class CountEvictor(_Evicting):
    """Keeps the newest so many."""

    def __init__(self, max_count: int, do_evict_after: bool = False) -> None:
        super().__init__(do_evict_after)
        self._max_count = max_count

    @staticmethod
    def of(max_count: int, do_evict_after: bool = False) -> "CountEvictor":
        """One that keeps so many."""
        return CountEvictor(max_count, do_evict_after)

    def _evict(self, elements: list[TimestampedValue]) -> None:
        if len(elements) > self._max_count:
            del elements[: len(elements) - self._max_count]


class TimeEvictor(_Evicting):
    """Keeps what is younger than the newest record by less than a span."""

    def __init__(self, window_size: int, do_evict_after: bool = False) -> None:
        super().__init__(do_evict_after)
        self._size = window_size

    @staticmethod
    def of(window_size: Time, do_evict_after: bool = False) -> "TimeEvictor":
        """One that keeps that span."""
        return TimeEvictor(span_ms(window_size), do_evict_after)

    def _evict(self, elements: list[TimestampedValue]) -> None:
        if elements[0].has_timestamp():
            limit = max(element.timestamp for element in elements) - self._size
            elements[:] = [element for element in elements if element.timestamp > limit]


class DeltaEvictor(_Evicting):
    """Keeps what differs from the newest arrival by less than a threshold."""

    def __init__(self, threshold: float, delta_function: Any, do_evict_after: bool = False) -> None:
        super().__init__(do_evict_after)
        self._threshold = threshold
        self._delta: DeltaFunction = getattr(delta_function, "get_delta", delta_function)

    @staticmethod
    def of(threshold: float, delta_function: Any, do_evict_after: bool = False) -> "DeltaEvictor":
        """`delta_function` is `(old, new) -> number`, or an object with `get_delta`."""
        return DeltaEvictor(threshold, delta_function, do_evict_after)

    def _evict(self, elements: list[TimestampedValue]) -> None:
        last, delta = elements[-1].value, self._delta
        elements[:] = [element for element in elements if delta(element.value, last) < self._threshold]
