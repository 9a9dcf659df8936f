"""Key → its group's dict in one table of the hashmap backend, remembered: for loops that run while no snapshot is under way.

Used by `operators.reduce`; a snapshot under way must hear of every change, so then `StateTable.group_of` is the way.
"""

from typing import Any

from penstock.state.contract import KeyedStateBackend, StateTable
from penstock.state.hashmap import HashMapBackend, HashMapTable

_REMEMBERED_KEYS = 65_536


class QuickGroups(dict[Any, dict[Any, Any]]):
    """Key → the dict of its group, for namespace None; found on first sight: the lookup of a known key runs in C."""

    def __init__(self, backend: HashMapBackend, table: HashMapTable) -> None:
        super().__init__()
        self._backend = backend
        self._plain = table.plain

    @property
    def can_run(self) -> bool:
        """No snapshot needs to know of changes."""
        return self._backend.frozen is None

    def __missing__(self, key: Any) -> dict[Any, Any]:
        """Ask the backend; the memory of old keys is bounded."""
        values = self._plain[self._backend.touch(key)]
        if len(self) >= _REMEMBERED_KEYS:
            self.clear()
        self[key] = values
        return values


def quick_groups(backend: KeyedStateBackend, table: StateTable) -> QuickGroups | None:
    """For the hashmap backend; None for others."""
    if isinstance(backend, HashMapBackend) and isinstance(table, HashMapTable):
        return QuickGroups(backend, table)
    return None
