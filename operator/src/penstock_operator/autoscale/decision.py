"""One decision of the autoscaler, whole: read this first.

window → evaluation → advice → guards → decision, from samples and from what earlier decisions left in the `Memento`.
Called by the loop for a job that runs, by `replay` with recorded samples and by the simulator. Pure: it can be asked
again about the past and answers the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from penstock_operator.autoscale.delay import Patience, Waiting, delay_less
from penstock_operator.autoscale.evaluation import Evaluation, Outlook, evaluate
from penstock_operator.autoscale.evaluators import Custom
from penstock_operator.autoscale.executors import CustomExecutor, execute
from penstock_operator.autoscale.guards import Held, Proposal, Room, held_by, limits
from penstock_operator.autoscale.history import ScalingRecord, coefficient, kept, restart_seconds
from penstock_operator.autoscale.memory import Peak
from penstock_operator.autoscale.options import AutoscalerOptions
from penstock_operator.autoscale.recommend import Advice, advise
from penstock_operator.autoscale.regime import Regime, choose
from penstock_operator.autoscale.signals import Graph, Sample, slots_of


@dataclass(frozen=True, slots=True)
class Memento:
    """What the autoscaler remembers of a job between two decisions."""

    samples: tuple[Sample, ...] = ()
    vertices: tuple[str, ...] = ()
    """Ids of the vertices that the samples are of."""
    records: tuple[ScalingRecord, ...] = ()
    pauses: tuple[float, ...] = ()
    """Measured pauses of past rescales, seconds."""
    waiting: Mapping[str, Waiting] = field(default_factory=dict)
    """Wishes for less that wait, by vertex."""
    before_burst: Mapping[str, int] = field(default_factory=dict)
    """Parallelism of vertices before a burst forced them up; until they are back."""
    peak: Peak = field(default_factory=Peak)
    """The most memory that a TaskManager was seen to use."""
    dips: int = 0
    """Samples in a row whose counters were below those before them."""
    since: float = 0.0
    """Time of the first of the samples that followed each other until now, those that are too old by now included."""


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a decision depends on beside the samples."""

    now: float
    room: Room = field(default_factory=Room)
    bounds: tuple[int, int] | None = None
    """Lowest and highest parallelism that a schedule sets now; None leaves the options' own."""
    is_excluded: bool = False
    """Whether an excluded period holds now."""
    in_place: bool = True
    """Whether a rescale keeps the job's processes."""
    custom: Custom | None = None
    """Corrects what vertices have to do."""
    executors: tuple[CustomExecutor, ...] = ()
    """Change or refuse the step."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided and why."""

    at: float
    regime: Regime
    evaluation: Evaluation | None = None
    """None while there is nothing to look at."""
    advice: Advice | None = None
    held: Held | None = None
    """The guard that held the advice back; None if it may be carried out, or if there is nothing to do."""
    memento: Memento = field(default_factory=Memento)
    """What to remember; without the effect of the decision itself (`applied`)."""
    around: Circumstances = Circumstances(0.0)
    """What it depended on beside the samples."""

    @property
    def target(self) -> dict[str, int] | None:
        """The parallelism to go to, by vertex; None to stay."""
        if self.advice is None or self.held is not None or not self.advice.changes:
            return None
        return self.advice.parallelism


def observe(memento: Memento, graph: Graph, sample: Sample, options: AutoscalerOptions) -> Memento:
    """Remember a sample. Another graph, or a job that started again, makes the earlier ones worthless.

    So do processes that started again, whose counters begin anew; but one sample with less is only one that did not
    hear of all processes, and is itself worthless.
    """
    ids = tuple(sorted(vertex.id for vertex in graph.vertices))
    earlier = memento.samples if ids == memento.vertices else ()
    earliest = max(graph.running_since, sample.at - options.metrics_window.total_seconds())
    kept_samples = tuple(one for one in earlier if earliest <= one.at < sample.at)
    peak = memento.peak.with_seen(sample.memory.used, sample.memory.managers)
    if kept_samples and _has_dipped(kept_samples[-1], sample):
        if not memento.dips:
            return replace(memento, samples=kept_samples, vertices=ids, peak=peak, dips=1)
        kept_samples = ()
    since = memento.since if kept_samples else sample.at
    kept_samples = (*kept_samples, sample)
    return replace(memento, samples=kept_samples, vertices=ids, peak=peak, dips=0, since=since)


def _has_dipped(before: Sample, after: Sample) -> bool:
    """Whether a counter went back."""
    return any(
        one.records_in < before.vertices[key].records_in or one.records_out < before.vertices[key].records_out
        for key, one in after.vertices.items()
    )


def decide(memento: Memento, graph: Graph, options: AutoscalerOptions, around: Circumstances) -> Decision:
    """What to do now."""
    return replace(_decide(memento, graph, options, around), around=around)


