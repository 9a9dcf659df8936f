"""Metrics of jobs and tasks as Prometheus text, under Flink's names. Called by the REST app for GET /metrics.

Pure: reads what the caller hands over.
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
    families: dict[str, list[Sample]] = {}
    for sample in samples:
        families.setdefault(sample.name, []).append(sample)
    lines: list[str] = []
    for name, found in sorted(families.items()):
        lines.append(f"# TYPE {name} gauge")
        lines.extend(f"{name}{_labels(sample.labels)} {sample.value}" for sample in found)
    return "\n".join(lines) + "\n" if lines else ""


def _labels(labels: Mapping[str, str]) -> str:
    if not labels:
        return ""
    escaped = (
        f'{key}="{value.replace(chr(92), chr(92) * 2).replace(chr(34), chr(92) + chr(34)).replace(chr(10), " ")}"'
        for key, value in labels.items()
    )
    return "{" + ",".join(escaped) + "}"
