"""Snapshots that are wanted or under way, and what a whole one says in its metadata. Pure values and one function.

Used by `checkpoint.coordinator` and by the job's machine.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from penstock.checkpoint.records import CheckpointRecord, TaskKey
from penstock.control.messages import CheckpointAcknowledged
from penstock.graph.jobgraph import JobGraph
from penstock_api.manifest import OperatorState, SubtaskState


@dataclass(slots=True, frozen=True)
class SnapshotRequest:
    """A snapshot that somebody wants. `request_id` None: a periodic or final one, or one to rescale from."""

    request_id: str | None
    is_savepoint: bool
    directory: str | None = None
    stop: bool = False
    drain: bool = False
    is_rescale: bool = False
    """With `stop`: the job goes on from it at another parallelism, so requests that come meanwhile wait."""
    is_native: bool = False
    """A savepoint in the state backend's own form instead of the canonical one."""


@dataclass(slots=True)
class RequestState:
    """What came of a request: a location or a failure, neither while it runs."""

    request: SnapshotRequest
    checkpoint_id: int | None = None
    location: str | None = None
    failure: str | None = None
    is_done: bool = False


@dataclass(slots=True)
class PendingCheckpoint:
    """A snapshot under way."""

    request: SnapshotRequest
    record: CheckpointRecord
    waiting: set[TaskKey]
    unaligned: bool = False
    alignment_timeout_ms: int = 0
    enumerators: dict[str, dict[str, Any]] | None = None
    states: dict[str, dict[int, SubtaskState]] = field(default_factory=dict)
    transaction_timeout_ms: int | None = None
    is_writing: bool = False

    @property
    def is_whole(self) -> bool:
        """Everybody has answered and nothing was written yet."""
        return not self.waiting and self.enumerators is not None and not self.is_writing

    def take(self, event: CheckpointAcknowledged) -> int:
        """Keep a task's states; returns their size."""
        size = 0
        for operator_id, state in event.states.items():
            self.states.setdefault(operator_id, {})[event.subtask.index] = state
            objects = state.objects()
            size += sum(stored.size for stored in objects)
            self.record.new_size += sum(stored.size for stored in objects if not stored.is_reused)
        timeouts = [t for t in (self.transaction_timeout_ms, event.transaction_timeout_ms) if t is not None]
        self.transaction_timeout_ms = min(timeouts, default=None)
        return size


def operator_states(
    graph: JobGraph,
    states: Mapping[str, Mapping[int, SubtaskState]],
    enumerators: Mapping[str, dict[str, Any]],
) -> list[OperatorState]:
    """Every operator that has any state, in the graph's order."""
    found: list[OperatorState] = []
    for vertex in graph.vertices:
        for spec in vertex.operators:
            subtasks = states.get(spec.operator_id, {})
            enumerator = enumerators.get(spec.operator_id)
            kept = [subtasks[index] for index in sorted(subtasks) if _has_content(subtasks[index])]
            if kept or enumerator is not None:
                found.append(
                    OperatorState(
                        uid=spec.uid,
                        operator_id=spec.operator_id,
                        name=spec.name,
                        parallelism=vertex.parallelism,
                        max_parallelism=vertex.max_parallelism,
                        subtasks=kept,
                        enumerator=enumerator,
                    )
                )
    return found


def _has_content(state: SubtaskState) -> bool:
    """Some field beside the index is set: fields that are added later count too."""
    return any(value for name, value in state if name != "index")
