"""Which samples a decision may look at: a full window, or the part of it since the load changed. Pure.

An average over a window that saw two loads describes neither, and a step made from it is followed by another. So the
window begins where the arrival rate last changed beyond its noise, and a lag that grows while the job can do no more
needs no full window to be believed.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from statistics import fmean, variance

from penstock_operator.autoscale.options import AutoscalerOptions
from penstock_operator.autoscale.rates import input_rate
from penstock_operator.autoscale.signals import Graph, Sample, VertexSample

_STEP = 0.2
"""Share by which the arrival rate must differ to be another load."""
_SIGNIFICANCE = 4.0
"""Welch's t beyond which a difference is no noise."""
_LINE = 20
"""Intervals that it takes to tell a growth."""
_MATERIAL = 5.0
"""Seconds of input from which on a lag is more than a hiccup."""
_SATURATED = 0.95
"""Load from which on a vertex can do no more."""


@dataclass(frozen=True, slots=True)
class Regime:
    """What may be looked at, and why; an empty window says that it is too early."""

    window: tuple[Sample, ...]
    why: str
    noise: float = 0.0
    """Standard error of the mean arrival rate, as a share of it."""
    growth: float = 0.0
    """By which share of its mean the arrival rate grows in a second, where it surely grows; never negative."""
    is_early: bool = False
    """Whether the window is a short one, of a job that is being overrun."""


def choose(samples: Sequence[Sample], first: float, graph: Graph, options: AutoscalerOptions) -> Regime:
    """The samples to decide from, newest last; `first` is the time at which they began to follow each other."""
    begin = graph.running_since + options.stabilization_interval.total_seconds()
    settled = [one for one in samples if one.at >= begin]
    if len(settled) < 2:
        return Regime((), "the job has just started: waiting for its metrics to settle")
    length = options.metrics_window.total_seconds()
    recent = [one for one in settled if one.at > settled[-1].at - length - 1e-6]
    passed = settled[-1].at - max(begin, first)
    last = recent[-(options.early_scale_up_samples + 1) :]
    if options.early_scale_up and _is_overrun(last, graph, options):
        return Regime(tuple(last[-3:]), "a lag grows and the job can do no more", is_early=True)
    if passed < length:
        return Regime((), f"the window of {length:.0f} s is not full: {passed:.0f} s were seen")
    cut = max(_last_change(_arrivals(recent, graph)), _last_change(_done(recent, graph)))
    since = recent[cut:]
    if cut and len(since) <= options.early_scale_up_samples:
        return Regime((), "the load has just changed: waiting for more samples")
    if cut:
        return _regime(since, graph, "since the load changed")
    return _regime(recent, graph, "the whole window")


def _regime(window: Sequence[Sample], graph: Graph, why: str) -> Regime:
    arrivals = _arrivals(window, graph)
    if len(arrivals) < 3 or fmean(arrivals) <= 0:
        return Regime(tuple(window), why)
    seconds = (window[-1].at - window[0].at) / len(arrivals)
    error = math.sqrt(variance(arrivals) / len(arrivals))
    return Regime(tuple(window), why, error / fmean(arrivals), _growth(arrivals, seconds))


def _growth(arrivals: Sequence[float], seconds: float) -> float:
    """Slope of the least-squares line, as a share of the mean a second; 0 where it may be noise or goes down."""
    count = len(arrivals)
    if count < _LINE:
        return 0.0
    middle, mean = (count - 1) / 2, fmean(arrivals)
    wide = sum((at - middle) ** 2 for at in range(count))
    slope = sum((at - middle) * (one - mean) for at, one in enumerate(arrivals)) / wide
    rest = sum((one - mean - slope * (at - middle)) ** 2 for at, one in enumerate(arrivals))
    error = math.sqrt(rest / (count - 2) / wide)
    return slope / seconds / mean if slope > _SIGNIFICANCE * error else 0.0


