"""Latency markers of one task, as Flink's: sources send them, every operator that one passes notes how long it was under way.

Owned by `taskmanager.task`, in the task thread. A marker travels behind the records before it, on one channel of each
edge, and through operators at once: what windows or buffers hold back is not in it. Off unless `metrics.latency.interval`
is set. Must not touch user code.
"""

import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import fmean, pstdev

from penstock.common.durations import parse_duration_ms
from penstock.exchange.edge_writer import EdgeWriter
from penstock.exchange.elements import LatencyMarker

log = logging.getLogger(__name__)
INTERVAL_KEY = "metrics.latency.interval"
GRANULARITY_KEY = "metrics.latency.granularity"
HISTORY_KEY = "metrics.latency.history-size"
GRANULARITIES = ("single", "operator", "subtask")
DEFAULT_HISTORY = 128
QUANTILES = {"median": 0.5, "p75": 0.75, "p90": 0.9, "p95": 0.95, "p98": 0.98, "p99": 0.99, "p999": 0.999}


def _interval_of(configuration: Mapping[str, str]) -> int:
    """As Flink: what cannot be read is warned of, and leaves markers off."""
    try:
        return parse_duration_ms(configuration.get(INTERVAL_KEY, "0"))
    except ValueError as error:
        log.warning("%s: %s", INTERVAL_KEY, error)
        return 0


class LatencyHistogram:
    """The last so many values, and how many there were in all."""

    def __init__(self, size: int) -> None:
        self._values: deque[float] = deque(maxlen=size)
        self._count = 0

    def update(self, value: float) -> None:
        """One more."""
        self._values.append(value)
        self._count += 1

    def statistics(self) -> dict[str, float]:
        """By the suffixes that Flink's REST API gives a histogram, and `count`."""
        ordered = sorted(self._values)
        found = {
            "count": float(self._count),
            "min": ordered[0],
            "max": ordered[-1],
            "mean": fmean(ordered),
            "stddev": pstdev(ordered),
        }
        return found | {name: percentile(ordered, share) for name, share in QUANTILES.items()}


def percentile(ordered: Sequence[float], share: float) -> float:
    """Between neighbours, as Flink's histograms reckon it; `ordered` is not empty."""
    place = share * (len(ordered) + 1)
    if place < 1:
        return ordered[0]
    if place >= len(ordered):
        return ordered[-1]
    below = ordered[int(place) - 1]
    return below + (place - int(place)) * (ordered[int(place)] - below)


class LatencyTracking:
    """Sends, notes and hands on the markers of one task."""

    def __init__(
        self, configuration: Mapping[str, str], subtask_index: int, edges: Sequence[EdgeWriter]
    ) -> None:
        self._interval = _interval_of(configuration)
        self._granularity = configuration.get(GRANULARITY_KEY, "operator").strip().lower()
        if self._granularity not in GRANULARITIES:
            log.warning("%s: %r is none of %s", GRANULARITY_KEY, self._granularity, ", ".join(GRANULARITIES))
            self._granularity = "operator"
        size = configuration.get(HISTORY_KEY, "")
        self._size = int(size) if size.isdigit() and int(size) else DEFAULT_HISTORY
        self._index = subtask_index
        self._edges = edges
        self._histograms: dict[str, LatencyHistogram] = {}

    def start(
        self,
        source_id: str,
        operator_ids: Sequence[str],
        call_at: Callable[[int, Callable[[int], None]], None],
        may_emit: Callable[[], bool],
    ) -> None:
        """Emit a marker at this source every interval; one that finds no room is left out."""
        if self._interval <= 0:
            return

        def emit(_due: int) -> None:
            now = time.time_ns() // 1_000_000
            if may_emit():
                self.passed(LatencyMarker(now, source_id, self._index), operator_ids)
            call_at(now + self._interval, emit)

        call_at(time.time_ns() // 1_000_000 + self._interval, emit)

    def passed(self, marker: LatencyMarker, operator_ids: Iterable[str]) -> None:
        """A marker is here: note it at every operator of the task, and hand it on."""
        took = max(0, time.time_ns() // 1_000_000 - marker.marked_ms)
        for operator_id in operator_ids:
            name = self._name(marker, operator_id)
            histogram = self._histograms.get(name)
            if histogram is None:
                histogram = self._histograms[name] = LatencyHistogram(self._size)
            histogram.update(took)
        for edge in self._edges:
            edge.send_to_any(marker)

    def collect(self) -> dict[str, float]:
        """`latency.source_id.….latency_<statistic>`."""
        return {
            f"{name}_{statistic}": value
            for name, histogram in self._histograms.items()
            for statistic, value in histogram.statistics().items()
        }

    def _name(self, marker: LatencyMarker, operator_id: str) -> str:
        source = "" if self._granularity == "single" else f"source_id.{marker.source_id}."
        if self._granularity == "subtask":
            source += f"source_subtask_index.{marker.source_subtask}."
        return f"latency.{source}operator_id.{operator_id}.operator_subtask_index.{self._index}.latency"
