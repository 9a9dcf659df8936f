"""Keyed state as Python dicts, by key group. Made by the task for each keyed operator; all calls in the task thread.

A snapshot freezes by key group: `freeze` only marks all groups, and a group is serialised when its turn comes or just
before it is first touched (setting the current key touches its group), whichever is sooner. So the pause at a barrier
does not grow with the state, and what is stored is the state as of the barrier.
"""

import sys
from collections.abc import Iterator
from time import perf_counter
from typing import Any

from penstock.state.codec import dump_state, load_state
from penstock.state.contract import MISSING
from penstock.state.errors import KeyNotOurs, NoCurrentKey, StateNotSerializable
from penstock.state.timers import TimerQueue
from penstock_api.keys import key_group

_NO_GROUP = sys.maxsize
_REMEMBERED_KEYS = 65_536
_Values = dict[Any, Any]


class _GroupIndex(dict[Any, int]):
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


class HashMapTable:
    """One state of one operator. `plain` holds namespace None, `spaced` all others, each by group."""

    __slots__ = ("_backend", "name", "plain", "spaced")

    def __init__(self, backend: "HashMapBackend", name: str, group_count: int) -> None:
        self._backend = backend
        self.name = name
        self.plain: list[_Values] = [{} for _ in range(group_count)]
        self.spaced: list[dict[Any, _Values]] = [{} for _ in range(group_count)]

    def get(self, namespace: Any = None) -> Any:
        """The value for the current key, or MISSING."""
        backend = self._backend
        try:
            if namespace is None:
                return self.plain[backend.group].get(backend.current_key, MISSING)
            values = self.spaced[backend.group].get(namespace)
        except IndexError:
            raise backend.no_key(self.name) from None
        return MISSING if values is None else values.get(backend.current_key, MISSING)

    # The group was frozen, if it had to be, when the key was set.
    for_update = get

    def put(self, value: Any, namespace: Any = None) -> None:
        """Set the value for the current key."""
        backend = self._backend
        try:
            if namespace is None:
                self.plain[backend.group][backend.current_key] = value
                return
            spaces = self.spaced[backend.group]
        except IndexError:
            raise backend.no_key(self.name) from None
        values = spaces.get(namespace)
        if values is None:
            values = spaces[namespace] = {}
        values[backend.current_key] = value

    def remove(self, namespace: Any = None) -> None:
        """Forget the value for the current key."""
        backend = self._backend
        try:
            if namespace is None:
                self.plain[backend.group].pop(backend.current_key, None)
                return
            spaces = self.spaced[backend.group]
        except IndexError:
            raise backend.no_key(self.name) from None
        values = spaces.get(namespace)
        if values is not None:
            values.pop(backend.current_key, None)
            if not values:
                del spaces[namespace]

    def group_of(self, key: Any) -> _Values:
        """The writable dict of `key`'s group for namespace None."""
        return self.plain[self._backend.touch(key)]

    def entries(self) -> Iterator[tuple[Any, Any, Any]]:
        """All (key, namespace, value) of this subtask."""
        self._backend.finish_freezing()
        for values in self.plain:
            for key, value in list(values.items()):
                yield key, None, value
        for spaces in self.spaced:
            for namespace, values in list(spaces.items()):
                for key, value in list(values.items()):
                    yield key, namespace, value


class FrozenState:
    """Keyed state as of a barrier: chunks of bytes by key group, complete once `pending` is empty."""

    __slots__ = ("_backend", "chunks", "failure", "first", "last", "pending")

    def __init__(self, backend: "HashMapBackend", pending: set[int]) -> None:
        self._backend = backend
        self.first = backend.first
        self.last = backend.last
        self.pending = pending
        self.chunks: dict[int, bytes] = {}
        """By key group minus `first`; groups without content are left out."""
        self.failure: StateNotSerializable | None = None
        """Set when some value cannot be stored: the snapshot is of no use, the job may go on."""

    def step(self, budget_seconds: float) -> bool:
        """Serialise groups for about that long (at least one); True when all are done."""
        deadline = perf_counter() + budget_seconds
        while self.pending:
            self.capture(self.pending.pop())
            if perf_counter() >= deadline:
                break
        return not self.pending

    def abandon(self) -> None:
        """Forget what nobody wants any more."""
        self.pending.clear()
        self.chunks.clear()

    def capture(self, group: int) -> None:
        """Serialise one group now."""
        self.pending.discard(group)
        try:
            data = self._backend.dump_group(group)
        except StateNotSerializable as error:
            self.failure = error
            self.pending.clear()
            return
        if data is not None:
            self.chunks[group] = data


