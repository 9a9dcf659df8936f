"""Metrics of one operator's functions, over the operator's own metric group. Made by RuntimeContext, used in the slot's thread.

Names on the REST API and in Prometheus text follow the operator's name: `<operator>.<group>.<metric>`. A meter is
published as its rate; a distribution as `<metric>_count`, `_sum`, `_min`, `_max` and `_mean`.
"""

import math
import time
from collections import deque
from collections.abc import Callable
from typing import Protocol, TypeVar

from penstock.metrics.metricbase import Counter, Distribution, Meter, Metric, MetricGroup

M = TypeVar("M", bound=Metric)


class Registry(Protocol):
    """Where metrics are published."""

    def counter(self, name: str) -> Callable[[int], None]:
        """A function that adds to the counter `name`."""

    def gauge(self, name: str, read: Callable[[], float]) -> None:
        """Publish what `read` returns when metrics are collected."""


class _Counter(Counter):
    def __init__(self, add: Callable[[int], None]) -> None:
        self._add = add
        self._count = 0

    def inc(self, n: int = 1) -> None:
        self._count += n
        self._add(n)

    def dec(self, n: int = 1) -> None:
        self.inc(-n)

    def get_count(self) -> int:
        return self._count


class _Meter(Meter):
    """Events by second, as many seconds back as the span is long."""

    def __init__(self, span_seconds: int, clock: Callable[[], float]) -> None:
        if span_seconds < 1:
            raise ValueError(f"a meter's time span is at least 1 second, not {span_seconds}")
        self._span = span_seconds
        self._clock = clock
        self._count = 0
        self._recent: deque[list[int]] = deque()
        self._sum = 0

    def mark_event(self, value: int = 1) -> None:
        second = int(self._clock())
        self._count += value
        self._sum += value
        if self._recent and self._recent[-1][0] == second:
            self._recent[-1][1] += value
        else:
            self._forget(second)
            self._recent.append([second, value])

    def get_count(self) -> int:
        return self._count

    def rate(self) -> float:
        """Events a second over the span."""
        self._forget(int(self._clock()))
        return self._sum / self._span

    def _forget(self, second: int) -> None:
        while self._recent and self._recent[0][0] <= second - self._span:
            self._sum -= self._recent.popleft()[1]


class _Distribution(Distribution):
    def __init__(self) -> None:
        self.count = 0
        self.sum = 0.0
        self.min = math.inf
        self.max = -math.inf

    def update(self, value: float) -> None:
        self.count += 1
        self.sum += value
        self.min = min(self.min, value)
        self.max = max(self.max, value)

    def statistic(self, name: str) -> float:
        """One of count, sum, min, max, mean. Before the first value LookupError: nothing is published."""
        if not self.count:
            raise LookupError("no value yet")
        return self.sum / self.count if name == "mean" else float(getattr(self, name))


STATISTICS = ("count", "sum", "min", "max", "mean")


class RegisteredGroup(MetricGroup):
    """A group whose metrics are published by the operator. The same name gives the same metric."""

    def __init__(self, registry: Registry, clock: Callable[[], float] = time.monotonic) -> None:
        self._registry = registry
        self._clock = clock
        self._prefix = ""
        self._metrics: dict[str, Metric] = {}

    def add_group(self, name: str, extra: str | None = None) -> "RegisteredGroup":
        """A group inside this one."""
        group = RegisteredGroup(self._registry, self._clock)
        group._prefix = f"{self._prefix}{name}." + (f"{extra}." if extra is not None else "")
        group._metrics = self._metrics
        return group

    def counter(self, name: str) -> Counter:
        """A counter."""
        return self._once(name, _Counter, lambda full: _Counter(self._registry.counter(full)))

    def gauge(self, name: str, obj: Callable[[], int]) -> None:
        """Publish what `obj` returns."""
        self._registry.gauge(self._prefix + name, obj)

    def meter(self, name: str, time_span_in_seconds: int = 60) -> Meter:
        """A rate, a second, over a span."""

        def make(full: str) -> _Meter:
            meter = _Meter(time_span_in_seconds, self._clock)
            self._registry.gauge(full, meter.rate)
            return meter

        return self._once(name, _Meter, make)

    def distribution(self, name: str) -> Distribution:
        """Statistics of values."""

        def make(full: str) -> _Distribution:
            distribution = _Distribution()
            for statistic in STATISTICS:
                self._registry.gauge(f"{full}_{statistic}", lambda s=statistic: distribution.statistic(s))  # type: ignore[misc]
            return distribution

        return self._once(name, _Distribution, make)

    def _once(self, name: str, kind: type[M], make: Callable[[str], M]) -> M:
        full = self._prefix + name
        found = self._metrics.get(full)
        if found is None:
            found = self._metrics[full] = make(full)
        if not isinstance(found, kind):
            raise ValueError(
                f"metric {full!r} is a {type(found).__name__.strip('_').lower()} already: choose another name"
            )
        return found
