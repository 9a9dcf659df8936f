"""Keys and their groups as a backend needs them: the group of a key, remembered; the errors of a wrong or missing key."""

import sys
from typing import Any

from penstock.state.errors import KeyNotOurs, NoCurrentKey
from penstock_api.keys import key_group

NO_GROUP = sys.maxsize
"""The group where no key is set."""
_REMEMBERED_KEYS = 65_536


class GroupIndex(dict[Any, int]):
    """Key → its group in this subtask, computed on first sight: the lookup of a known key runs in C."""

    def __init__(self, max_parallelism: int, first: int, last: int, operator_name: str) -> None:
        super().__init__()
        self._max_parallelism = max_parallelism
        self._first = first
        self._last = last
        self._operator_name = operator_name

    def __missing__(self, key: Any) -> int:
        group = self.compute(key)
        if len(self) >= _REMEMBERED_KEYS:
            self.clear()
        self[key] = group
        return group

    def compute(self, key: Any) -> int:
        """The group, minus the first; KeyNotOurs if this subtask does not hold it."""
        group = key_group(key, self._max_parallelism)
        if not self._first <= group <= self._last:
            raise KeyNotOurs(
                f"operator {self._operator_name!r} got the key {key!r} of key group {group}, but holds the groups "
                f"{self._first} to {self._last}: a key selector must give the same key for a record every time"
            )
        return group - self._first


def no_key(what: str, operator_name: str) -> NoCurrentKey:
    """The error for state used without a key."""
    return NoCurrentKey(
        f"{what!r} of operator {operator_name!r} was used where no key is set. This state is only accessible "
        "by functions executed on a KeyedStream, while they handle a record or a timer"
    )
