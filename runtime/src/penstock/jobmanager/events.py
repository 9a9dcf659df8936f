"""What happens to a job: events of slots (`control.messages.Event`) and those of the shell, here.

Pure values, made by `jobmanager.master`, taken by `jobmanager.machine`.
"""

from dataclasses import dataclass
from typing import Any

from penstock.checkpoint.store import Snapshot
from penstock.control.messages import Event, Failure, SlotAddress
from penstock.jobmanager.requirements import Requirements


@dataclass(slots=True, frozen=True)
class Prepared:
    """An attempt is claimed; `next_checkpoint_id` is above every id that was ever used."""

    attempt: int
    restored: Snapshot | None
    next_checkpoint_id: int


@dataclass(slots=True, frozen=True)
class PreparationFailed:
    """No attempt can start; `is_final` when trying again cannot help."""

    failure: Failure
    is_final: bool
    has_lost_term: bool = False
    """Another JobManager leads, or may: the job goes on there, whatever happens here."""


@dataclass(slots=True, frozen=True)
class SlotsFree:
    """The slots that nobody uses now, in a stable order."""

    slots: tuple[SlotAddress, ...]


@dataclass(slots=True, frozen=True)
class SlotsGone:
    """These slots are lost, and why."""

    slot_ids: tuple[str, ...]
    message: str


@dataclass(slots=True, frozen=True)
class SlotsCannotStart:
    """A TaskManager's slots end before they are ready, time and again; the message says which and how."""

    message: str


@dataclass(slots=True, frozen=True)
class FromSlot:
    """A slot reports."""

    slot_id: str
    event: Event


@dataclass(slots=True, frozen=True)
class SplitsAssigned:
    """An enumerator hands out splits; `no_more` when it has handed out everything."""

    attempt: int
    vertex_id: str
    assignments: dict[int, list[dict[str, Any]]]
    no_more: bool


@dataclass(slots=True, frozen=True)
class EnumeratorFailed:
    """An enumerator raised."""

    attempt: int
    failure: Failure


@dataclass(slots=True, frozen=True)
class EnumeratorsSnapshotted:
    """State of all enumerators by operator id."""

    attempt: int
    checkpoint_id: int
    states: dict[str, dict[str, Any]]


@dataclass(slots=True, frozen=True)
class MetadataWritten:
    """The snapshot is complete."""

    checkpoint_id: int


@dataclass(slots=True, frozen=True)
class MetadataFailed:
    """The snapshot could not be completed."""

    checkpoint_id: int
    message: str
    is_superseded: bool
    has_lost_term: bool = False
    """As of PreparationFailed."""


@dataclass(slots=True, frozen=True)
class SnapshotWanted:
    """A person or the operator asks for a checkpoint, a savepoint or a stop. `request_id` is 32 hex digits."""

    request_id: str
    is_savepoint: bool
    directory: str | None = None
    stop: bool = False
    drain: bool = False
    is_native: bool = False


@dataclass(slots=True, frozen=True)
class CancelWanted:
    """End the job without state."""


@dataclass(slots=True, frozen=True)
class RequirementsChanged:
    """How parallel each vertex may be from now on; checked by who made it."""

    wanted: Requirements


@dataclass(slots=True, frozen=True)
class Tick:
    """Time has passed: the machine's deadline may have come."""


JobEvent = (
    Prepared | PreparationFailed | SlotsFree | SlotsGone | SlotsCannotStart | FromSlot | SplitsAssigned | EnumeratorFailed
    | EnumeratorsSnapshotted | MetadataWritten | MetadataFailed | SnapshotWanted | CancelWanted | RequirementsChanged
    | Tick
)  # fmt: skip
