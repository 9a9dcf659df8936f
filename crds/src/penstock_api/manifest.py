"""The `_metadata` file of a checkpoint or savepoint: JSON, written last, so a snapshot exists only when it is whole.

Written by the JobManager; read by the JobManager (restore), by the operator (which state is newest, is it whole) and by
tools. Object paths are relative to the folder of `_metadata` (so a savepoint can be moved) unless they hold a scheme.
Nobody needs to unpickle anything to read it.
"""

from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

FORMAT_VERSION = 1
METADATA_FILE = "_metadata"
COMMITTED_FILE = "_committed"
"""Beside the metadata once what the snapshot's sinks had prepared is committed."""


class SnapshotKind(StrEnum):
    """Who owns the snapshot: the job (checkpoint, pruned) or its user (savepoint, kept)."""

    CHECKPOINT = "CHECKPOINT"
    SAVEPOINT = "SAVEPOINT"


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class StateObject(_Model):
    """One stored object: `path` relative to the snapshot's folder (or an absolute URI), `size` in bytes."""

    path: str
    size: int = Field(ge=0)
    is_reused: bool = False
    """An earlier checkpoint stored it."""


class KeyedObject(_Model):
    """An object that holds keyed state and timers of the key groups `first` to `last`, both inclusive.

    `offsets[i]` is the byte offset of key group `first + i` within the object; its end is the next offset or the size.
    """

    object: StateObject
    first: int = Field(ge=0)
    last: int = Field(ge=0)
    offsets: list[int]


class NativeFile(_Model):
    """One file of a database, by the name that it had there. Checkpoints may share the object."""

    name: str
    object: StateObject


class NativeKeyed(_Model):
    """A database (of the rocksdb backend) that holds keyed state and timers of the key groups `first` to `last`.

    It may hold remains of other groups too: they do not count.
    """

    first: int = Field(ge=0)
    last: int = Field(ge=0)
    files: list[NativeFile]


class KeyedStateInfo(_Model):
    """One named keyed state: what its descriptor said. `kind` and `type` are empty where the operator did not say."""

    name: str
    kind: str = ""
    type: str = ""


class SubtaskState(_Model):
    """What one subtask of one operator stored."""

    index: int = Field(ge=0)
    keyed: list[KeyedObject] = []
    native: list[NativeKeyed] = []
    states: list[KeyedStateInfo] = []
    """The names of its keyed states."""
    operator: list[StateObject] = []
    """Operator (non-keyed) state: pickled by reference to the program's module."""
    splits: list[dict[str, Any]] = []
    """Source splits with their positions, as JSON of the connector; each has an `id`."""
    writer: list[dict[str, Any]] = []
    """A sink writer's own state, as JSON of the connector."""
    committables: list[dict[str, Any]] = []
    """Pre-committed transactions (Decision 14), as JSON of the connector; committed when the snapshot completes."""
    channels: list[StateObject] = []
    """Records in flight that the barrier overtook; on the first operator of a task."""

    def objects(self) -> list[StateObject]:
        """Every object that this subtask's state needs."""
        files = [file.object for native in self.native for file in native.files]
        return [*(keyed.object for keyed in self.keyed), *files, *self.operator, *self.channels]


class OperatorState(_Model):
    """The state of one operator over all of its subtasks. `operator_id` is 32 hex digits, derived from `uid`."""

    uid: str
    operator_id: str
    name: str
    parallelism: int = Field(ge=1)
    max_parallelism: int = Field(ge=1, le=32768)
    subtasks: list[SubtaskState] = []
    enumerator: dict[str, Any] | None = None
    """State of the source's enumerator, if this operator is a source."""


class CheckpointMetadata(_Model):
    """The whole snapshot. Times are milliseconds since the epoch."""

    format_version: int = FORMAT_VERSION
    kind: SnapshotKind
    job_id: str
    job_name: str
    checkpoint_id: int = Field(ge=1)
    attempt: int = Field(ge=1)
    """The attempt at running the job that wrote this (Decision 12)."""
    trigger_timestamp: int
    completed_timestamp: int
    python_version: str
    penstock_version: str
    operators: list[OperatorState]
    transaction_timeout_ms: int | None = None
    """The shortest broker timeout among pre-committed transactions: after it they are lost (Decision 14)."""

    def objects(self) -> list[StateObject]:
        """Every object that must exist for the snapshot to be whole."""
        found: list[StateObject] = []
        for operator in self.operators:
            for subtask in operator.subtasks:
                found.extend(subtask.objects())
        return found

    def state_size(self) -> int:
        """Bytes over all objects."""
        return sum(stored.size for stored in self.objects())
