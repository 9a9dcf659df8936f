"""Rates over a window of samples, and what a vertex could do if it were never idle. Called by `evaluate`. Pure.

The formulas are those of the upstream autoscaler (facts §5.3), whose model is DS2: "Three steps is all you need"
(Kalavri et al., OSDI 2018): the true rate of an operator is what it processes in the time that it is busy.
"""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from statistics import fmean, median

from penstock_operator.autoscale.options import AutoscalerOptions
from penstock_operator.autoscale.signals import Sample, Vertex, VertexSample

Window = Sequence[Sample]
_RESTING = 0.5
"""Share of its time that a vertex may be taken and still count as one that has nothing to do."""


def counter_rate(window: Window, value: Callable[[Sample], float]) -> float:
    """Growth of a counter a second, from the first to the last sample; 0 where there is no time between them."""
    passed = window[-1].at - window[0].at if window else 0.0
    return (value(window[-1]) - value(window[0])) / passed if passed > 0 else 0.0


def input_rate(window: Window, vertex_id: str) -> float:
    """Records that the vertex reads a second."""
    return counter_rate(window, lambda sample: sample.vertices[vertex_id].records_in)


def output_rate(window: Window, vertex_id: str) -> float:
    """Records that the vertex writes a second."""
    return counter_rate(window, lambda sample: sample.vertices[vertex_id].records_out)


def lag_rate(window: Window, vertex_id: str) -> float:
    """Records a second by which the lag of a source grows; negative while it catches up.

    Between samples that know the lag: one that comes to be known, or is missing for a while, has not grown.
    """
    known = [sample for sample in window if sample.vertices[vertex_id].lag is not None]
    return counter_rate(known, lambda sample: sample.vertices[vertex_id].lag or 0.0)


def last_lag(window: Window, vertex_id: str) -> float:
    """Records that wait before a source, as last known in the window; 0 where nobody says."""
    return next(
        (lag for sample in reversed(window) if (lag := sample.vertices[vertex_id].lag) is not None), 0.0
    )


def mean(window: Window, vertex_id: str, value: Callable[[VertexSample], float]) -> float:
    """Mean of a gauge over the samples whose value is finite; NaN if there is none."""
    found = [value(sample.vertices[vertex_id]) for sample in window]
    finite = [one for one in found if math.isfinite(one)]
    return fmean(finite) if finite else math.nan


def busy_rate(window: Window, vertex_id: str, load: float) -> float:
    """What the vertex would process a second if it were busy all the time.

    Infinite for one that has no input or is never busy; NaN where nobody says how busy it is.
    """
    if math.isnan(load):
        return math.nan
    rate = input_rate(window, vertex_id)
    if rate <= 0:
        return math.inf
    return rate / load if load > 0 else math.inf


def is_stuck(window: Window, vertex_id: str) -> bool:
    """Whether the vertex takes nothing in and is not idle: it is at work all the time, held back, or records pile up before it.

    So looks a job whose dependency does not answer. It could do any number by the formulas, which are not made for it.
    """
    if input_rate(window, vertex_id) > 0:
        return False
    taken = mean(window, vertex_id, lambda sample: sample.busy + sample.backpressured)
    return taken > _RESTING or lag_rate(window, vertex_id) > 0


def slot_load(window: Window, members: Sequence[Vertex]) -> float:
    """Share of its time that the thread of a slot with one subtask of each member is taken, at most 1."""
    loads = [mean(window, member.id, lambda sample: sample.busy) for member in members]
    return min(1.0, sum(load for load in loads if math.isfinite(load)))


def observed_rate(window: Window, vertex: Vertex, options: AutoscalerOptions) -> float | None:
    """What a source was seen to process while enough waited for it; None where too few samples show it.

    While a lag waits, the source reads as fast as the job takes records; only time that it was held back by what is
    after it does not count. The median, for one sample of another load must not move it.
    """
    seen: list[float] = []
    for before, after in pairwise(window):
        rate = input_rate((before, after), vertex.id)
        now = after.vertices[vertex.id]
        if now.lag is None or rate <= 0:
            continue
        waits = now.lag >= options.observed_rate_lag_threshold.total_seconds() * rate
        if waits and now.backpressured < 1.0:
            seen.append(rate / (1.0 - now.backpressured))
    return median(seen) if len(seen) >= options.observed_rate_min_observations else None


def true_rate(busy: float, observed: float | None, options: AutoscalerOptions) -> float:
    """The rate that counts: the observed one where the computed one is unknown or much higher."""
    if observed is None:
        return busy
    is_unknown = math.isinf(busy) or math.isnan(busy)
    return observed if is_unknown or busy > observed * (1.0 + options.observed_rate_switch) else busy
