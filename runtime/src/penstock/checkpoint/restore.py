"""Which state goes where: a snapshot laid over a job graph, at the same or another parallelism.

Pure; called by the JobManager before it deploys an attempt. Never reads a state object: ranges of key groups and
indexes are enough.
"""

from dataclasses import dataclass, field
from typing import Any

from penstock.graph.jobgraph import JobGraph, VertexSpec
from penstock_api.keys import key_group_range
from penstock_api.manifest import CheckpointMetadata, OperatorState, SubtaskState


class RestoreRefused(Exception):
    """The snapshot does not fit the program; `reason` is a word of the contract."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(slots=True, frozen=True)
class RestorePlan:
    """The graph with the snapshot's maximum parallelisms, and each operator's old state."""

    graph: JobGraph
    operators: dict[str, OperatorState] = field(default_factory=dict)

    def for_subtask(self, vertex: VertexSpec, index: int) -> list[OperatorState]:
        """What subtask `index` needs: keyed objects that touch its range, and all non-keyed state of the old subtasks."""
        first, last = key_group_range(vertex.max_parallelism, vertex.parallelism, index)
        needed: list[OperatorState] = []
        for spec in vertex.operators:
            state = self.operators.get(spec.operator_id)
            if state is not None:
                subtasks = [_share(subtask, first, last) for subtask in state.subtasks]
                needed.append(state.model_copy(update={"subtasks": subtasks, "enumerator": None}))
        return needed

    def splits(self, operator_id: str) -> list[dict[str, Any]]:
        """Every split of a source, with its position."""
        state = self.operators.get(operator_id)
        return [split for subtask in state.subtasks for split in subtask.splits] if state else []

    def enumerator(self, operator_id: str) -> dict[str, Any] | None:
        """The state of a source's enumerator."""
        state = self.operators.get(operator_id)
        return state.enumerator if state else None


def plan_restore(
    graph: JobGraph, metadata: CheckpointMetadata | None, allow_non_restored: bool, now: int
) -> RestorePlan:
    """Lay the snapshot over the graph; RestoreRefused says why it does not fit."""
    if metadata is None:
        return RestorePlan(graph)
    _check_age(metadata, now)
    states = {state.operator_id: state for state in metadata.operators}
    vertices = [_with_old_maximum(vertex, states) for vertex in graph.vertices]
    claimed = {spec.operator_id for vertex in vertices for spec in vertex.operators}
    lost = [state for key, state in states.items() if key not in claimed and _holds_state(state)]
    if lost and not allow_non_restored:
        names = ", ".join(f"{state.name!r} (uid {state.uid!r})" for state in lost)
        raise RestoreRefused(
            "StateNotClaimed",
            f"the snapshot {metadata.checkpoint_id} of job {metadata.job_id} holds state of {names}, which the program "
            "does not have: keep the uid, or allow non-restored state",
        )
    return RestorePlan(graph.model_copy(update={"vertices": vertices}), states)


def _with_old_maximum(vertex: VertexSpec, states: dict[str, OperatorState]) -> VertexSpec:
    old = {
        states[spec.operator_id].max_parallelism
        for spec in vertex.operators
        if spec.operator_id in states and any(s.keyed or s.native for s in states[spec.operator_id].subtasks)
    }
    if not old or old == {vertex.max_parallelism}:
        return vertex
    maximum = min(old)
    if len(old) > 1 or vertex.parallelism > maximum:
        raise RestoreRefused(
            "StateIncompatible",
            f"{vertex.name}: the state has a maximum parallelism of {sorted(old)}, the program wants {vertex.parallelism}",
        )
    return vertex.model_copy(update={"max_parallelism": maximum})


def _check_age(metadata: CheckpointMetadata, now: int) -> None:
    prepared = any(subtask.committables for state in metadata.operators for subtask in state.subtasks)
    limit = metadata.transaction_timeout_ms
    if prepared and limit is not None and now - metadata.trigger_timestamp > limit:
        raise RestoreRefused(
            "CheckpointTooOld",
            f"checkpoint {metadata.checkpoint_id} is {(now - metadata.trigger_timestamp) // 1000} s old and holds "
            f"transactions that the broker kept for {limit // 1000} s",
        )


def _share(subtask: SubtaskState, first: int, last: int) -> SubtaskState:
    keyed = [keyed for keyed in subtask.keyed if keyed.first <= last and keyed.last >= first]
    native = [native for native in subtask.native if native.first <= last and native.last >= first]
    return subtask.model_copy(update={"keyed": keyed, "native": native, "splits": []})


def _holds_state(state: OperatorState) -> bool:
    return state.enumerator is not None or any(
        s.objects() or s.splits or s.writer or s.committables for s in state.subtasks
    )
