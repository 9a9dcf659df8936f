"""The autoscaler's metrics: each vertex as the last decision saw it, and how often what was decided.

Fed by `reconcile/autoscaling.py`; part of the registry of `metrics.py`. Upstream's names. A resource that is gone, or
whose autoscaler is switched off, has none. Thread-safe.
"""

import math
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from penstock_operator.autoscale.decision import Decision
from penstock_operator.autoscale.evaluation import Evaluation, Outlook, VertexEvaluation, evaluate
from penstock_operator.autoscale.options import AutoscalerOptions, Mode
from penstock_operator.autoscale.rates import observed_rate
from penstock_operator.autoscale.signals import Graph, Sample
from penstock_operator.model.facts import Ref
from penstock_operator.report.metrics_names import AUTOSCALER, NAMES, PREFIX, VERTEX_METRICS

_COUNTERS = ("scalings", "errors", "balanced")


@dataclass(slots=True)
class _Job:
    counts: Counter[str] = field(default_factory=Counter)
    vertices: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """By vertex id, then by metric and `Current` or `Average`."""


class AutoscalerFigures(Collector):
    """Of all jobs that the autoscaler looks at."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._jobs: dict[Ref, _Job] = {}

    def saw(self, ref: Ref, options: AutoscalerOptions, seen: tuple[Graph, Sample], made: Decision) -> None:
        """A decision."""
        vertices = _vertices(seen[0], options, made)
        with self._lock:
            job = self._jobs.setdefault(ref, _Job())
            if vertices:
                job.vertices = vertices
            if made.target is not None and options.effective_mode is Mode.ACTIVE:
                job.counts["scalings"] += 1
            elif made.evaluation is not None and (made.advice is None or not made.advice.changes):
                job.counts["balanced"] += 1

    def failed(self, ref: Ref) -> None:
        """Samples could not be taken for a while."""
        with self._lock:
            self._jobs.setdefault(ref, _Job()).counts["errors"] += 1

    def gone(self, ref: Ref) -> None:
        """The resource, or its autoscaler, is no more."""
        with self._lock:
            self._jobs.pop(ref, None)

    def collect(self) -> Iterator[Metric]:
        """Every figure."""
        with self._lock:
            jobs = {
                ref: (Counter(job.counts), dict(job.vertices))
                for ref, job in sorted(self._jobs.items(), key=str)
            }
        for name in _COUNTERS:
            about = NAMES[AUTOSCALER + name]
            counter = CounterMetricFamily(PREFIX + about.name, about.meaning, labels=about.labels)
            for ref, (counts, _) in jobs.items():
                counter.add_metric([ref.namespace, ref.name], counts[name])
            yield counter
        for name in VERTEX_METRICS:
            about = NAMES[f"{AUTOSCALER}jobVertexID_{name}"]
            gauge = GaugeMetricFamily(PREFIX + about.name, about.meaning, labels=about.labels)
            for ref, (_, vertices) in jobs.items():
                for vertex_id, figures in vertices.items():
                    if name in figures:
                        gauge.add_metric([ref.namespace, ref.name, vertex_id], figures[name])
            yield gauge


def _vertices(graph: Graph, options: AutoscalerOptions, made: Decision) -> dict[str, dict[str, float]]:
    """Figures of every vertex: averages are over the window of the decision, current ones over its last two samples."""
    whole, window = made.evaluation, made.regime.window
    if whole is None:
        return {}
    last = evaluate(graph, window[-2:], options, Outlook(whole.restart_seconds))
    found: dict[str, dict[str, float]] = {}
    for vertex_id, one in whole.vertices.items():
        seen = observed_rate(window, one.vertex, options) if one.vertex.is_source else None
        figures = {
            **_of_vertex(one, last, made),
            "OBSERVED_TPR_Average": math.nan if seen is None else seen,
        }
        found[vertex_id] = {name: value for name, value in figures.items() if not math.isnan(value)}
    return found


def _of_vertex(one: VertexEvaluation, last: Evaluation, made: Decision) -> dict[str, float]:
    now = last.vertices[one.vertex.id]
    wanted = made.advice.parallelism.get(one.vertex.id) if made.advice is not None else None
    recommended = one.vertex.parallelism if wanted is None else wanted
    return {
        "PARALLELISM_Current": one.vertex.parallelism,
        "MAX_PARALLELISM_Current": one.vertex.max_parallelism,
        "RECOMMENDED_PARALLELISM_Current": recommended,
        "TRUE_PROCESSING_RATE_Current": now.true_rate,
        "TRUE_PROCESSING_RATE_Average": one.true_rate,
        "TARGET_DATA_RATE_Current": now.target_rate,
        "TARGET_DATA_RATE_Average": one.target_rate,
        "CATCH_UP_DATA_RATE_Current": one.catch_up_rate,
        "LOAD_Current": now.load,
        "LOAD_Average": one.load,
        "LAG_Current": one.lag,
        "SCALE_UP_RATE_THRESHOLD_Current": one.upper_rate,
        "SCALE_DOWN_RATE_THRESHOLD_Current": one.lower_rate,
        "EXPECTED_PROCESSING_RATE_Current": one.true_rate * recommended / one.vertex.parallelism,
    }
