"""What a recording says of a job's load and of what its records cost: the model that a replay runs on. Pure.

What came to the sources does not depend on the job: it is what was read and what the lag grew by. What a record costs
each vertex is the busy time of its subtasks for each record that the sources read. The model takes costs as the same
at any parallelism, which is also what the algorithm takes until it has seen otherwise.
"""

import math
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from penstock_operator.autoscale.recording import Recording, Span, lag_of
from penstock_operator.autoscale.signals import Graph, Sample

_SMOOTH = 8
"""Intervals over which a cost is averaged: busy time is a gauge of seconds, records are counted over the interval."""
_WAITING = 5.0
"""Seconds of input that wait, from which on the sources read as fast as the job can."""
_LIMITED = 0.9
"""Share of what busy time says is possible, below which something else was the limit."""


@dataclass(frozen=True, slots=True)
class Tick:
    """One interval of the recording, ending at `at`."""

    at: float
    seconds: float
    arrivals: Mapping[str, float]
    """Records that came to each source."""
    ratios: Mapping[str, float]
    """Records that each vertex reads for each record that the sources read."""
    outputs: Mapping[str, float]
    """Records that each vertex writes for each record that the sources read."""
    costs: Mapping[str, float]
    """Seconds that a subtask is busy for each record that the sources read."""
    parallelism: Mapping[str, int]
    """As it was."""
    slots: int
    """As they were."""
    lag: float
    """As it was."""


@dataclass(frozen=True, slots=True)
class Course:
    """The load of a job over time."""

    graph: Graph
    """As it was at the beginning."""
    first: Sample
    ticks: tuple[Tick, ...]
    rescales: int
    """How often the job was rescaled while it was recorded."""


@dataclass(slots=True)
class _Interval:
    """Two samples in a row, and what happened between them."""

    graph: Graph
    before: Sample
    after: Sample
    is_whole: bool
    """Whether the job ran all the time, so that counters and gauges are of the same processes."""

    @property
    def seconds(self) -> float:
        return self.after.at - self.before.at

    def read(self, vertex_id: str) -> float:
        """Records that the vertex read; after a restart, what it read since."""
        now, then = self.after.vertices[vertex_id].records_in, self.before.vertices[vertex_id].records_in
        return now - then if now >= then else now

    def written(self, vertex_id: str) -> float:
        """The same of records written."""
        now, then = self.after.vertices[vertex_id].records_out, self.before.vertices[vertex_id].records_out
        return now - then if now >= then else now

    def arrived(self, source: str) -> float:
        """Records that came to the source; a lag that only one of the samples knows has not grown."""
        before, after = self.before.vertices[source].lag, self.after.vertices[source].lag
        grown = after - before if before is not None and after is not None else 0.0
        return max(0.0, self.read(source) + grown)


def course(recording: Recording) -> Course:
    """The newest part of the recording in which the job had the same vertices; ValueError where it is too short."""
    spans = _same_vertices(recording.spans)
    samples = [(span.graph, sample) for span in spans for sample in span.samples]
    if len(samples) < 3:
        raise ValueError(
            f"{len(samples)} samples are recorded of this job as it is: three at least are needed"
        )
    intervals = [
        _Interval(graph, before, after, is_whole=graph.running_since == earlier.running_since)
        for (earlier, before), (graph, after) in pairwise(samples)
    ]
    usual = median(one.seconds for one in intervals)
    known = _Knowledge(spans[0].graph)
    ticks = tuple(tick for one in intervals for tick in _ticks(one, known, usual))
    graphs = [span.graph.parallelism for span in spans]
    rescales = sum(after != before for before, after in pairwise(graphs))
    return Course(spans[0].graph, samples[0][1], ticks, rescales)


def _same_vertices(spans: Sequence[Span]) -> list[Span]:
    found: list[Span] = []
    for span in reversed([one for one in spans if one.samples]):
        if found and span.graph.parallelism.keys() != found[0].graph.parallelism.keys():
            break
        found.insert(0, span)
    return found


