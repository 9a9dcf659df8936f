"""What may hold a decision back, one function each, in the order in which they are asked: the first that objects wins.

Called by `decision`. Pure. A guard answers with the reason in a sentence; None lets the decision pass.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean

from penstock_api.reasons import Reason
from penstock_operator.autoscale.evaluation import Evaluation, VertexEvaluation
from penstock_operator.autoscale.history import ScalingRecord, ineffective_steps
from penstock_operator.autoscale.options import AutoscalerOptions
from penstock_operator.autoscale.recommend import Advice
from penstock_operator.autoscale.regime import Regime, lag_is_material
from penstock_operator.autoscale.signals import Graph, slots_of


@dataclass(frozen=True, slots=True)
class Room:
    """What the job may take, as far as anybody knows. None is no limit."""

    slots: int | None = None
    """Slots that quota and nodes leave to the job, those that it has included."""
    why: str = ""
    """What sets that limit: the quota, the nodes."""
    turn: bool = True
    """Whether the cluster's budget of rescales has a place for this job now."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A decision before it is made."""

    graph: Graph
    regime: Regime
    evaluation: Evaluation
    advice: Advice
    options: AutoscalerOptions
    records: Sequence[ScalingRecord] = ()
    room: Room = field(default_factory=Room)
    is_excluded: bool = False
    """Whether an excluded period holds now."""
    is_outside: bool = False
    """Whether a vertex is outside of the bounds that hold now."""
    veto: str | None = None
    """Which custom executor refuses the step, and why."""

    @property
    def slots(self) -> int:
        """Slots that the job would take."""
        return slots_of(self.graph, self.advice.parallelism)


@dataclass(frozen=True, slots=True)
class Held:
    """Why a decision was not carried out."""

    guard: str
    reason: Reason
    sentence: str


Guard = Callable[[Proposal], Held | None]


def noise(proposal: Proposal) -> Held | None:
    """A load is out of its band only if it is by more than its measurement's noise, or if a lag has piled up."""
    if proposal.is_outside or proposal.regime.is_early:
        return None
    margin = proposal.options.confidence * proposal.regime.noise
    moved = [one for one in proposal.advice.vertices.values() if one.proposed != one.current]
    if any(_is_sure(proposal.evaluation.vertices[one.vertex_id], margin) for one in moved):
        return None
    if proposal.advice.grows and lag_is_material(proposal.regime.window, proposal.graph):
        return None
    sentence = f"The load is out of its band by less than its noise ({proposal.regime.noise:.1%} of the rate)"
    return Held("noise", Reason.SCALING_REPORT, sentence)


def _is_sure(one: VertexEvaluation, margin: float) -> bool:
    if one.is_short:
        least = one.catch_up_rate + (one.upper_rate - one.catch_up_rate) * (1.0 - margin)
        return one.true_rate < least
    most = one.catch_up_rate + (one.lower_rate - one.catch_up_rate) * (1.0 + margin)
    return one.true_rate > most or math.isinf(one.true_rate)


def excluded(proposal: Proposal) -> Held | None:
    """The owner's quiet hours."""
    if not proposal.is_excluded:
        return None
    return Held(
        "excluded", Reason.SCALING_REPORT, "This is an excluded period (job.autoscaler.excluded.periods)"
    )


def memory_pressure(proposal: Proposal) -> Held | None:
    """A job that is short of memory is slow for that reason; fewer TaskManagers would make it worse."""
    options, window = proposal.options, proposal.regime.window
    heap = fmean(sample.memory.heap_used for sample in window)
    gc = fmean(sample.memory.gc for sample in window)
    if heap <= options.heap_usage_threshold and gc <= options.gc_pressure_threshold:
        return None
    return Held(
        "memory_pressure", Reason.MEMORY_PRESSURE,
        f"Memory is short (heap {heap:.0%} used, {gc:.0%} of the time in collection): give the TaskManagers more",
    )  # fmt: skip


def ineffective(proposal: Proposal) -> Held | None:
    """More of what brought nothing brings nothing: held after one such step if the option or haste says so, else two."""
    needed = 1 if proposal.options.effectiveness_detection or proposal.regime.is_early else 2
    for one in proposal.advice.vertices.values():
        rate = proposal.evaluation.vertices[one.vertex_id].true_rate
        found = ineffective_steps(proposal.records, one.vertex_id, (one.current, rate), proposal.options)
        if one.proposed > one.current and found >= needed:
            name = proposal.evaluation.vertices[one.vertex_id].vertex.name
            sentence = f"The last step up of {name!r} brought next to nothing: something else is its limit"
            return Held("ineffective", Reason.INEFFECTIVE_SCALING, sentence)
    return None


def benefit(proposal: Proposal) -> Held | None:
    """A step down must save more than its pause costs, and more than a trifle."""
    now, then = proposal.graph.slots, proposal.slots
    if proposal.advice.grows:
        return None
    if then >= now:
        return Held("benefit", Reason.SCALING_REPORT, "A step down that frees no slot is not worth its pause")
    options = proposal.options
    saved = (now - then) * max(options.scale_down_interval.total_seconds(), 60.0)
    cost = options.pause_price * proposal.evaluation.restart_seconds * now
    if (now - then) / now >= options.min_step and saved > cost:
        return None
    sentence = (
        f"{now - then} of {now} slots less would save {saved:.0f} slot seconds; the pause costs {cost:.0f}"
    )
    return Held("benefit", Reason.SCALING_REPORT, sentence)


def room(proposal: Proposal) -> Held | None:
    """Quota and nodes: pods that cannot start are not asked for."""
    limit, now = proposal.room.slots, proposal.graph.slots
    if limit is None or proposal.slots <= limit or proposal.slots <= now:
        return None
    sentence = (
        f"{proposal.slots} slots are needed, the job has {now} and can have {limit}: {proposal.room.why}"
    )
    return Held("room", Reason.RESOURCE_QUOTA_REACHED, sentence)


def vetoed(proposal: Proposal) -> Held | None:
    """The installation's own executors."""
    return None if proposal.veto is None else Held("vetoed", Reason.SCALING_VETOED, proposal.veto)


def turn(proposal: Proposal) -> Held | None:
    """The cluster's budget of rescales at once."""
    if proposal.room.turn:
        return None
    return Held("turn", Reason.SCALING_REPORT, "Other jobs are being rescaled: this one waits for its turn")


GUARDS: tuple[Guard, ...] = (noise, excluded, memory_pressure, ineffective, benefit, room, vetoed, turn)


def held_by(proposal: Proposal) -> Held | None:
    """The first guard's objection, if any."""
    return next((held for guard in GUARDS if (held := guard(proposal)) is not None), None)


def limits(graph: Graph, parallelism: Mapping[str, int], slots: int) -> dict[str, int]:
    """The parallelism cut down to so many slots, the widest vertices first; at least 1 each."""
    found = dict(parallelism)
    while slots_of(graph, found) > slots:
        widest = max(found, key=lambda one: (found[one], one))
        if found[widest] <= 1:
            return found
        found[widest] -= 1
    return found