def _arrivals(window: Sequence[Sample], graph: Graph) -> list[float]:
    """Records a second that came to the sources between each two samples, read or waiting.

    A lag that only one of the two knows says nothing of what came between them.
    """
    return _rates(window, graph, _arrived)


def _done(window: Sequence[Sample], graph: Graph) -> list[float]:
    """Records a second that the sources read between each two samples."""
    return _rates(window, graph, _read)


def _arrived(before: VertexSample, after: VertexSample) -> float:
    if before.lag is None or after.lag is None:
        return _read(before, after)
    return _read(before, after) + after.lag - before.lag


def _read(before: VertexSample, after: VertexSample) -> float:
    return after.records_in - before.records_in


def _rates(
    window: Sequence[Sample], graph: Graph, grown: Callable[[VertexSample, VertexSample], float]
) -> list[float]:
    sources = [vertex.id for vertex in graph.vertices if vertex.is_source]
    return [
        sum(grown(before.vertices[one], after.vertices[one]) for one in sources) / (after.at - before.at)
        for before, after in pairwise(window)
        if after.at > before.at
    ]


def _last_change(arrivals: Sequence[float]) -> int:
    """Where the newest load begins: the split with the largest Welch's t, while it is significant; 0 if none is."""
    begin = 0
    while True:
        split = _split(arrivals[begin:])
        if split is None:
            return begin
        begin += split


def _split(arrivals: Sequence[float]) -> int | None:
    """The most significant split in two loads, by sums from the left; None where there is none."""
    sums = tuple(accumulate(arrivals, initial=0.0))
    squares = tuple(accumulate((one * one for one in arrivals), initial=0.0))
    best, where = _SIGNIFICANCE, None
    for at in range(2, len(arrivals) - 1):
        low, low_error = _mean_and_error(at, sums[at], squares[at])
        high, high_error = _mean_and_error(len(arrivals) - at, sums[-1] - sums[at], squares[-1] - squares[at])
        scale = max(low, high)
        if scale <= 0 or abs(high - low) < _STEP * scale:
            continue
        t = abs(high - low) / max(math.sqrt(low_error + high_error), 0.01 * scale)
        if t > best:
            best, where = t, at
    return where


def _mean_and_error(count: int, total: float, squares: float) -> tuple[float, float]:
    """Mean, and the square of its standard error."""
    mean = total / count
    spread = max(0.0, squares - count * mean * mean) / (count - 1)
    return mean, spread / count


def _is_overrun(last: Sequence[Sample], graph: Graph, options: AutoscalerOptions) -> bool:
    """Whether the last samples all show a growing lag beside a vertex or slot that can do no more."""
    if len(last) <= options.early_scale_up_samples:
        return False
    return lag_is_material(last, graph) and all(_is_saturated(sample, graph) for sample in last[1:])


def lag_is_material(window: Sequence[Sample], graph: Graph) -> bool:
    """Whether a source's lag grew over the window, never shrinking, to more than what a hiccup leaves."""
    return any(_lag_grows(window, source.id) for source in graph.vertices if source.is_source)


def _lag_grows(window: Sequence[Sample], source: str) -> bool:
    lags = [lag for one in window if (lag := one.vertices[source].lag) is not None]
    if len(lags) < 2 or lags[-1] < _MATERIAL * input_rate(window, source):
        return False
    return lags[-1] > lags[0] and all(after >= before for before, after in pairwise(lags))


def _is_saturated(sample: Sample, graph: Graph) -> bool:
    if any(sample.vertices[vertex.id].busy >= _SATURATED for vertex in graph.vertices):
        return True
    if not graph.slots_share_a_thread:
        return False
    taken: dict[str, float] = {}
    for vertex in graph.vertices:
        busy = sample.vertices[vertex.id].busy
        taken[vertex.slot_sharing_group] = taken.get(vertex.slot_sharing_group, 0.0) + (
            busy if math.isfinite(busy) else 0.0
        )
    return any(share >= _SATURATED for share in taken.values())
