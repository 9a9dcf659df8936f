"""What keyed state promises to operators. Implemented by `state.hashmap`; snapshotted by `checkpoint`.

A table is (name → key → namespace → value), split by key group. All calls come from the slot's one task thread.
Values are Python objects kept by reference: an operator that changes one in place must `put` it back (or have taken it
from `for_update`), so that a snapshot under way copies the group first.
"""

from collections.abc import Iterator
from typing import Any, Protocol


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

    def group_of(self, key: Any) -> dict[Any, Any]:
        """The writable dict (key → value) of `key`'s group for namespace None: the fast path of fused aggregations.

        Valid until the next snapshot or the return to the mailbox, whichever comes first.
        """

    def entries(self) -> Iterator[tuple[Any, Any, Any]]:
        """All (key, namespace, value) of this subtask."""


class KeyedStateBackend(Protocol):
    """Keyed state of one operator in one subtask."""

    @property
    def current_key(self) -> Any:
        """The key that tables and keyed timers use now."""

    def set_current_key(self, key: Any) -> None:
        """Set it. Raises KeyTypeError (penstock_api.keys) for a type that cannot be a key."""

    def table(self, name: str) -> StateTable:
        """The table of that name, made on first use; restored content is already in it."""
