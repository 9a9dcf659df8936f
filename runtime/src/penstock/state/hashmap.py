"""Keyed state as Python dicts, by key group. Made by the task for each keyed operator; all calls in the task thread.

A snapshot freezes by key group: `freeze` only marks all groups, a group's dicts are copied when its turn comes, and what
changes before is noted: see `state.freezing`.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

from penstock.state.contract import MISSING, SnapshotForm
from penstock.state.declared import DeclaredStates
from penstock.state.entries import decode_entry
from penstock.state.errors import NoCurrentKey
from penstock.state.frames import FrameKind, load_frame, split_frames
from penstock.state.freezing import ATOMS, FrozenState, GroupCopy
from penstock.state.keys import NO_GROUP, GroupIndex, no_key
from penstock.state.timers import TimerQueue
from penstock_api.manifest import KeyedStateInfo

_Values = dict[Any, Any]


class HashMapTable:
    """One state of one operator. `plain` holds namespace None, `spaced` all others, each by group."""

    __slots__ = ("_backend", "_sweeping", "is_live", "name", "plain", "spaced")

    def __init__(self, backend: "HashMapBackend", name: str, group_count: int) -> None:
        self._backend = backend
        self.name = name
        self.plain: list[_Values] = [{} for _ in range(group_count)]
        self.spaced: list[dict[Any, _Values]] = [{} for _ in range(group_count)]
        self.is_live: Callable[[Any], bool] | None = None
        self._sweeping: Iterator[tuple[int, Any, Any, Any]] = iter(())

    def get(self, namespace: Any = None) -> Any:
        """The value for the current key, or MISSING."""
        backend = self._backend
        try:
            if namespace is None:
                value = self.plain[backend.group].get(backend.current_key, MISSING)
            else:
                values = self.spaced[backend.group].get(namespace)
                value = MISSING if values is None else values.get(backend.current_key, MISSING)
        except IndexError:
            raise backend.no_key(self.name) from None
        if backend.frozen is not None and type(value) not in ATOMS and value is not MISSING:
            backend.frozen.guard(backend.group, self.name, namespace, backend.current_key, value)
        return value

    # The value is cloned for a snapshot under way, if it has to be, by `get`.
    for_update = get

    def put(self, value: Any, namespace: Any = None) -> None:
        """Set the value for the current key."""
        backend = self._backend
        if backend.frozen is not None:
            self._note(backend.frozen, backend.group, backend.current_key, namespace)
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
        if backend.group == NO_GROUP:
            raise backend.no_key(self.name)
        self._remove(backend.group, backend.current_key, namespace)

    def _note(self, frozen: FrozenState, group: int, key: Any, namespace: Any) -> None:
        """What is there is about to be replaced: a snapshot may want it."""
        if group in frozen.pending:
            values = self.plain[group] if namespace is None else self.spaced[group].get(namespace, {})
            frozen.note(group, self.name, namespace, key, values.get(key, MISSING))

    def _remove(self, group: int, key: Any, namespace: Any) -> None:
        if self._backend.frozen is not None:
            self._note(self._backend.frozen, group, key, namespace)
        if namespace is None:
            self.plain[group].pop(key, None)
            return
        values = self.spaced[group].get(namespace)
        if values is not None:
            values.pop(key, None)
            if not values:
                del self.spaced[group][namespace]

    def group_of(self, key: Any) -> _Values:
        """The dict of `key`'s group for namespace None, writable at that key."""
        backend = self._backend
        group = backend.touch(key)
        values = self.plain[group]
        frozen = backend.frozen
        if frozen is not None:
            value = values.get(key, MISSING)
            if type(value) not in ATOMS and value is not MISSING:
                frozen.guard(group, self.name, None, key, value)
            else:
                self._note(frozen, group, key, None)
        return values

    def entries(self) -> Iterator[tuple[Any, Any, Any]]:
        """All (key, namespace, value) of this subtask."""
        self._backend.finish_freezing()
        for _, key, namespace, value in self._walk():
            yield key, namespace, value

    def drop_expired(self, is_live: Callable[[Any], bool]) -> None:
        """Leave out of snapshots, and sweep, what is not live."""
        self.is_live = is_live

    def sweep(self, limit: int) -> int:
        """Remove what has expired among the next `limit` values."""
        is_live = self.is_live
        if is_live is None:
            return 0
        seen = removed = 0
        for group, key, namespace, value in islice(self._sweeping, limit):
            seen += 1
            if not is_live(value) and not self._is_live_now(is_live, group, key, namespace):
                self._remove(group, key, namespace)
                removed += 1
        if seen < limit:
            self._sweeping = self._walk()
        return removed

    def _is_live_now(self, is_live: Callable[[Any], bool], group: int, key: Any, namespace: Any) -> bool:
        """The walk saw the value as it was when its group's turn came; it may have been written since."""
        values = self.plain[group] if namespace is None else self.spaced[group].get(namespace, {})
        value = values.get(key, MISSING)
        return value is MISSING or is_live(value)

    def _walk(self) -> Iterator[tuple[int, Any, Any, Any]]:
        """(group, key, namespace, value) of all, as they are when their group's turn comes."""
        for group, plain in enumerate(self.plain):
            for key, value in list(plain.items()):
                yield group, key, None, value
        for group, spaces in enumerate(self.spaced):
            for namespace in list(spaces):
                for key, value in list(spaces.get(namespace, {}).items()):
                    yield group, key, namespace, value


