"""Which tasks must start again together: those that exchange records, and those that share a slot's process. Pure."""

from collections.abc import Iterable, Mapping

from penstock.checkpoint.records import TaskKey
from penstock.exchange.partitioners import targets_of
from penstock.graph.jobgraph import JobGraph


def region_of(graph: JobGraph, slots: Mapping[TaskKey, str], failed: Iterable[TaskKey]) -> set[TaskKey]:
    """The region of the tasks that failed. `slots` says where every task runs."""
    beside = _neighbours(graph, slots)
    found: set[TaskKey] = set()
    ahead = list(failed)
    while ahead:
        task = ahead.pop()
        if task not in found:
            found.add(task)
            ahead.extend(beside[task] - found)
    return found


def _neighbours(graph: JobGraph, slots: Mapping[TaskKey, str]) -> dict[TaskKey, set[TaskKey]]:
    found: dict[TaskKey, set[TaskKey]] = {task: set() for task in slots}
    by_slot: dict[str, set[TaskKey]] = {}
    for task, slot_id in slots.items():
        by_slot.setdefault(slot_id, set()).add(task)
    for task, slot_id in slots.items():
        found[task] |= by_slot[slot_id]
    parallelism = {vertex.id: vertex.parallelism for vertex in graph.vertices}
    for edge in graph.edges:
        counts = (parallelism[edge.source_vertex], parallelism[edge.target_vertex])
        for source in range(counts[0]):
            for target in targets_of(edge.partitioner, source, *counts):
                sender, receiver = (edge.source_vertex, source), (edge.target_vertex, target)
                found[sender].add(receiver)
                found[receiver].add(sender)
    return found
