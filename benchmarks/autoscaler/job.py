"""A model of a job under load: a source and a keyed operator in slots, second by second. Used by `play`.

What it keeps of a real job: records that are not read wait in Kafka; the tasks of a slot share a thread; more slots
exist only some time after they were asked for; a rescale stops the job for a moment; hot keys do not spread; a
dependency that is slow is slow for everybody. What it leaves out: garbage collection, networks, disks.
"""

import random
from dataclasses import dataclass, field
from statistics import fmean

from benchmarks.autoscaler.traces import Moment
from penstock_operator.autoscale.signals import Graph, Input, Sample, ShipStrategy, Vertex, VertexSample

SOURCE, KEYED = "source", "keyed"
SLOT_START = 20.0
"""Seconds from asking for more slots to having them: a pod starts."""
PAUSE = 2.0
"""Seconds in which a job that is rescaled in place processes nothing."""
_SOURCE_COST, _KEYED_COST = 0.0002, 0.0008
"""Seconds of a slot's thread for each record; together a slot does 1,000 records a second."""
_NOISE = 0.05
"""Standard deviation of a second's load, as a share of it."""


@dataclass(slots=True)
class Job:
    """The job's present."""

    seed: int
    parallelism: int = 2
    partitions: int = 64
    now: float = 0.0
    lag: float = 0.0
    arrived: float = 0.0
    read: float = 0.0
    running_since: float = 0.0
    rescales: int = 0
    slot_seconds: float = 0.0
    busy: float = 0.0
    """Share of the last seconds that the busiest slot's thread was taken (Flink's gauge looks at five)."""
    mean_busy: float = 0.0
    """The same, of all slots."""
    _random: random.Random = field(init=False)
    _wanted: tuple[float, int] | None = None
    """When a rescale takes effect, and to what."""
    _resumes: float = 0.0
    _recent: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    def ask(self, parallelism: int) -> None:
        """Ask for another parallelism; it comes when the slots are there."""
        if parallelism != self.parallelism and self._wanted is None:
            more = parallelism > self.parallelism
            self._wanted = (self.now + (SLOT_START if more else 0.0), parallelism)

    @property
    def is_changing(self) -> bool:
        """Whether a rescale is under way."""
        return self._wanted is not None or self.now < self._resumes

    def second(self, moment: Moment) -> None:
        """Let a second pass under this load."""
        self.now += 1.0
        self._rescale()
        came = max(0.0, moment.rate * self._random.gauss(1.0, _NOISE))
        self.arrived += came
        done, busy, self.mean_busy = self._work(came + self.lag, moment)
        self._recent = [*self._recent[-4:], busy]
        self.busy = fmean(self._recent)
        self.read += done
        self.lag += came - done
        held = max(self.parallelism, self._wanted[1] if self._wanted else 0)
        self.slot_seconds += held

    def _rescale(self) -> None:
        if self._wanted is not None and self.now >= self._wanted[0]:
            self.parallelism = self._wanted[1]
            self._wanted, self.rescales = None, self.rescales + 1
            self._resumes = self.running_since = self.now + PAUSE

    def _work(self, waiting: float, moment: Moment) -> tuple[float, float, float]:
        """Records done in this second, the busiest slot's load, the mean load."""
        if self.now < self._resumes:
            return 0.0, 0.0, 0.0
        cost = (_SOURCE_COST + _KEYED_COST) * moment.cost
        hottest = max(moment.hottest_key, 1.0 / self.parallelism)
        most = min(1.0 / (hottest * cost), moment.dependency)
        done = min(waiting, most)
        if done >= moment.dependency:  # a call that waits keeps its slot as busy as one that works
            return done, 1.0, 1.0
        return done, min(1.0, done * hottest * cost), min(1.0, done * cost / self.parallelism)

    def graph(self) -> Graph:
        """The graph as the JobManager would tell it."""
        source = Vertex(SOURCE, "Source: orders", self.parallelism, 128, partitions=self.partitions)
        keyed = Vertex(KEYED, "count", self.parallelism, 128, (Input(SOURCE, ShipStrategy.HASH),))
        return Graph((source, keyed), self.running_since, slots_share_a_thread=True)

    def sample(self) -> Sample:
        """The metrics as the JobManager would tell them."""
        share = _SOURCE_COST / (_SOURCE_COST + _KEYED_COST)
        source = VertexSample(self.read, self.read, self.busy * share, 0.0, self.lag)
        keyed = VertexSample(self.read, 0.0, self.busy * (1.0 - share))
        return Sample(self.now, {SOURCE: source, KEYED: keyed})
