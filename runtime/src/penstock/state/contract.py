"""What keyed state promises to operators. Implemented by `state.hashmap` and `state.rocksdb`; snapshotted by `checkpoint`.

A table is (name → key → namespace → value), split by key group. All calls come from the slot's one task thread.
Values are Python objects kept by reference: an operator that changes one in place must `put` it back (or have taken it
from `for_update`), so that a snapshot under way copies the group first.
"""

from collections.abc import Callable, Iterable, Iterator, MutableMapping
from enum import Enum, auto
from typing import Any, Protocol

from penstock.state.errors import NoCurrentKey
from penstock_api.manifest import KeyedStateInfo


class Missing:
    """The type of MISSING."""

    def __repr__(self) -> str:
        return "MISSING"


MISSING = Missing()
"""What a table returns for a key that it does not hold; None is a value like any other."""


class StateTable(Protocol):
    """Values of one state of one operator, for the backend's current key."""

    def get(self, namespace: Any = None) -> Any:
        """The value for the current key, or MISSING. Do not change it in place: see `for_update`."""

    def for_update(self, namespace: Any = None) -> Any:
        """As `get`, for a value that will be changed in place before the next call to any table."""

    def put(self, value: Any, namespace: Any = None) -> None:
        """Set the value for the current key."""

    def remove(self, namespace: Any = None) -> None:
        """Forget the value for the current key; no error if there is none."""

    def group_of(self, key: Any) -> MutableMapping[Any, Any]:
        """A mapping (key → value) for namespace None, to be read and written at `key` only: the fast path of aggregations.

        Valid until the next call to any table, the next snapshot or the return to the mailbox, whichever comes first.
        """

    def entries(self) -> Iterator[tuple[Any, Any, Any]]:
        """All (key, namespace, value) of this subtask."""

    def drop_expired(self, is_live: Callable[[Any], bool]) -> None:
        """From now on leave values out of canonical snapshots, and let `sweep` remove them, unless `is_live(value)`."""

    def sweep(self, limit: int) -> int:
        """Look at up to `limit` values, going on where the last call ended; remove those that have expired.

        Returns how many were removed. The current key stays.
        """


class KeyedStateBackend(Protocol):
    """Keyed state of one operator in one subtask."""

    @property
    def current_key(self) -> Any:
        """The key that tables and keyed timers use now."""

    def set_current_key(self, key: Any) -> None:
        """Set it. Raises KeyTypeError (penstock_api.keys) for a type that cannot be a key."""

    def table(self, name: str) -> StateTable:
        """The table of that name, made on first use; restored content is already in it."""

    def declare(self, name: str, kind: str = "", type_name: str = "") -> None:
        """What the program's descriptor says of a state; StateIncompatible if the restored one is another.

        `kind` as "value", "list", "map", "reducing", "aggregating"; `type_name` of simple element types only, as "LONG".
        Empty: unknown, fits anything.
        """


class SnapshotForm(Enum):
    """What a snapshot is made of."""

    CHECKPOINT = auto()
    """Whatever is quickest for the backend; may share files with earlier checkpoints."""
    CANONICAL = auto()
    """Key groups that any backend reads."""
    NATIVE = auto()
    """The backend's own form, complete in itself."""


class TimerSet(Protocol):
    """Timers of one kind, unique by (time, key, namespace). The backend's current key is their key."""

    def add(self, group: int, timestamp: int, key: Any, namespace: Any) -> None:
        """Add a timer unless it is there."""

    def discard(self, group: int, timestamp: int, key: Any, namespace: Any) -> None:
        """Remove a timer if it is there."""

    def next_time(self) -> int | None:
        """Time of the first timer, None if there is none."""

    def peek(self) -> tuple[int, tuple[int, Any, Any]] | None:
        """(group, (time, key, namespace)) of the first timer; it stays."""

    def pop(self) -> None:
        """Remove the timer that `peek` showed."""


class FrozenKeyed(Protocol):
    """Keyed state as of a barrier."""

    def step(self, budget_seconds: float) -> bool:
        """In the task thread: work for about that long; True when the rest can be done by an upload thread."""

    def abandon(self) -> None:
        """Nobody wants it any more."""


class SlotBackend(KeyedStateBackend, Protocol):
    """A backend as the task sees it: groups, timers, snapshots. `group` and `current_key` are valid while `has_key`."""

    @property
    def first(self) -> int:
        """First key group."""

    @property
    def last(self) -> int:
        """Last key group, included."""

    @property
    def group(self) -> int:
        """Key group of the current key, minus `first`."""

    @property
    def has_key(self) -> bool:
        """A current key is set."""

    @property
    def event_timers(self) -> TimerSet:
        """Timers in event time."""

    @property
    def processing_timers(self) -> TimerSet:
        """Timers in processing time."""

    def no_key(self, what: str) -> NoCurrentKey:
        """The error for state used without a key."""

    def freeze(self, form: SnapshotForm, checkpoint_id: int) -> FrozenKeyed:
        """Begin a snapshot of everything as of now. One that is still being stepped is finished first."""

    def declared(self) -> list[KeyedStateInfo]:
        """What a snapshot says of its states."""

    def restore_declared(self, infos: Iterable[KeyedStateInfo]) -> None:
        """What the restored snapshot says of its states; before anything is declared."""

    def load_group(self, group: int, chunk: bytes) -> None:
        """Put canonical content of a group back; `group` counts from zero, not from `first`."""

    def on_complete(self, checkpoint_id: int) -> None:
        """That checkpoint is complete."""

    def on_aborted(self, checkpoint_id: int) -> None:
        """That checkpoint will never be complete."""

    def close(self) -> None:
        """Give back what it holds; nothing is called after it."""