class HashMapBackend:
    """Keyed state and keyed timers of one operator in one subtask: key groups `first` to `last`, both inclusive."""

    __slots__ = (
        "_frozen",
        "_index",
        "_pending",
        "_size",
        "_tables",
        "current_key",
        "event_timers",
        "first",
        "group",
        "last",
        "operator_name",
        "processing_timers",
    )

    def __init__(self, max_parallelism: int, first: int, last: int, operator_name: str = "") -> None:
        self.first = first
        self.last = last
        self.operator_name = operator_name
        self._size = last - first + 1
        self._index = _GroupIndex(max_parallelism, first, last, operator_name)
        self._tables: dict[str, HashMapTable] = {}
        self._frozen: FrozenState | None = None
        self._pending: set[int] = set()
        self.current_key: Any = None
        self.group = _NO_GROUP
        """Key group of the current key, minus `first`."""
        self.event_timers = TimerQueue(self._size)
        self.processing_timers = TimerQueue(self._size)

    def set_current_key(self, key: Any) -> None:
        """Make it the key that tables and timers use."""
        group = self.touch(key)
        self.current_key = key
        self.group = group

    def touch(self, key: Any) -> int:
        """The group of a key (minus `first`), frozen before its caller may change it."""
        try:
            group = self._index[key]
        except TypeError:
            # Python cannot hash it: the encoding names it, or accepts it all the same.
            group = self._index.compute(key)
        if group in self._pending:
            self._capture(group)
        return group

    @property
    def has_key(self) -> bool:
        """A current key is set."""
        return self.group != _NO_GROUP

    def table(self, name: str) -> HashMapTable:
        """The table of that name."""
        found = self._tables.get(name)
        if found is None:
            found = self._tables[name] = HashMapTable(self, name, self._size)
        return found

    def no_key(self, what: str) -> NoCurrentKey:
        """The error for state used without a key."""
        return NoCurrentKey(
            f"{what!r} of operator {self.operator_name!r} was used where no key is set. This state is only accessible "
            "by functions executed on a KeyedStream, while they handle a record or a timer"
        )

    def freeze(self) -> FrozenState:
        """Begin a snapshot of everything as of now. One that is still under way is finished first."""
        self.finish_freezing()
        frozen = FrozenState(self, set(range(self._size)) if self._tables or self._has_timers() else set())
        self._frozen = frozen
        self._pending = frozen.pending
        if self.group in frozen.pending:
            # An operator may go on with the key that it set before the barrier.
            frozen.capture(self.group)
        return frozen

    def finish_freezing(self) -> None:
        """Serialise at once what a snapshot under way still needs."""
        if self._frozen is not None:
            while self._pending:
                self._frozen.capture(self._pending.pop())
            self._frozen = None

    def dump_group(self, group: int) -> bytes | None:
        """The content of a group, None if it is empty."""
        tables = {
            name: (table.plain[group], table.spaced[group])
            for name, table in self._tables.items()
            if table.plain[group] or table.spaced[group]
        }
        event = self.event_timers.in_group(group)
        processing = self.processing_timers.in_group(group)
        if not (tables or event or processing):
            return None
        return dump_state((tables, list(event), list(processing)))

    def load_group(self, group: int, data: bytes) -> None:
        """Put the content of a group back; `group` counts from zero, not from `first`."""
        tables, event, processing = load_state(data, f"operator {self.operator_name!r}")
        index = group - self.first
        for name, (plain, spaced) in tables.items():
            table = self.table(name)
            table.plain[index].update(plain)
            table.spaced[index].update(spaced)
        for timestamp, key, namespace in event:
            self.event_timers.add(index, timestamp, key, namespace)
        for timestamp, key, namespace in processing:
            self.processing_timers.add(index, timestamp, key, namespace)

    def _has_timers(self) -> bool:
        return self.event_timers.peek() is not None or self.processing_timers.peek() is not None

    def _capture(self, group: int) -> None:
        assert self._frozen is not None  # noqa: S101 - groups are pending only while a snapshot is under way
        self._frozen.capture(group)
