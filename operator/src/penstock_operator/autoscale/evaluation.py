"""From a window of samples to what each vertex does, could do and will have to do. Called by `decision`. Pure.

Formulas: facts §5.3 and §5.4. The rate that is to come flows from the sources through the graph: a vertex's target is
what its inputs will write, by the ratio that the window shows.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from penstock_operator.autoscale.evaluators import Custom, EvaluatedVertex
from penstock_operator.autoscale.options import AutoscalerOptions, BusyTimeAggregator
from penstock_operator.autoscale.rates import (
    Window,
    busy_rate,
    input_rate,
    is_stuck,
    lag_rate,
    last_lag,
    mean,
    observed_rate,
    output_rate,
    slot_load,
    true_rate,
)
from penstock_operator.autoscale.signals import Graph, Vertex


@dataclass(frozen=True, slots=True)
class VertexEvaluation:
    """What the window says of one vertex. Rates are records a second."""

    vertex: Vertex
    load: float
    """Share of its time that it is busy."""
    input_rate: float
    true_rate: float
    """What it could process; infinite where it is never busy, NaN where nothing says."""
    target_rate: float
    """What it will have to process when nothing waits."""
    catch_up_rate: float
    """What comes on top while the backlog is worked off."""
    lag: float
    """Records that wait before it; 0 where it is no source."""
    upper_rate: float
    """It needs more parallelism when its true rate is below this."""
    lower_rate: float
    """It has too much parallelism when its true rate is above this."""
    lasting_rate: float
    """The target rate with the growth that a step up shall last for."""
    wanted_rate: float
    """What it should be able to do: the target rate at the wanted utilisation, with backlog and a restart."""

    @property
    def is_short(self) -> bool:
        """Whether it cannot do what it will have to."""
        return self.true_rate < self.upper_rate

    @property
    def is_idle(self) -> bool:
        """Whether it could do far more than it will have to."""
        return self.true_rate > self.lower_rate


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What the window says of the job."""

    vertices: Mapping[str, VertexEvaluation]
    has_backlog: bool
    """Whether a source's lag is beyond what counts as catching up."""
    restart_seconds: float
    """Pause that a rescale is expected to bring."""

    @property
    def is_out_of_bounds(self) -> bool:
        """Whether some vertex is too short or too idle."""
        return any(one.is_short or one.is_idle for one in self.vertices.values())


def capacity(
    target: float, catch_up: float, utilization: float, restart_seconds: float, catch_up_seconds: float
) -> float:
    """Rate that a vertex must be able to do so that `target` keeps it busy for `utilization` of its time.

    cap(u) = C + T·restart/catch-up + T/u, rounded: the backlog, what piles up in a restart, the load itself (§5.4).
    Upstream rounds every rate. Where records take seconds each, half a record is much of the load: small ones are not.
    """
    if utilization <= 0:
        return math.inf
    restart = target * restart_seconds / catch_up_seconds if catch_up_seconds > 0 else 0.0
    found = catch_up + restart + target / min(utilization, 1.0)
    return float(round(found)) if _WORTH_ROUNDING <= found < math.inf else found


_WORTH_ROUNDING = 100.0
"""Records a second from which on a rounded rate is as good as any."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """What to expect beyond the window."""

    restart_seconds: float
    """Pause that a rescale brings."""
    growth: float = 0.0
    """By which share of its mean over the window the load grows in a second."""
    custom: Custom | None = None
    """Corrects what a vertex has to do."""

    def soon(self, window: Window) -> float:
        """The load when more slots could be there, as a multiple of its mean over the window."""
        return 1.0 + self.growth * ((window[-1].at - window[0].at) / 2 + _LEAD)

    def later(self, window: Window, options: AutoscalerOptions) -> float:
        """The load that a step up shall last for, as the same multiple."""
        return 1.0 + self.growth * ((window[-1].at - window[0].at) / 2 + options.forecast.total_seconds())


_LEAD = 300.0
"""Seconds before the limit is met at which a growing load is answered: slots take a while to come."""


def evaluate(graph: Graph, window: Window, options: AutoscalerOptions, outlook: Outlook) -> Evaluation:
    """Evaluate a window of two samples or more; raises ValueError for a shorter one."""
    if len(window) < 2:
        raise ValueError("a window of at least two samples is needed to compute rates")
    flows = _flows(graph, window, options, outlook.custom)
    backlog = any(_is_backlog(vertex, window, options) for vertex in graph.vertices if vertex.is_source)
    evaluations = {
        vertex.id: _vertex(graph, vertex, window, options, (flows[vertex.id], outlook, backlog))
        for vertex in graph.vertices
    }
    return Evaluation(evaluations, backlog, outlook.restart_seconds)


def _vertex(
    graph: Graph,
    vertex: Vertex,
    window: Window,
    options: AutoscalerOptions,
    demand: tuple["_Flow", Outlook, bool],
) -> VertexEvaluation:
    flow, outlook, backlog = demand
    target, catch_up = flow.target, flow.catch_up
    soon, later = target * outlook.soon(window), target * outlook.later(window, options)
    restart = outlook.restart_seconds
    load = mean(window, vertex.id, lambda sample: sample.busy)
    rate = _true_rate(graph, vertex, window, options) if flow.true_rate is None else flow.true_rate
    seconds = options.catch_up_duration.total_seconds()
    upper, lower = (1.0, 0.0) if backlog else (options.upper, options.lower)
    return VertexEvaluation(
        vertex=vertex,
        load=load,
        input_rate=input_rate(window, vertex.id),
        true_rate=rate,
        target_rate=target,
        catch_up_rate=catch_up,
        lag=last_lag(window, vertex.id),
        upper_rate=capacity(soon, catch_up, upper, 0.0, seconds),
        lower_rate=capacity(later, catch_up, lower, restart, seconds),
        lasting_rate=later,
        wanted_rate=capacity(later, catch_up, options.utilization_target, restart, seconds),
    )


def _true_rate(graph: Graph, vertex: Vertex, window: Window, options: AutoscalerOptions) -> float:
    """What the window says that the vertex could process; NaN where it says nothing."""
    if is_stuck(window, vertex.id):
        return math.nan
    busy = busy_rate(window, vertex.id, mean(window, vertex.id, lambda sample: sample.busy))
    if graph.slots_share_a_thread:
        busy = min(busy, _slot_rate(graph, vertex, window))
    return true_rate(busy, observed_rate(window, vertex, options) if vertex.is_source else None, options)


def _slot_rate(graph: Graph, vertex: Vertex, window: Window) -> float:
    """What the vertex could do if its slot's one thread never rested: all tasks of the slot take from it."""
    members = [one for one in graph.vertices if one.slot_sharing_group == vertex.slot_sharing_group]
    return busy_rate(window, vertex.id, slot_load(window, members))


