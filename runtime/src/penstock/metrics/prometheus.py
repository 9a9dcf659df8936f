"""Metrics as Prometheus text, under Flink's names. Called by the REST app for GET /metrics.

Pure: reads what the caller hands over. The text itself is prometheus-client's.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

_BAD = re.compile(r"[^a-zA-Z0-9_:]")


@dataclass(slots=True, frozen=True)
class Sample:
    """One value of a metric."""

    name: str
    value: float
    labels: Mapping[str, str] = field(default_factory=dict)


def metric_name(scope: str, name: str) -> str:
    """Flink's Prometheus name: `flink_<scope>_<name>` with every other character as `_`."""
    return _BAD.sub("_", f"flink_{scope}_{name}")


def exposition(samples: Iterable[Sample]) -> str:
    """The text format, one family after the other."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Samples(samples))
    return generate_latest(registry).decode()


class _Samples(Collector):
    """Samples as families of gauges, as Flink's reporter has them."""

    def __init__(self, samples: Iterable[Sample]) -> None:
        self._families: dict[str, list[Sample]] = {}
        for sample in samples:
            self._families.setdefault(sample.name, []).append(sample)

    def describe(self) -> Iterable[Metric]:
        """Nothing: names are known when values are."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Every family."""
        for name, found in sorted(self._families.items()):
            family = Metric(name, name.removeprefix("flink_").replace("_", " "), "gauge")
            for sample in found:
                family.add_sample(sample.name, dict(sample.labels), sample.value)
            yield family
