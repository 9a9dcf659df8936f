"""Metrics that a function registers, in PyFlink's shape, over the operator's metric group."""

from collections.abc import Callable

from penstock.operators.contract import Metrics


class Counter:
    """A number that goes up and down."""

    def __init__(self, add: Callable[[int], None]) -> None:
        self._add = add
        self._count = 0

    def inc(self, n: int = 1) -> None:
        """Add n."""
        self._count += n
        self._add(n)

    def dec(self, n: int = 1) -> None:
        """Subtract n."""
        self.inc(-n)

    def get_count(self) -> int:
        """The number now."""
        return self._count


class MetricGroup:
    """Registers metrics under a name."""

    def __init__(self, metrics: Metrics, prefix: str = "") -> None:
        self._metrics = metrics
        self._prefix = prefix

    def add_group(self, name: str, extra: str | None = None) -> "MetricGroup":
        """A group inside this one."""
        return MetricGroup(self._metrics, f"{self._prefix}{name}." + (f"{extra}." if extra else ""))

    def counter(self, name: str) -> Counter:
        """A counter."""
        return Counter(self._metrics.counter(self._prefix + name))

    def gauge(self, name: str, obj: Callable[[], int]) -> None:
        """Publish what `obj` returns."""
        self._metrics.gauge(self._prefix + name, obj)
