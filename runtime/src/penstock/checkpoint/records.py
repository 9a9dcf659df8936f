"""What is remembered of each checkpoint for people: when, how large, how long, by task. Pure data.

Filled by `checkpoint.coordinator`, shown by REST.
"""

from dataclasses import dataclass, field
from enum import StrEnum

TaskKey = tuple[str, int]
"""Vertex id and subtask index."""


class CheckpointStatus(StrEnum):
    """Flink's words."""

    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"


@dataclass(slots=True, frozen=True)
class SubtaskRecord:
    """One acknowledgement."""

    timestamp: int
    size: int
    alignment_ms: int = 0
    sync_ms: int = 0
    async_ms: int = 0
    start_delay_ms: int = 0


@dataclass(slots=True)
class CheckpointRecord:
    """One checkpoint or savepoint, from its trigger on."""

    id: int
    is_savepoint: bool
    stop: bool
    location: str
    triggered: int
    tasks: tuple[TaskKey, ...]
    status: CheckpointStatus = CheckpointStatus.IN_PROGRESS
    subtasks: dict[TaskKey, SubtaskRecord] = field(default_factory=dict)
    size: int = 0
    ended: int = -1
    failure: str | None = None
    new_size: int = 0
    """Bytes that it stored itself; `size` counts shared files of earlier checkpoints too."""
    is_native: bool = False
    """A savepoint in the backend's own form."""

    @property
    def last_acknowledged(self) -> int:
        """Time of the last acknowledgement, -1 before the first."""
        return max((record.timestamp for record in self.subtasks.values()), default=-1)

    @property
    def duration(self) -> int:
        """From trigger to end, in ms; 0 while it runs."""
        return max(0, self.ended - self.triggered) if self.ended >= 0 else 0


@dataclass(slots=True)
class CheckpointHistory:
    """The last checkpoints and counts over the job's life in this process."""

    limit: int = 10
    records: list[CheckpointRecord] = field(default_factory=list)
    completed: int = 0
    failed: int = 0
    restored: int = 0
    latest_completed: CheckpointRecord | None = None
    latest_savepoint: CheckpointRecord | None = None
    latest_failed: CheckpointRecord | None = None

    def begin(self, record: CheckpointRecord) -> None:
        """A checkpoint was triggered."""
        self.records.insert(0, record)
        del self.records[self.limit :]

    def end(self, record: CheckpointRecord, now: int, failure: str | None = None) -> None:
        """It ended, well or not."""
        record.ended = now
        record.failure = failure
        if failure is not None:
            record.status = CheckpointStatus.FAILED
            self.failed += 1
            self.latest_failed = record
            return
        record.status = CheckpointStatus.COMPLETED
        self.completed += 1
        if record.is_savepoint:
            self.latest_savepoint = record
        else:
            self.latest_completed = record

    @property
    def in_progress(self) -> int:
        """How many run now."""
        return sum(record.status is CheckpointStatus.IN_PROGRESS for record in self.records)
