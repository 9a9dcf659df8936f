"""What would have happened under other settings: the same decisions (`decision`) on the load that was recorded. Pure.

The job of a replay is a model (`course`): its load is what came to the real job's sources, its records cost what the
real job's cost, a rescale takes as long and pauses for as long as the real job's did. Called by `kubectl penstock
autoscale replay`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from penstock_operator.autoscale import decision
from penstock_operator.autoscale.course import Course, Tick, course, most_records
from penstock_operator.autoscale.evaluators import Custom
from penstock_operator.autoscale.executors import CustomExecutor
from penstock_operator.autoscale.explain import cause
from penstock_operator.autoscale.history import IN_PLACE_SECONDS, RESTART_SECONDS
from penstock_operator.autoscale.options import AutoscalerOptions
from penstock_operator.autoscale.periods import bounds_at, is_excluded
from penstock_operator.autoscale.recording import ActKind, Recording
from penstock_operator.autoscale.signals import Graph, Sample, VertexSample, slots_of

SLOT_START = 20.0
"""Seconds from asking for more slots to having them, where no scaling was recorded: a pod starts."""
_WAITS = 1.0
"""Records from which on something waits."""


@dataclass(frozen=True, slots=True)
class Point:
    """How things were and would have been at one moment."""

    at: float
    slots: int
    lag: float
    replayed_slots: int
    replayed_lag: float


@dataclass(frozen=True, slots=True)
class Move:
    """One rescale of the replay."""

    at: float
    before: int
    after: int
    """Slots."""
    cause: str


@dataclass(frozen=True, slots=True)
class Score:
    """How a course went."""

    mean_lag_seconds: float
    """How many seconds of input (its mean) waited; the mean."""
    worst_lag_seconds: float
    slot_hours: float
    rescales: int


@dataclass(frozen=True, slots=True)
class Replayed:
    """A replay beside what was recorded."""

    points: tuple[Point, ...]
    moves: tuple[Move, ...]
    held: tuple[tuple[str, int], ...]
    """Guards that held decisions back, and how often."""
    recorded: Score
    replayed: Score


class _Model:
    """The job of the replay."""

    def __init__(self, start: Course, slot_start: float, pause: float) -> None:
        self.graph = start.graph
        self.lags = {v.id: start.first.vertices[v.id].lag or 0.0 for v in start.graph.vertices if v.is_source}
        self.read = dict.fromkeys(start.graph.parallelism, 0.0)
        self.written = dict.fromkeys(start.graph.parallelism, 0.0)
        self._slot_start, self._pause = slot_start, pause
        self._wanted: tuple[float, dict[str, int]] | None = None
        self._resumes = -math.inf

    @property
    def lag(self) -> float:
        """Records that wait."""
        return sum(self.lags.values())

    @property
    def held_slots(self) -> int:
        """Slots that are paid for: also those that were asked for and are not used yet."""
        if self._wanted is None:
            return self.graph.slots
        return max(self.graph.slots, slots_of(self.graph, self._wanted[1]))

    def ask(self, now: float, parallelism: dict[str, int]) -> None:
        """Ask for another parallelism; more comes when the slots are there."""
        more = slots_of(self.graph, parallelism) > self.graph.slots
        self._wanted = (now + (self._slot_start if more else 0.0), parallelism)

    def pass_by(self, tick: Tick) -> Sample | None:
        """Let an interval pass; its metrics, None while a rescale is under way."""
        self._rescale(tick)
        down = min(max(self._resumes - (tick.at - tick.seconds), 0.0), tick.seconds)
        waiting = {key: lag + tick.arrivals.get(key, 0.0) for key, lag in self.lags.items()}
        demand = sum(waiting.values())
        most = most_records(self.graph, self.graph.parallelism, tick.costs) * (tick.seconds - down)
        done = min(demand, most)
        for key, waits in waiting.items():
            self.lags[key] = waits - (waits * done / demand if demand > 0 else 0.0)
        sources = sum(tick.ratios[key] for key in self.lags) or 1.0
        for vertex_id in self.read:
            self.read[vertex_id] += done * tick.ratios[vertex_id] / sources
            self.written[vertex_id] += done * tick.outputs[vertex_id] / sources
        if self._wanted is not None or tick.at < self._resumes:
            return None
        return self._sample(tick, done / max(tick.seconds - down, 1e-9))

    def _rescale(self, tick: Tick) -> None:
        if self._wanted is None or tick.at < self._wanted[0]:
            return
        begins, parallelism = max(self._wanted[0], tick.at - tick.seconds), self._wanted[1]
        self._resumes = begins + self._pause
        vertices = tuple(replace(v, parallelism=parallelism[v.id]) for v in self.graph.vertices)
        self.graph = Graph(vertices, self._resumes, self._pause, self.graph.slots_share_a_thread)
        self._wanted = None

    def _sample(self, tick: Tick, rate: float) -> Sample:
        busy = {
            v.id: min(1.0, rate * tick.costs[v.id] / v.parallelism) if rate > 0 else 0.0
            for v in self.graph.vertices
        }
        is_held_up = self.lag > _WAITS and not self.graph.slots_share_a_thread
        samples = {
            v.id: VertexSample(
                self.read[v.id],
                self.written[v.id],
                busy[v.id],
                1.0 - busy[v.id] if is_held_up and v.is_source else 0.0,
                self.lags.get(v.id),
            )
            for v in self.graph.vertices
        }
        return Sample(tick.at, samples)


@dataclass(frozen=True, slots=True)
class Plugins:
    """Code of the installation's own that decides too."""

    custom: Custom | None = None
    executors: tuple[CustomExecutor, ...] = ()


