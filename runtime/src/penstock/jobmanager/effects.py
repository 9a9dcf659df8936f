"""What the job's machine asks its shell to do. Returned by the machine, carried out in order by `jobmanager.master`.

Pure values. An effect whose outcome matters comes back as an event of `jobmanager.events`.
"""

from dataclasses import dataclass
from typing import Any

from penstock.checkpoint.store import Snapshot
from penstock.control.messages import Command
from penstock.graph.jobgraph import SourceSpec
from penstock_api.manifest import CheckpointMetadata


@dataclass(slots=True, frozen=True)
class Send:
    """Send a command to a slot."""

    slot_id: str
    command: Command


@dataclass(slots=True, frozen=True)
class Prepare:
    """Claim the next attempt and find what it restores; answered by Prepared or PreparationFailed.

    `known` is a snapshot that the job has just completed: nothing needs to be looked for.
    """

    known: Snapshot | None = None


@dataclass(slots=True, frozen=True)
class TakeSlots:
    """These slots are the job's now."""

    slot_ids: tuple[str, ...]


@dataclass(slots=True, frozen=True)
class ReleaseSlots:
    """End the processes of these slots; fresh ones take their place."""

    slot_ids: tuple[str, ...]


@dataclass(slots=True, frozen=True)
class EnumeratorStart:
    """A source of the attempt, as its enumerator is to be made."""

    vertex_id: str
    operator_id: str
    source: SourceSpec
    parallelism: int
    state: dict[str, Any] | None
    splits: tuple[dict[str, Any], ...]


@dataclass(slots=True, frozen=True)
class StartEnumerators:
    """Make the enumerators of an attempt; their assignments come back as SplitsAssigned."""

    attempt: int
    sources: tuple[EnumeratorStart, ...]


@dataclass(slots=True, frozen=True)
class StopEnumerators:
    """Close the enumerators of the attempt."""


@dataclass(slots=True, frozen=True)
class AskForSplits:
    """A source subtask wants work."""

    vertex_id: str
    index: int


@dataclass(slots=True, frozen=True)
class ReturnSplits:
    """These subtasks start again: what they had goes back to the source's enumerator."""

    vertex_id: str
    indexes: tuple[int, ...]
    splits: tuple[dict[str, Any], ...]


@dataclass(slots=True, frozen=True)
class SnapshotEnumerators:
    """Snapshot all enumerators, after every assignment made so far; answered by EnumeratorsSnapshotted."""

    attempt: int
    checkpoint_id: int


@dataclass(slots=True, frozen=True)
class WriteMetadata:
    """Complete a snapshot; answered by MetadataWritten or MetadataFailed."""

    location: str
    metadata: CheckpointMetadata


@dataclass(slots=True, frozen=True)
class MarkCommitted:
    """Note that what a snapshot had prepared is committed."""

    location: str
    checkpoint_id: int


@dataclass(slots=True, frozen=True)
class Discard:
    """Delete what is left of a snapshot."""

    location: str


@dataclass(slots=True, frozen=True)
class Prune:
    """Delete completed checkpoints but the newest `keep`."""

    keep: int


@dataclass(slots=True, frozen=True)
class StoreResult:
    """Record that the job ended for good."""

    status: str


Effect = (
    Send | Prepare | TakeSlots | ReleaseSlots | StartEnumerators | StopEnumerators | AskForSplits | ReturnSplits
    | SnapshotEnumerators | WriteMetadata | MarkCommitted | Discard | Prune | StoreResult
)  # fmt: skip
