"""Samples as Prometheus text, by prometheus-client. Imported by `metrics.prometheus` when metrics are asked for."""

from collections.abc import Iterable, Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from penstock.metrics.prometheus import Sample


def text_of(samples: Iterable[Sample]) -> str:
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