def replay(recording: Recording, options: AutoscalerOptions, plugins: Plugins = Plugins()) -> Replayed:
    """The load of the recording under these options; ValueError where the recording is too short."""
    start = course(recording)
    model = _Model(start, _slot_start(recording), _pause_of(recording, options))
    memento = decision.Memento(pauses=recording.pauses)
    points: list[Point] = []
    moves: list[Move] = []
    held: dict[str, int] = {}
    paid = 0.0
    for tick in start.ticks:
        sample = model.pass_by(tick)
        paid += model.held_slots * tick.seconds
        points.append(Point(tick.at, tick.slots, tick.lag, model.held_slots, model.lag))
        if sample is None:
            continue
        memento = decision.observe(memento, model.graph, sample, options)
        found = decision.decide(memento, model.graph, options, _around(tick.at, recording, options, plugins))
        memento = found.memento
        if found.held is not None:
            held[found.held.guard] = held.get(found.held.guard, 0) + 1
        if found.target is not None:
            memento = decision.applied(memento, found, options)
            moves.append(Move(tick.at, model.graph.slots, slots_of(model.graph, found.target), cause(found)))
            model.ask(tick.at, found.target)
    recorded = _score(start.ticks, [one.lag for one in points], start.rescales)
    as_replayed = _score(start.ticks, [one.replayed_lag for one in points], len(moves))
    return Replayed(
        tuple(points),
        tuple(moves),
        tuple(sorted(held.items())),
        recorded,
        replace(as_replayed, slot_hours=paid / 3600.0),
    )


def _around(
    at: float, recording: Recording, options: AutoscalerOptions, plugins: Plugins
) -> decision.Circumstances:
    return decision.Circumstances(
        at,
        replace(recording.room, turn=True),
        bounds=bounds_at(options.schedule, at),
        is_excluded=is_excluded(options.excluded_periods, at),
        in_place=recording.in_place,
        custom=plugins.custom,
        executors=plugins.executors,
    )


def _slot_start(recording: Recording) -> float:
    """How long the job's own steps up took until they ran, at the longest; without their pause."""
    found = [
        max(0.0, act.ran_at - act.at - (act.pause or 0.0))
        for act in recording.acts
        if act.kind is ActKind.SCALED
        and act.ran_at is not None
        and any(c.after > c.before for c in act.changes)
    ]
    return max(found) if found else SLOT_START


def _pause_of(recording: Recording, options: AutoscalerOptions) -> float:
    if recording.pauses:
        return fmean(recording.pauses)
    if options.restart_time is not None:
        return options.restart_time.total_seconds()
    return IN_PLACE_SECONDS if recording.in_place else RESTART_SECONDS


def _score(ticks: Sequence[Tick], lags: Sequence[float], rescales: int) -> Score:
    came, seconds = sum(sum(tick.arrivals.values()) for tick in ticks), sum(tick.seconds for tick in ticks)
    ages = [lag * seconds / came for lag in lags] if came > 0 else [0.0]
    hours = sum(tick.slots * tick.seconds for tick in ticks) / 3600.0
    return Score(fmean(ages), max(ages), hours, rescales)
