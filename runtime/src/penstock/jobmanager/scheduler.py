"""Which subtask runs in which slot. Pure; called when a job has its slots.

Subtask i of every vertex of a slot sharing group goes to slot i of the group, so that forward edges stay in a slot.
"""

from collections.abc import Sequence

from penstock.control.messages import SlotAddress
from penstock.graph.jobgraph import JobGraph


def group_sizes(graph: JobGraph) -> dict[str, int]:
    """Slots that each sharing group needs: its highest parallelism."""
    sizes: dict[str, int] = {}
    for vertex in graph.vertices:
        sizes[vertex.slot_sharing_group] = max(sizes.get(vertex.slot_sharing_group, 0), vertex.parallelism)
    return sizes


def required_slots(graph: JobGraph) -> int:
    """Slots that the job needs to run at all."""
    return sum(group_sizes(graph).values())


def place(graph: JobGraph, slots: Sequence[SlotAddress]) -> dict[str, list[str]]:
    """Vertex id → slot id of each subtask. `slots` has at least `required_slots` members."""
    first: dict[str, int] = {}
    used = 0
    for group, size in group_sizes(graph).items():
        first[group] = used
        used += size
    if used > len(slots):
        raise ValueError(f"{used} slots are needed, {len(slots)} are there")
    return {
        vertex.id: [slots[first[vertex.slot_sharing_group] + i].slot_id for i in range(vertex.parallelism)]
        for vertex in graph.vertices
    }
