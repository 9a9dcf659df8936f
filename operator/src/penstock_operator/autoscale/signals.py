"""What the autoscaler sees: the job's graph, and samples of its metrics. Made by the collector, read by `evaluate`. Pure.

Times are seconds since the epoch, rates are records a second, shares are between 0 and 1.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class ShipStrategy(StrEnum):
    """How records go from one vertex to the next, as Flink's plan names it."""

    FORWARD = "FORWARD"
    HASH = "HASH"
    REBALANCE = "REBALANCE"
    RESCALE = "RESCALE"
    BROADCAST = "BROADCAST"
    OTHER = "OTHER"


@dataclass(frozen=True, slots=True)
class Input:
    """One input of a vertex."""

    source: str
    """Id of the vertex that it comes from."""
    strategy: ShipStrategy = ShipStrategy.REBALANCE


@dataclass(frozen=True, slots=True)
class Vertex:
    """One vertex of the job's graph."""

    id: str
    name: str
    parallelism: int
    max_parallelism: int
    inputs: tuple[Input, ...] = ()
    slot_sharing_group: str = ""
    partitions: int | None = None
    """Partitions that a source reads, where they are known."""

    @property
    def is_source(self) -> bool:
        """Whether records come from outside."""
        return not self.inputs

    @property
    def sources(self) -> tuple[str, ...]:
        """Ids of the vertices that it reads from, each once: a join of a stream with itself has two inputs from one."""
        return tuple(dict.fromkeys(one.source for one in self.inputs))


@dataclass(frozen=True, slots=True)
class Graph:
    """The vertices that still run, each after all that it reads from."""

    vertices: tuple[Vertex, ...]
    running_since: float
    """When the job last became RUNNING."""
    last_pause: float | None = None
    """How long the job did not run before that, in seconds, where it had run before."""
    slots_share_a_thread: bool = False
    """Whether the tasks of a slot share one thread (the bundled runtime) or have one each (Flink)."""

    @property
    def parallelism(self) -> dict[str, int]:
        """By vertex."""
        return {vertex.id: vertex.parallelism for vertex in self.vertices}

    @property
    def slots(self) -> int:
        """Slots that the job takes: in each slot sharing group as many as its widest vertex."""
        return slots_of(self, self.parallelism)

    def readers(self, vertex_id: str) -> tuple[str, ...]:
        """Vertices that read from this one."""
        return tuple(
            vertex.id for vertex in self.vertices if any(i.source == vertex_id for i in vertex.inputs)
        )


def slots_of(graph: Graph, parallelism: Mapping[str, int]) -> int:
    """Slots that the job would take at this parallelism."""
    widest: dict[str, int] = {}
    for vertex in graph.vertices:
        wide = parallelism.get(vertex.id, vertex.parallelism)
        widest[vertex.slot_sharing_group] = max(widest.get(vertex.slot_sharing_group, 0), wide)
    return sum(widest.values())


@dataclass(frozen=True, slots=True)
class VertexSample:
    """A vertex's metrics at one moment, over its subtasks."""

    records_in: float
    """Records read since the start, all subtasks."""
    records_out: float
    """Records written since the start, all subtasks."""
    busy: float
    """Share of the last second that a subtask was busy, as the busy-time aggregator has it."""
    backpressured: float = 0.0
    """Share of the last second that a subtask could not write."""
    lag: float | None = None
    """Records that wait outside (Kafka), for a source that knows; None elsewhere."""


@dataclass(frozen=True, slots=True)
class MemorySample:
    """Memory of the fullest TaskManager."""

    heap_used: float = 0.0
    """Share of the heap in use."""
    gc: float = 0.0
    """Share of time in garbage collection."""
    used: float = 0.0
    """Bytes that it uses; 0 where it is not known."""
    managers: int = 0
    """How many TaskManagers there are."""


@dataclass(frozen=True, slots=True)
class Sample:
    """The job's metrics at one moment."""

    at: float
    vertices: Mapping[str, VertexSample] = field(default_factory=dict)
    memory: MemorySample = field(default_factory=MemorySample)
