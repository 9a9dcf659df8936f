"""Alignment groups: sources report how far they are, and each learns how far the slowest of its group is.

Owned by `jobmanager.master`, in its event loop. It decides nothing: a source holds itself back. A new attempt of a job
starts from nothing; a source that is idle, at its end or closed holds nobody back.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from penstock.control.messages import Command, EventTimeReported, GroupTime

_Place = tuple[str, int]
"""Vertex and index of a subtask."""


@dataclass(slots=True)
class _Attempt:
    number: int
    groups: dict[str, dict[_Place, int | None]] = field(default_factory=dict)


class Alignments:
    """The reports of all jobs."""

    def __init__(self, to_slot: Callable[[str, Command], None]) -> None:
        self._to_slot = to_slot
        self._jobs: dict[str, _Attempt] = {}

    def reported(self, slot_id: str, event: EventTimeReported, base_attempt: int | None = None) -> None:
        """Remember it, and answer with the lowest of the group.

        `base_attempt` is the one that the whole job was deployed in last: regions that started again alone belong to it.
        """
        subtask = event.subtask
        number = subtask.attempt if base_attempt is None else min(base_attempt, subtask.attempt)
        attempt = self._jobs.get(subtask.job_id)
        if attempt is not None and attempt.number > number:
            return
        if attempt is None or attempt.number < number:
            attempt = self._jobs[subtask.job_id] = _Attempt(number)
        group = attempt.groups.setdefault(event.group, {})
        group[subtask.vertex_id, subtask.index] = event.watermark
        lowest = min((mark for mark in group.values() if mark is not None), default=None)
        self._to_slot(slot_id, GroupTime(subtask=subtask, group=event.group, lowest=lowest))

    def forget(self, job_id: str) -> None:
        """The job is over."""
        self._jobs.pop(job_id, None)
