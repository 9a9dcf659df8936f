"""Puts the records in flight of an unaligned snapshot back into the channels, before anything else is in them.

Used by `taskmanager.slot` once all channels of a deployment are wired. At the snapshot's parallelism every batch goes
back to its own channel; at another one records find their way again by the edge's partitioner, where it says the same
for a record every time, and the restore is refused where it does not (as Flink does).
"""

from collections.abc import Iterator, Mapping, Sequence

from penstock.checkpoint.channel_state import StoredBatch, load_channels
from penstock.checkpoint.keyed_io import read_blob
from penstock.exchange.edge_writer import EdgeWriter
from penstock.exchange.frames import load_records
from penstock.filesystems.registry import open_filesystem
from penstock.graph.jobgraph import EdgeSpec, Partitioner
from penstock.operators.contract import Batch
from penstock.state.errors import StateIncompatible
from penstock.taskmanager.deployment import Selectors, TaskPlan, chooser_of

_BY_RECORD = (Partitioner.HASH, Partitioner.CUSTOM)
_ANYWHERE = (Partitioner.REBALANCE, Partitioner.SHUFFLE, Partitioner.GLOBAL)


def restore_channels(
    plans: Sequence[TaskPlan], selectors: Selectors, configuration: Mapping[str, str]
) -> None:
    """Inputs first, then outputs: what a sender still held comes behind what its receiver had."""
    kept = [(plan, list(_stored(plan, configuration))) for plan in plans]
    for plan, batches in kept:
        for stored in batches:
            if stored.is_input:
                _restore_input(plan, stored, selectors)
    for plan, batches in kept:
        for stored in batches:
            if not stored.is_input:
                _restore_output(plan, stored)


def _stored(plan: TaskPlan, configuration: Mapping[str, str]) -> Iterator[StoredBatch]:
    location = plan.deployment.restored_location
    if location is None:
        return
    own = {operator.operator_id for operator in plan.vertex.operators}
    for state in plan.spec.restored:
        if state.operator_id not in own:
            continue
        for subtask in state.subtasks:
            if state.parallelism == plan.vertex.parallelism and subtask.index != plan.spec.index:
                continue
            for stored in subtask.channels:
                data = read_blob(open_filesystem(location, configuration), location, stored)
                yield from load_channels(data, stored.path)


def _edge(plan: TaskPlan, stored: StoredBatch) -> tuple[int, EdgeSpec]:
    for number, edge in enumerate(plan.deployment.edges):
        if edge.id == stored.edge:
            return number, edge
    raise StateIncompatible(
        f"the snapshot holds records in flight on the edge {stored.edge}, which the program does not have: start the "
        "changed program from a savepoint, which has none"
    )


def _counts(plan: TaskPlan, edge: EdgeSpec) -> tuple[int, int]:
    parallelism = {vertex.id: vertex.parallelism for vertex in plan.deployment.vertices}
    return parallelism[edge.source_vertex], parallelism[edge.target_vertex]


def _refuse(stored: StoredBatch, edge: EdgeSpec) -> StateIncompatible:
    return StateIncompatible(
        f"the snapshot holds records in flight on the edge {stored.edge}, partitioned {edge.partitioner.value}: they "
        f"can only be restored at the snapshot's parallelism ({stored.sources} to {stored.targets}). Rescale from a "
        "savepoint, or without execution.checkpointing.unaligned.enabled"
    )


def _restore_input(plan: TaskPlan, stored: StoredBatch, selectors: Selectors) -> None:
    number, edge = _edge(plan, stored)
    counts = _counts(plan, edge)
    batch: Batch | None = load_records(stored.body)
    if counts != (stored.sources, stored.targets) and edge.partitioner not in _BY_RECORD + _ANYWHERE:
        raise _refuse(stored, edge)
    if counts[1] == stored.targets:
        batch = batch if stored.target == plan.spec.index else None
    elif edge.partitioner in _ANYWHERE:
        batch = batch if stored.target % counts[1] == plan.spec.index else None
    else:
        batch = _own_records(plan, edge, load_records(stored.body), counts[1], selectors)
    if batch is not None and batch.values:
        plan.inputs[number, stored.source % counts[0], plan.spec.index].restore(batch)


def _own_records(plan: TaskPlan, edge: EdgeSpec, batch: Batch, targets: int, selectors: Selectors) -> Batch:
    chooser = chooser_of(edge, plan.vertex, 0, targets, selectors)
    if chooser is None:
        return batch
    mine = [index == plan.spec.index for index in chooser.choose(batch.values)]
    times = batch.timestamps
    return Batch(
        [value for value, is_mine in zip(batch.values, mine, strict=True) if is_mine],
        None if times is None else [time for time, is_mine in zip(times, mine, strict=True) if is_mine],
    )


def _restore_output(plan: TaskPlan, stored: StoredBatch) -> None:
    number, edge = _edge(plan, stored)
    counts = _counts(plan, edge)
    writer: EdgeWriter = plan.edges[number]
    if counts == (stored.sources, stored.targets):
        if stored.source == plan.spec.index:
            writer.restore(stored.target, load_records(stored.body))
    elif edge.partitioner not in _BY_RECORD + _ANYWHERE:
        raise _refuse(stored, edge)
    elif stored.source % counts[0] == plan.spec.index:
        writer.emit(load_records(stored.body))
