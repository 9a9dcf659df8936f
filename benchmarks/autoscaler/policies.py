"""Who decides: Penstock's autoscaler, upstream's algorithm with its defaults, a plain HPA on CPU. Used by `play`.

Upstream's is written from its documented behaviour (facts §5) on the same formulas as ours: a whole window after each
start, an assumed restart of five minutes, no measure of noise. The HPA's is Kubernetes' own documented formula.
"""

import math
from typing import Protocol

from benchmarks.autoscaler.job import Job
from penstock_operator.autoscale import decision
from penstock_operator.autoscale.delay import Patience, Waiting, delay_less
from penstock_operator.autoscale.evaluation import Outlook, evaluate
from penstock_operator.autoscale.history import RESTART_SECONDS
from penstock_operator.autoscale.options import AutoscalerOptions
from penstock_operator.autoscale.recommend import advise
from penstock_operator.autoscale.signals import Sample


class Policy(Protocol):
    """Looks at the job every interval, and asks for another parallelism when it wants one."""

    name: str

    def look(self, job: Job) -> None:
        """One turn."""


class Ours:
    """The product's own decision, its options at their defaults."""

    name = "penstock"

    def __init__(self, options: AutoscalerOptions | None = None) -> None:
        self._options = options or AutoscalerOptions(enabled=True)
        self._memento = decision.Memento()
        self._asked: float | None = None

    def look(self, job: Job) -> None:
        """One turn."""
        if job.is_changing:
            return
        if self._asked is not None and job.running_since > self._asked:
            self._memento = decision.paused(self._memento, 2.0)
            self._asked = None
        graph = job.graph()
        self._memento = decision.observe(self._memento, graph, job.sample(), self._options)
        found = decision.decide(self._memento, graph, self._options, decision.Circumstances(job.now))
        self._memento = found.memento
        if found.target is not None:
            self._memento = decision.applied(self._memento, found, self._options)
            self._asked = job.now
            job.ask(max(found.target.values()))


class Upstream:
    """The upstream autoscaler's algorithm under its defaults."""

    name = "upstream"

    def __init__(self) -> None:
        self._options = AutoscalerOptions(enabled=True)
        self._samples: tuple[Sample, ...] = ()
        self._waiting: dict[str, Waiting] = {}

    def look(self, job: Job) -> None:
        """One turn."""
        if job.is_changing:
            return
        graph, options = job.graph(), self._options
        length = options.metrics_window.total_seconds()
        oldest = max(job.running_since, job.now - length)
        self._samples = (*(one for one in self._samples if one.at >= oldest), job.sample())
        ready = job.running_since + options.stabilization_interval.total_seconds() + length
        if job.now < ready or len(self._samples) < 2:
            return
        found = evaluate(graph, self._samples, options, Outlook(RESTART_SECONDS))
        if not found.is_out_of_bounds:
            self._waiting = {}
            return
        bounds = (options.min_parallelism, options.max_parallelism)
        hour = options.scale_down_interval.total_seconds()
        wished = advise(found, options, {}, bounds)
        delayed = delay_less(wished, self._waiting, job.now, Patience(hour, hour), {})
        self._waiting = dict(delayed.waiting)
        if delayed.advice.changes:
            self._samples, self._waiting = (), {}
            job.ask(max(delayed.advice.parallelism.values()))


class Hpa:
    """A HorizontalPodAutoscaler on CPU at 70 %: ceil(replicas · use / target), 10 % tolerance, 300 s before less."""

    name = "hpa on cpu"

    def __init__(self) -> None:
        self._wishes: list[tuple[float, int]] = []

    def look(self, job: Job) -> None:
        """One turn."""
        if job.is_changing:
            return
        ratio = job.mean_busy / 0.7
        wish = job.parallelism if abs(ratio - 1.0) <= 0.1 else max(1, math.ceil(job.parallelism * ratio))
        wish = min(wish, job.partitions, 200)
        self._wishes = [*((at, one) for at, one in self._wishes if at > job.now - 300.0), (job.now, wish)]
        highest = max(one for _, one in self._wishes)
        job.ask(wish if wish > job.parallelism else min(highest, job.parallelism))
