"""Bodies of metrics: lists of names, of values (`?get=`), of aggregates over subtasks, jobs or TaskManagers (`?agg=`).

Every metrics endpoint answers with a bare JSON list: `MetricList` and `AggregatedMetricList` read and write them.
"""

from pydantic import TypeAdapter

from penstock_api.rest.model import Number, RestModel


class Metric(RestModel):
    """A metric: its name and, where it was asked for, its value as text."""

    id: str
    value: str | None = None

    @property
    def number(self) -> float:
        """The value as a number; NaN if there is none."""
        try:
            return float(self.value) if self.value is not None else float("nan")
        except ValueError:
            return float("nan")


class AggregatedMetric(RestModel):
    """A metric over several subtasks, jobs or TaskManagers; only what was asked for is set."""

    id: str
    min: Number | None = None
    max: Number | None = None
    avg: Number | None = None
    sum: Number | None = None
    skew: Number | None = None


MetricList: TypeAdapter[list[Metric]] = TypeAdapter(list[Metric])
AggregatedMetricList: TypeAdapter[list[AggregatedMetric]] = TypeAdapter(list[AggregatedMetric])