class _Knowledge:
    """What is known of ratios and costs so far; what an idle interval does not show stays as it was."""

    def __init__(self, graph: Graph) -> None:
        self._recent: deque[_Interval] = deque(maxlen=_SMOOTH)
        self.ratios = {vertex.id: 1.0 for vertex in graph.vertices}
        self.outputs = dict.fromkeys(self.ratios, 0.0)
        self.costs = dict.fromkeys(self.ratios, 0.0)

    def learn(self, interval: _Interval) -> None:
        """From an interval in which the job ran."""
        if not interval.is_whole:
            self._recent.clear()
            return
        if self._recent and self._recent[-1].graph.parallelism != interval.graph.parallelism:
            self._recent.clear()
        self._recent.append(interval)
        sources = [vertex.id for vertex in interval.graph.vertices if vertex.is_source]
        read = sum(one.read(source) for one in self._recent for source in sources)
        if read <= 0:
            return
        for vertex in interval.graph.vertices:
            self.ratios[vertex.id] = sum(one.read(vertex.id) for one in self._recent) / read
            self.outputs[vertex.id] = sum(one.written(vertex.id) for one in self._recent) / read
            busy = sum(_busy(one, vertex.id) * one.seconds for one in self._recent)
            if math.isfinite(busy):
                self.costs[vertex.id] = busy * vertex.parallelism / read
        self._limit(interval, sources)

    def _limit(self, interval: _Interval, sources: Sequence[str]) -> None:
        """Costs agree with what was done: no more was read than possible, and all that was while records waited."""
        read = sum(interval.read(source) for source in sources)
        waits = sum(interval.before.vertices[source].lag or 0.0 for source in sources)
        most = most_records(interval.graph, interval.graph.parallelism, self.costs) * interval.seconds
        is_limit = waits > _WAITING * read / interval.seconds and read < _LIMITED * most < math.inf
        if read > 0 and (is_limit or read > most):
            self.costs = {key: cost * most / read for key, cost in self.costs.items()}


def _busy(interval: _Interval, vertex_id: str) -> float:
    """The vertex's busy share; where the tasks of a slot share a thread, its part of the thread."""
    found = interval.after.vertices[vertex_id].busy
    if not interval.graph.slots_share_a_thread or not math.isfinite(found):
        return found
    mine = next(vertex for vertex in interval.graph.vertices if vertex.id == vertex_id)
    group = [v.id for v in interval.graph.vertices if v.slot_sharing_group == mine.slot_sharing_group]
    whole = sum(busy for one in group if math.isfinite(busy := interval.after.vertices[one].busy))
    return found / max(1.0, whole)


def _ticks(interval: _Interval, known: _Knowledge, usual: float) -> Iterator[Tick]:
    """The interval, in parts of the usual length: a job that was down left a gap, not a load that came at once."""
    known.learn(interval)
    parts = max(1, round(interval.seconds / usual)) if usual > 0 else 1
    arrivals = {v.id: interval.arrived(v.id) / parts for v in interval.graph.vertices if v.is_source}
    before, after = lag_of(interval.before), lag_of(interval.after)
    for part in range(1, parts + 1):
        yield Tick(
            at=interval.before.at + interval.seconds * part / parts,
            seconds=interval.seconds / parts,
            arrivals=arrivals,
            ratios=dict(known.ratios),
            outputs=dict(known.outputs),
            costs=dict(known.costs),
            parallelism=interval.graph.parallelism,
            slots=interval.graph.slots,
            lag=before + (after - before) * part / parts,
        )


def most_records(graph: Graph, parallelism: Mapping[str, int], costs: Mapping[str, float]) -> float:
    """Records that the sources can read a second at this parallelism; infinite where nothing costs anything."""
    groups: dict[str, float] = {}
    for vertex in graph.vertices:
        group = vertex.slot_sharing_group if graph.slots_share_a_thread else vertex.id
        groups[group] = groups.get(group, 0.0) + costs[vertex.id] / parallelism[vertex.id]
    dearest = max(groups.values(), default=0.0)
    return 1.0 / dearest if dearest > 0 else math.inf
