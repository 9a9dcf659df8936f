"""Metrics of user functions, in PyFlink's shape; `metrics.prometheus` writes all metrics as text."""

from penstock.metrics.metricbase import Counter, Distribution, Meter, Metric, MetricGroup

__all__ = ["Counter", "Distribution", "Meter", "Metric", "MetricGroup"]
