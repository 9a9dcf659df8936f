"""Handles on keyed state for user functions, each over one table of the backend. Public at `penstock.datastream.state`.

A handle always means the backend's current key. A value taken out may be changed in place only through the handle.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Generic

from typing_extensions import TypeVar

from penstock.state.contract import MISSING, StateTable
from penstock.state.hashmap import HashMapBackend, HashMapTable
from penstock.state.keys import NO_GROUP

T = TypeVar("T", default=Any)
K = TypeVar("K", default=Any)
V = TypeVar("V", default=Any)


class StateCell:
    """The place of one state for the current key and one namespace."""

    __slots__ = ("_table", "namespace")

    def __init__(self, table: StateTable, namespace: Any = None) -> None:
        self._table = table
        self.namespace = namespace

    def read(self) -> Any:
        """The value, or MISSING."""
        return self._table.get(self.namespace)

    def change(self) -> Any:
        """The value to be changed in place, then written back; or MISSING."""
        return self._table.for_update(self.namespace)

    def write(self, value: Any) -> None:
        """Set the value."""
        self._table.put(value, self.namespace)

    def clear(self) -> None:
        """Forget the value."""
        self._table.remove(self.namespace)


class State:
    """A state of the current key."""

    __slots__ = ("_cell",)

    def __init__(self, cell: StateCell) -> None:
        self._cell = cell

    def clear(self) -> None:
        """Forget what the current key holds."""
        self._cell.clear()

    def point_to(self, namespace: Any) -> None:
        """Mean that namespace from now on; for windows, not for functions."""
        self._cell.namespace = namespace


class ValueState(State, Generic[T]):
    """One value."""

    __slots__ = ()

    def value(self) -> Any:
        """The value; None if there is none."""
        value = self._cell.read()
        return None if value is MISSING else value

    def update(self, value: Any) -> None:
        """Set the value; None clears it."""
        if value is None:
            self._cell.clear()
        else:
            self._cell.write(value)


class PlainValueState(ValueState):
    """One value that does not expire: without the detour over a cell."""

    __slots__ = ("_get", "_namespace", "_put")

    def __init__(self, cell: StateCell, table: StateTable) -> None:
        super().__init__(cell)
        self._get, self._put = table.get, table.put
        self._namespace = cell.namespace

    def value(self) -> Any:
        """The value; None if there is none."""
        value = self._get(self._namespace)
        return None if value is MISSING else value

    def update(self, value: Any) -> None:
        """Set the value; None clears it."""
        if value is None:
            self._cell.clear()
        else:
            self._put(value, self._namespace)

    def point_to(self, namespace: Any) -> None:
        """Mean that namespace from now on; for windows, not for functions."""
        self._cell.namespace = self._namespace = namespace


class HashMapValueState(ValueState):
    """One value of the hashmap backend that does not expire and belongs to no window: straight to its dict.

    While a snapshot is under way every access goes through the table, which tells it.
    """

    __slots__ = ("_backend", "_plain", "_table")

    def __init__(self, cell: StateCell, table: HashMapTable, backend: HashMapBackend) -> None:
        super().__init__(cell)
        self._backend, self._table, self._plain = backend, table, table.plain

    def value(self) -> Any:
        """The value; None if there is none."""
        backend = self._backend
        if backend.frozen is None and backend.group != NO_GROUP:
            return self._plain[backend.group].get(backend.current_key)
        value = self._table.get()
        return None if value is MISSING else value

    def update(self, value: Any) -> None:
        """Set the value; None clears it."""
        backend = self._backend
        if value is None:
            self.clear()
        elif backend.frozen is None and backend.group != NO_GROUP:
            self._plain[backend.group][backend.current_key] = value
        else:
            self._table.put(value)

    def clear(self) -> None:
        """Forget what the current key holds."""
        backend = self._backend
        if backend.frozen is None and backend.group != NO_GROUP:
            self._plain[backend.group].pop(backend.current_key, None)
        else:
            self._table.remove()


class ListState(State, Generic[T]):
    """A list."""

    __slots__ = ()

    def get(self) -> Iterable[Any]:
        """The elements, in the order in which they were added."""
        value = self._cell.read()
        return [] if value is MISSING else list(value)

    def add(self, value: Any) -> None:
        """Append one."""
        self.add_all([value])

    def add_all(self, values: Iterable[Any]) -> None:
        """Append all."""
        held = self._cell.change()
        if held is MISSING:
            held = []
        held.extend(values)
        self._cell.write(held)

    def update(self, values: Iterable[Any]) -> None:
        """Replace all."""
        self._cell.write(list(values))

    def __iter__(self) -> Any:
        return iter(self.get())


class MapState(State, Generic[K, V]):
    """A map."""

    __slots__ = ()

    def _held(self) -> dict[Any, Any]:
        value = self._cell.read()
        return {} if value is MISSING else value

    def get(self, key: Any) -> Any:
        """The value at the key; None if there is none."""
        return self._held().get(key)

    def put(self, key: Any, value: Any) -> None:
        """Set one entry."""
        self.put_all({key: value})

    def put_all(self, dict_value: Mapping[Any, Any]) -> None:
        """Set these entries."""
        held = self._cell.change()
        if held is MISSING:
            held = {}
        held.update(dict_value)
        self._cell.write(held)

    def remove(self, key: Any) -> None:
        """Remove one entry; no error if there is none."""
        held = self._cell.change()
        if held is not MISSING and key in held:
            del held[key]
            self._cell.write(held)

    def contains(self, key: Any) -> bool:
        """Whether there is an entry of that key."""
        return key in self._held()

    def items(self) -> Iterable[tuple[Any, Any]]:
        """The entries."""
        return list(self._held().items())

    def keys(self) -> Iterable[Any]:
        """The keys."""
        return list(self._held())

    def values(self) -> Iterable[Any]:
        """The values."""
        return list(self._held().values())

    def is_empty(self) -> bool:
        """Whether there are no entries."""
        return not self._held()

    __getitem__ = get
    __setitem__ = put
    __delitem__ = remove
    __contains__ = contains

    def __iter__(self) -> Any:
        return iter(self.keys())


class ReducingState(State, Generic[T]):
    """One value into which others are reduced."""

    __slots__ = ("_reduce",)

    def __init__(self, cell: StateCell, reduce: Callable[[Any, Any], Any]) -> None:
        super().__init__(cell)
        self._reduce = reduce

    def get(self) -> Any:
        """The value; None if there is none."""
        value = self._cell.read()
        return None if value is MISSING else value

    def add(self, value: Any) -> None:
        """Reduce one more value in."""
        held = self._cell.change()
        self._cell.write(value if held is MISSING else self._reduce(held, value))


class AggregatingState(State, Generic[K, V]):
    """One accumulator."""

    __slots__ = ("_function",)

    def __init__(self, cell: StateCell, function: Any) -> None:
        super().__init__(cell)
        self._function = function

    def get(self) -> Any:
        """The result so far; None if nothing was added."""
        value = self._cell.read()
        return None if value is MISSING else self._function.get_result(value)

    def add(self, value: Any) -> None:
        """Add one value."""
        held = self._cell.change()
        if held is MISSING:
            held = self._function.create_accumulator()
        self._cell.write(self._function.add(value, held))