class HashMapBackend:
    """Keyed state and keyed timers of one operator in one subtask: key groups `first` to `last`, both inclusive."""

    __slots__ = (
        "_declared",
        "_index",
        "_size",
        "_tables",
        "current_key",
        "event_timers",
        "first",
        "frozen",
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
        self._index = GroupIndex(max_parallelism, first, last, operator_name)
        self._tables: dict[str, HashMapTable] = {}
        self._declared = DeclaredStates(operator_name)
        self.frozen: FrozenState | None = None
        """The snapshot that live values may still be part of."""
        self.current_key: Any = None
        self.group = NO_GROUP
        """Key group of the current key, minus `first`."""
        self.event_timers = TimerQueue(self._size, FrameKind.EVENT)
        self.processing_timers = TimerQueue(self._size, FrameKind.PROCESSING)

    def set_current_key(self, key: Any) -> None:
        """Make it the key that tables and timers use."""
        group = self.touch(key)
        self.current_key = key
        self.group = group

    def touch(self, key: Any) -> int:
        """The group of a key, minus `first`."""
        try:
            return self._index[key]
        except TypeError:
            # Python cannot hash it: the encoding names it, or accepts it all the same.
            return self._index.compute(key)

    def groups_of(self, keys: list[Any]) -> list[int]:
        """The group of each key, minus `first`."""
        try:
            return list(map(self._index.__getitem__, keys))
        except TypeError:
            return list(map(self.touch, keys))

    @property
    def has_key(self) -> bool:
        """A current key is set."""
        return self.group != NO_GROUP

    def table(self, name: str) -> HashMapTable:
        """The table of that name."""
        found = self._tables.get(name)
        if found is None:
            found = self._tables[name] = HashMapTable(self, name, self._size)
        return found

    def declare(self, name: str, kind: str = "", type_name: str = "") -> None:
        """What the program's descriptor says of a state."""
        self._declared.declare(name, kind, type_name)

    def declared(self) -> list[KeyedStateInfo]:
        """What a snapshot says of its states."""
        return self._declared.infos(self._tables)

    def restore_declared(self, infos: Iterable[KeyedStateInfo]) -> None:
        """What the restored snapshot says of its states."""
        self._declared.restore(infos)

    def no_key(self, what: str) -> NoCurrentKey:
        """The error for state used without a key."""
        return no_key(what, self.operator_name)

    def freeze(self, form: SnapshotForm = SnapshotForm.CHECKPOINT, checkpoint_id: int = 0) -> FrozenState:
        """Begin a snapshot of everything as of now. One that is still under way is finished first."""
        self.finish_freezing()
        frozen = FrozenState(self, set(range(self._size)) if self._tables or self._has_timers() else set())
        if frozen.pending:
            self.frozen = self.event_timers.journal = self.processing_timers.journal = frozen
        return frozen

    def finish_freezing(self) -> None:
        """Serialise at once what a snapshot under way still needs."""
        if self.frozen is not None:
            self.frozen.finish()

    def thaw(self, frozen: FrozenState) -> None:
        """Live values are no part of that snapshot any more."""
        if self.frozen is frozen:
            self.frozen = self.event_timers.journal = self.processing_timers.journal = None

    def copy_group(self, group: int) -> GroupCopy:
        """The group now, dicts copied, values shared."""
        tables = self._tables.values()
        return GroupCopy(
            {table.name: table.plain[group].copy() for table in tables if table.plain[group]},
            {
                table.name: {namespace: values.copy() for namespace, values in table.spaced[group].items()}
                for table in tables
                if table.spaced[group]
            },
            self.event_timers.in_group(group),
            self.processing_timers.in_group(group),
        )

    def live_filters(self) -> dict[str, Any]:
        """By state name: what tells expired values from others."""
        return {name: table.is_live for name, table in self._tables.items() if table.is_live is not None}

    def load_group(self, group: int, chunk: bytes) -> None:
        """Put the content of a group back; `group` counts from zero, not from `first`."""
        where = f"operator {self.operator_name!r}"
        index = group - self.first
        for data in split_frames(chunk, where):
            kind, name, content = load_frame(data, where)
            if kind == FrameKind.EVENT or kind == FrameKind.PROCESSING:
                timers = self.event_timers if kind == FrameKind.EVENT else self.processing_timers
                for timestamp, key, namespace in content:
                    timers.add(index, timestamp, key, namespace)
            else:
                self._load_values(self.table(name), index, kind, content)

    def _load_values(self, table: HashMapTable, index: int, kind: str, content: Any) -> None:
        if kind == FrameKind.PLAIN:
            table.plain[index].update(content)
        elif kind == FrameKind.SPACED:
            for namespace, values in content:
                table.spaced[index].setdefault(namespace, {}).update(values)
        else:
            where = f"state {table.name!r} of operator {self.operator_name!r}"
            for stored_key, stored_value in content:
                key, namespace, value = decode_entry(stored_key, stored_value, where)
                values = (
                    table.plain[index] if namespace is None else table.spaced[index].setdefault(namespace, {})
                )
                values[key] = value

    def on_complete(self, checkpoint_id: int) -> None:
        """Nothing to do: snapshots share nothing."""

    def on_aborted(self, checkpoint_id: int) -> None:
        """Nothing to do: the task abandons what is frozen."""

    def close(self) -> None:
        """Nothing to give back but memory."""
        self._tables.clear()

    def _has_timers(self) -> bool:
        return self.event_timers.peek() is not None or self.processing_timers.peek() is not None
