"""How parallel each vertex may be, and what the slots that are there make of it. Pure; used by the states and by REST.

A slot sharing group needs as many slots as its most parallel vertex. Vertices that a FORWARD edge joins stay equally
parallel, for such an edge has one channel a subtask.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from penstock.graph.jobgraph import JobGraph, Partitioner

Parallelism = dict[str, int]
"""Vertex id → subtasks."""


@dataclass(slots=True, frozen=True)
class Bounds:
    """The least and the most subtasks of a vertex."""

    lower: int
    upper: int


Requirements = dict[str, Bounds]
"""Vertex id → bounds, for every vertex of a job."""


def initial_requirements(graph: JobGraph, is_adaptive: bool, is_reactive: bool = False) -> Requirements:
    """As submitted: exactly its parallelism; with the adaptive scheduler fewer may do, in reactive mode all there are."""
    return {
        vertex.id: Bounds(
            1 if is_adaptive or is_reactive else vertex.parallelism,
            vertex.max_parallelism if is_reactive else vertex.parallelism,
        )
        for vertex in graph.vertices
    }


def problems_of(graph: JobGraph, wanted: Mapping[str, Bounds]) -> list[str]:
    """What is wrong with requirements for this job, each in a sentence; empty if nothing is."""
    known = {vertex.id: vertex for vertex in graph.vertices}
    found = [f"Job vertex [{key}] was not found in the JobGraph." for key in wanted if key not in known]
    for vertex in graph.vertices:
        bounds = wanted.get(vertex.id)
        if bounds is None:
            found.append(
                f"The request is incomplete, missing job vertex [{vertex.id}] resource requirements."
            )
            continue
        if bounds.lower < 1:
            found.append(f"The lower bound {bounds.lower} of job vertex [{vertex.id}] is not above 0.")
        if bounds.lower > bounds.upper:
            found.append(
                f"The lower bound {bounds.lower} of job vertex [{vertex.id}] is above its upper bound {bounds.upper}."
            )
        if bounds.upper > vertex.max_parallelism:
            found.append(
                f"The upper bound {bounds.upper} of job vertex [{vertex.id}] is above its maximum parallelism "
                f"{vertex.max_parallelism}, which its state has fixed."
            )
    return found or _unequal_forward(graph, wanted)


def _unequal_forward(graph: JobGraph, wanted: Mapping[str, Bounds]) -> list[str]:
    joined = joined_bounds(graph, wanted)
    return [
        f"Job vertex [{vertex.id}] is joined to others by FORWARD edges, and no parallelism is within the bounds of all."
        for vertex in graph.vertices
        if joined[vertex.id].lower > joined[vertex.id].upper
    ]


def joined_bounds(graph: JobGraph, wanted: Mapping[str, Bounds]) -> Requirements:
    """The bounds, narrowed to what all vertices that FORWARD edges join can take."""
    found = {vertex.id: wanted[vertex.id] for vertex in graph.vertices}
    forward = [edge for edge in graph.edges if edge.partitioner is Partitioner.FORWARD]
    # Narrowing goes along a chain of edges one step a pass.
    for _ in forward:
        for edge in forward:
            source, target = found[edge.source_vertex], found[edge.target_vertex]
            both = Bounds(max(source.lower, target.lower), min(source.upper, target.upper))
            found[edge.source_vertex] = found[edge.target_vertex] = both
    return found


def fit(graph: JobGraph, wanted: Mapping[str, Bounds], slots: int | None) -> Parallelism | None:
    """The most parallel that the job can be with `slots` (None: as many as it likes); None if they are too few."""
    bounds = joined_bounds(graph, wanted)
    least, most = _group_bounds(graph, bounds)
    given = most if slots is None else _share(least, most, slots)
    if given is None:
        return None
    return {
        vertex.id: max(
            bounds[vertex.id].lower, min(bounds[vertex.id].upper, given[vertex.slot_sharing_group])
        )
        for vertex in graph.vertices
    }


def least_slots(graph: JobGraph, wanted: Mapping[str, Bounds]) -> int:
    """Slots without which the job cannot run."""
    return sum(_group_bounds(graph, joined_bounds(graph, wanted))[0].values())


def _group_bounds(graph: JobGraph, bounds: Requirements) -> tuple[dict[str, int], dict[str, int]]:
    least: dict[str, int] = {}
    most: dict[str, int] = {}
    for vertex in graph.vertices:
        group, its = vertex.slot_sharing_group, bounds[vertex.id]
        least[group] = max(least.get(group, 0), its.lower)
        most[group] = max(most.get(group, 0), its.upper)
    return least, most


def _share(least: Mapping[str, int], most: Mapping[str, int], slots: int) -> dict[str, int] | None:
    """Slots of each group: everybody's least, then one more each in turn."""
    given = dict(least)
    left = slots - sum(given.values())
    if left < 0:
        return None
    while left > 0:
        short = [group for group in given if given[group] < most[group]]
        if not short:
            break
        for group in short[:left]:
            given[group] += 1
        left -= len(short[:left])
    return given


def parallelism_of(graph: JobGraph) -> Parallelism:
    """As the graph is now."""
    return {vertex.id: vertex.parallelism for vertex in graph.vertices}


def at_parallelism(graph: JobGraph, wanted: Mapping[str, int]) -> JobGraph:
    """The same graph with other parallelisms."""
    if parallelism_of(graph) == wanted:
        return graph
    vertices = [vertex.model_copy(update={"parallelism": wanted[vertex.id]}) for vertex in graph.vertices]
    return graph.model_copy(update={"vertices": vertices})
