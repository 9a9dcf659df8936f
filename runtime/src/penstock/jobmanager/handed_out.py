"""Splits that no completed checkpoint holds yet: what a source task that starts again alone must get back. Pure.

Owned by a job. A split that was handed out before the enumerators' snapshot of a checkpoint is in the state of its task in
that checkpoint, for commands to a slot keep their order.
"""

from dataclasses import dataclass, field
from typing import Any

from penstock.checkpoint.records import TaskKey


@dataclass(slots=True, frozen=True)
class _Given:
    task: TaskKey
    splits: tuple[dict[str, Any], ...]
    after: int
    """The newest checkpoint whose enumerators had been snapshotted."""


@dataclass(slots=True)
class HandedOut:
    """Since the newest completed checkpoint."""

    _snapshotted: int = 0
    _given: list[_Given] = field(default_factory=list)

    def clear(self) -> None:
        """All tasks start again."""
        self._given.clear()

    def give(self, task: TaskKey, splits: list[dict[str, Any]]) -> None:
        """A task gets splits."""
        if splits:
            self._given.append(_Given(task, tuple(splits), self._snapshotted))

    def snapshotted(self, checkpoint_id: int) -> None:
        """The enumerators' snapshot of a checkpoint is taken."""
        self._snapshotted = max(self._snapshotted, checkpoint_id)

    def completed(self, checkpoint_id: int) -> None:
        """What was handed out before that checkpoint is in it."""
        self._given = [given for given in self._given if given.after >= checkpoint_id]

    def take_back(self, tasks: set[TaskKey]) -> dict[str, list[dict[str, Any]]]:
        """Splits of these tasks by vertex; they are nobody's now."""
        found: dict[str, list[dict[str, Any]]] = {}
        for given in self._given:
            if given.task in tasks:
                found.setdefault(given.task[0], []).extend(given.splits)
        self._given = [given for given in self._given if given.task not in tasks]
        return found