def _decide(memento: Memento, graph: Graph, options: AutoscalerOptions, around: Circumstances) -> Decision:
    memento = replace(memento, records=kept(memento.records, options, around.now))
    regime = choose(memento.samples, memento.since, graph, options)
    if not regime.window:
        return Decision(around.now, regime, memento=memento)
    restart = restart_seconds(memento.pauses, options, in_place=around.in_place)
    evaluation = evaluate(graph, regime.window, options, Outlook(restart, regime.growth, around.custom))
    bounds = around.bounds or _bounds(graph, options)
    is_outside = _is_outside(graph, options, bounds)
    if not evaluation.is_out_of_bounds and not is_outside:
        return Decision(around.now, regime, evaluation, memento=replace(memento, waiting={}))
    wished = advise(evaluation, options, _coefficients(memento, evaluation, options), bounds)
    patience = Patience(options.scale_down_interval.total_seconds(), options.burst_interval.total_seconds())
    delayed = delay_less(wished, memento.waiting, around.now, patience, memento.before_burst)
    advice, veto = _within(delayed.advice, graph, around.room), None
    if advice.changes and around.executors:
        executed = execute(advice, evaluation, around.executors, around.now)
        advice, veto = executed.advice, executed.veto
    memento = replace(memento, waiting=delayed.waiting)
    if not advice.changes:
        return Decision(around.now, regime, evaluation, advice, memento=memento)
    proposal = Proposal(
        graph=graph,
        regime=regime,
        evaluation=evaluation,
        advice=advice,
        options=options,
        records=memento.records,
        room=around.room,
        is_excluded=around.is_excluded,
        is_outside=is_outside,
        veto=veto,
    )
    return Decision(around.now, regime, evaluation, advice, held_by(proposal), memento)


def applied(memento: Memento, decision: Decision, options: AutoscalerOptions) -> Memento:
    """What to remember after the decision's target was asked for: what it was expected to bring."""
    if decision.target is None or decision.evaluation is None:
        return memento
    records = list(memento.records)
    for vertex_id, after in decision.target.items():
        one = decision.evaluation.vertices[vertex_id]
        if after == one.vertex.parallelism:
            continue
        expected = one.true_rate * after / one.vertex.parallelism
        records.append(
            ScalingRecord(decision.at, vertex_id, one.vertex.parallelism, after, one.true_rate, expected)
        )
    return replace(
        memento,
        records=kept(records, options, decision.at),
        waiting={},
        samples=(),
        before_burst=_before_burst(memento, decision),
    )


def _before_burst(memento: Memento, decision: Decision) -> dict[str, int]:
    """What to go back to soon: remembered at the first early step, forgotten when the vertex is back."""
    advice = decision.advice.vertices.values() if decision.advice else ()
    found: dict[str, int] = {}
    for one in advice:
        earlier = memento.before_burst.get(one.vertex_id)
        if decision.regime.is_early and one.proposed > one.current:
            found[one.vertex_id] = one.current if earlier is None else min(earlier, one.current)
        elif earlier is not None and one.proposed > earlier:
            found[one.vertex_id] = earlier
    return found


def paused(memento: Memento, seconds: float) -> Memento:
    """Remember the measured pause of a rescale; the newest ten count."""
    return replace(memento, pauses=(*memento.pauses, seconds)[-10:])


def _coefficients(memento: Memento, evaluation: Evaluation, options: AutoscalerOptions) -> dict[str, float]:
    return {
        vertex_id: coefficient(memento.records, vertex_id, (one.vertex.parallelism, one.true_rate), options)
        for vertex_id, one in evaluation.vertices.items()
    }


def _bounds(graph: Graph, options: AutoscalerOptions) -> tuple[int, int]:
    """Lowest and highest parallelism by the options. A highest that nobody has set takes nothing from a job that has more."""
    widest = 0 if options.is_set("max_parallelism") else max(graph.parallelism.values(), default=0)
    return options.min_parallelism, max(options.max_parallelism, widest)


def _is_outside(graph: Graph, options: AutoscalerOptions, bounds: tuple[int, int]) -> bool:
    """Whether a vertex that may be scaled is outside of the bounds that hold now, whatever its load."""
    return any(
        not bounds[0] <= vertex.parallelism <= bounds[1]
        for vertex in graph.vertices
        if vertex.id not in options.excluded_vertices and bounds[0] <= vertex.max_parallelism
    )


def _within(advice: Advice, graph: Graph, room: Room) -> Advice:
    """As much of the advice as there is room for, where that is still a step up."""
    if room.slots is None or slots_of(graph, advice.parallelism) <= room.slots:
        return advice
    cut = limits(graph, advice.parallelism, room.slots)
    fitted = Advice(
        {
            key: replace(one, proposed=max(cut[key], min(one.current, one.proposed)))
            for key, one in advice.vertices.items()
        }
    )
    is_worth_it = fitted.grows and slots_of(graph, fitted.parallelism) <= room.slots
    return fitted if is_worth_it else advice
