"""Metrics as Prometheus text, under Flink's names. Called by the REST app for GET /metrics.

Pure: reads what the caller hands over. The text itself is prometheus-client's.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

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
    # Imported when somebody scrapes: a JobManager that nobody scrapes does without its memory.
    from penstock.metrics.exposition import text_of

    return text_of(samples)
