"""What was seen of a job and what was done to it, kept for `kubectl penstock autoscale history|replay`. Pure.

The loop adds to a `Recorder` with each sample; bytes and back are `recording_codec.py`. A decision never depends on a
recording: it may be lost, and is bounded in time and bytes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from penstock_operator.autoscale.decision import Decision
from penstock_operator.autoscale.explain import cause
from penstock_operator.autoscale.guards import Room
from penstock_operator.autoscale.options import Mode
from penstock_operator.autoscale.signals import Graph, Sample

SPAN = 64
"""Samples that are kept as one piece."""
MOST_ACTS = 120
"""Decisions that are remembered."""
_SETTLED = 300.0
"""Seconds after a scaling at which its lag is compared with the one before."""


class ActKind(StrEnum):
    """What became of a recommendation."""

    SCALED = "scaled"
    """It was carried out."""
    ADVISED = "advised"
    """It was shown only: the mode is advise."""
    HELD = "held"
    """A guard held it back."""


@dataclass(frozen=True, slots=True)
class Change:
    """A vertex and its parallelism, as it was and as it was wished for."""

    vertex_id: str
    name: str
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class Act:
    """One decision; the same one made again only counts up."""

    at: float
    kind: ActKind
    changes: tuple[Change, ...]
    cause: str
    """Why, in a sentence."""
    guard: str = ""
    until: float = 0.0
    """When it was last made."""
    times: int = 1
    lag: float = 0.0
    """Records that waited when it was first made."""
    ran_at: float | None = None
    """When the job ran again after it."""
    pause: float | None = None
    """Seconds for which the job did not run, as it says itself."""
    reached: bool | None = None
    """Whether the job then ran as was wished for."""
    lag_after: float | None = None
    """Records that waited five minutes after that."""


@dataclass(frozen=True, slots=True)
class Span:
    """Samples of one graph, oldest first."""

    graph: Graph
    samples: tuple[Sample, ...]


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording as it is read."""

    spans: tuple[Span, ...] = ()
    acts: tuple[Act, ...] = ()
    keys: Mapping[str, str] = field(default_factory=dict)
    """The `job.autoscaler.*` options that were in force at last."""
    room: Room = field(default_factory=Room)
    """What the job could take at last."""
    in_place: bool = True
    pauses: tuple[float, ...] = ()
    """Measured pauses of its rescales, seconds."""

    @property
    def samples(self) -> tuple[Sample, ...]:
        """All samples, oldest first."""
        return tuple(sample for span in self.spans for sample in span.samples)


def lag_of(sample: Sample) -> float:
    """Records that wait outside, all sources."""
    return sum(one.lag or 0.0 for one in sample.vertices.values())


def act_of(decision: Decision, mode: Mode, lag: float) -> Act | None:
    """The decision as it is remembered; None where nothing was wished for."""
    advice, evaluation = decision.advice, decision.evaluation
    if advice is None or evaluation is None or not advice.changes:
        return None
    changes = tuple(
        Change(one.vertex_id, evaluation.vertices[one.vertex_id].vertex.name, one.current, one.proposed)
        for one in advice.vertices.values()
        if one.proposed != one.current
    )
    why = cause(decision)
    if decision.held is not None:
        sentence = f"{why}; {decision.held.sentence}"
        return Act(decision.at, ActKind.HELD, changes, sentence, decision.held.guard, decision.at, lag=lag)
    kind = ActKind.SCALED if mode is Mode.ACTIVE else ActKind.ADVISED
    return Act(decision.at, kind, changes, why, "", decision.at, lag=lag)


def remembered(acts: tuple[Act, ...], new: Act) -> tuple[Act, ...]:
    """The acts with one more; the newest counts up where it says the same."""
    last = acts[-1] if acts else None
    is_same = (
        last is not None
        and last.kind is not ActKind.SCALED
        and (last.kind, last.guard, last.changes) == (new.kind, new.guard, new.changes)
    )
    if last is not None and is_same:
        again = replace(last, until=new.at, times=last.times + 1, cause=new.cause)
        return (*acts[:-1], again)
    return (*acts, new)[-MOST_ACTS:]


def followed(acts: tuple[Act, ...], graph: Graph, sample: Sample) -> tuple[Act, ...]:
    """The acts with what this sample shows of the last scaling: that the job runs again, and how the lag is."""
    where = next((at for at in reversed(range(len(acts))) if acts[at].kind is ActKind.SCALED), None)
    if where is None:
        return acts
    act = acts[where]
    if act.ran_at is None and graph.running_since >= act.at:
        now = graph.parallelism
        reached = all(now.get(one.vertex_id) == one.after for one in act.changes)
        act = replace(act, ran_at=graph.running_since, pause=graph.last_pause, reached=reached)
    if act.ran_at is not None and act.lag_after is None and sample.at >= act.ran_at + _SETTLED:
        act = replace(act, lag_after=lag_of(sample))
    return acts if act is acts[where] else (*acts[:where], act, *acts[where + 1 :])