def _is_backlog(vertex: Vertex, window: Window, options: AutoscalerOptions) -> bool:
    """A source that reads nothing although records wait would take for ever."""
    lag, rate = last_lag(window, vertex.id), input_rate(window, vertex.id)
    return lag > max(rate, 0.0) * options.backlog_threshold.total_seconds()


@dataclass(frozen=True, slots=True)
class _Flow:
    """What comes to a vertex."""

    target: float
    catch_up: float
    true_rate: float | None = None
    """What a custom evaluator says that the vertex could process."""


def _flows(
    graph: Graph, window: Window, options: AutoscalerOptions, custom: Custom | None
) -> dict[str, _Flow]:
    """Target and catch-up rate of every vertex, sources first."""
    flows: dict[str, _Flow] = {}
    for vertex in graph.vertices:
        flow = _flow(graph, vertex, window, options, flows)
        if custom is not None:
            flow = _corrected(custom, flow, vertex, window, _true_rate(graph, vertex, window, options))
        flows[vertex.id] = flow
    return flows


def _flow(
    graph: Graph,
    vertex: Vertex,
    window: Window,
    options: AutoscalerOptions,
    flows: Mapping[str, _Flow],
) -> _Flow:
    if vertex.is_source:
        seconds = options.catch_up_duration.total_seconds()
        lag = last_lag(window, vertex.id)
        target = max(0.0, input_rate(window, vertex.id) + lag_rate(window, vertex.id))
        return _Flow(target, lag / seconds if seconds > 0 else 0.0)
    parts = [(flows[source], _ratio(graph, window, source, vertex)) for source in vertex.sources]
    return _Flow(
        sum(flow.target * ratio for flow, ratio in parts),
        sum(flow.catch_up * ratio for flow, ratio in parts),
    )


def _corrected(custom: Custom, flow: _Flow, vertex: Vertex, window: Window, rate: float) -> _Flow:
    """The flow as the custom evaluator has it."""
    metrics = {
        "TARGET_DATA_RATE": flow.target,
        "CATCH_UP_DATA_RATE": flow.catch_up,
        "TRUE_PROCESSING_RATE": rate,
        "LOAD": mean(window, vertex.id, lambda sample: sample.busy),
        "LAG": last_lag(window, vertex.id),
        "PARALLELISM": float(vertex.parallelism),
        "MAX_PARALLELISM": float(vertex.max_parallelism),
    }
    answer = custom.corrected(EvaluatedVertex(vertex, window, metrics))
    return _Flow(
        answer.get("TARGET_DATA_RATE", flow.target),
        answer.get("CATCH_UP_DATA_RATE", flow.catch_up),
        answer.get("TRUE_PROCESSING_RATE"),
    )


def _ratio(graph: Graph, window: Window, source: str, vertex: Vertex) -> float:
    """Records that `vertex` gets for each record that `source` reads; 0 while the source is idle."""
    rate = input_rate(window, source)
    return _edge_rate(graph, window, source, vertex) / rate if rate > 0 else 0.0


def _edge_rate(graph: Graph, window: Window, source: str, vertex: Vertex) -> float:
    """Records a second between two vertices, from what the two say of themselves (no metric counts an edge)."""
    others = [one for one in vertex.sources if one != source]
    if not others:
        return input_rate(window, vertex.id)
    if all(len(graph.readers(other)) == 1 for other in others):
        rest = sum(output_rate(window, other) for other in others)
        return max(0.0, input_rate(window, vertex.id) - rest)
    return output_rate(window, source)


def busy_aggregate(values: Sequence[float], aggregator: BusyTimeAggregator) -> float:
    """One share from those of the subtasks; NaN if there are none."""
    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        return math.nan
    match aggregator:
        case BusyTimeAggregator.MAX:
            return max(finite)
        case BusyTimeAggregator.MIN:
            return min(finite)
        case BusyTimeAggregator.AVG:
            return sum(finite) / len(finite)
