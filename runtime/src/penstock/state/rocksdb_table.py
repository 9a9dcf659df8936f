"""One state of one operator in the database, with a cache of Python values before it that also gathers writes.

Made by `state.rocksdb`. A value read or written stays in the cache until the backend writes and trims it, so that a hot
key costs no serialising; what was changed is written in batches.
"""

from collections.abc import Callable, Iterator, MutableMapping
from typing import Any, Protocol

from penstock.state.contract import MISSING
from penstock.state.entries import decode_entry, decode_value, encode_namespace, encode_value, stored_key
from penstock.state.errors import NoCurrentKey, StateNotSerializable
from penstock.state.rocksdb_layout import Ordered, table_end, table_prefix

Place = tuple[Any, Any]
"""(namespace, key)"""


class _NotCached:
    """Neither a value nor MISSING is known."""


_NOT_CACHED = _NotCached()
_WORTH_A_SCAN = 1000
"""Values that one sweep looks at."""
_ENTRY_OVERHEAD = 200
"""About what an entry of a cache takes beside its serialised value, in bytes."""


class TableStore(Protocol):
    """The backend as its tables see it."""

    first: int
    last: int
    operator_name: str
    current_key: Any
    cached_bytes: int
    changes: int

    @property
    def has_key(self) -> bool:
        """A current key is set."""

    def canonical(self, key: Any) -> bytes:
        """The key's canonical bytes."""

    def touch(self, key: Any) -> int:
        """The key's group, minus the first; writes and trims caches where they are full."""

    def group_index(self, key: Any) -> int:
        """The key's group, minus the first; writes nothing."""

    def read(self, key: bytes) -> bytes | None:
        """What the database has under a key."""

    def stored(self) -> Ordered:
        """The database as it is."""

    def written(self) -> Ordered:
        """The database with all changes in it."""

    def no_key(self, what: str) -> NoCurrentKey:
        """The error for state used without a key."""


class RocksDBTable:
    """Values by key and namespace."""

    __slots__ = (
        "_allowed",
        "_clean",
        "_cursor",
        "_group",
        "_store",
        "_where",
        "dirty",
        "is_live",
        "name",
        "table_id",
    )

    def __init__(self, store: TableStore, name: str, table_id: int) -> None:
        self._store = store
        self.name = name
        self.table_id = table_id
        self.dirty: dict[Place, Any] = {}
        """Changed, not written; MISSING where removed."""
        self._clean: dict[Place, Any] = {}
        self._group = _GroupView(self)
        self._where = f"state {name!r} of operator {store.operator_name!r}"
        self._cursor = b""
        self._allowed = 0
        self.is_live: Callable[[Any], bool] | None = None

    def get(self, namespace: Any = None) -> Any:
        """The value for the current key, or MISSING."""
        return self.value_at((namespace, self._key()))

    def for_update(self, namespace: Any = None) -> Any:
        """As `get`; it will be written, as it is then."""
        place = (namespace, self._key())
        value = self.value_at(place)
        if value is not MISSING:
            self.change(place, value)
        return value

    def put(self, value: Any, namespace: Any = None) -> None:
        """Set the value for the current key."""
        self.change((namespace, self._key()), value)

    def remove(self, namespace: Any = None) -> None:
        """Forget the value for the current key."""
        place = (namespace, self._key())
        if self._clean.get(place) is not MISSING:
            self.change(place, MISSING)

    def group_of(self, key: Any) -> "MutableMapping[Any, Any]":
        """Values of namespace None by key."""
        self._store.touch(key)
        return self._group

    def entries(self) -> Iterator[tuple[Any, Any, Any]]:
        """All (key, namespace, value) of this subtask."""
        for stored, value in self._stored_entries():
            yield decode_entry(stored, value, self._where)

    def drop_expired(self, is_live: Callable[[Any], bool]) -> None:
        """Leave out of canonical snapshots, and sweep, what is not live."""
        self.is_live = is_live

    def sweep(self, limit: int) -> int:
        """Remove what has expired among the next stored values; small limits are saved up, a scan has a price."""
        self._allowed += limit
        if self.is_live is None or self._allowed < _WORTH_A_SCAN:
            return 0
        limit, self._allowed = self._allowed, 0
        store, seen, removed = self._store, 0, 0
        group = int.from_bytes(self._cursor[:2], "big") if self._cursor else store.first
        while seen < limit:
            start = self._cursor or table_prefix(group, self.table_id)
            for key, value in store.stored().items(start, table_end(group, self.table_id)):
                seen += 1
                self._cursor = key + b"\x00"
                removed += self._remove_if_expired(key[4:], value)
                if seen >= limit:
                    return removed
            self._cursor = b""
            group += 1
            seen += 1
            if group > store.last:
                return removed
            self._cursor = table_prefix(group, self.table_id)
        return removed

    # ------------------------------------------------------------------------------- for the backend and the view

    def value_at(self, place: Place) -> Any:
        """The value there, or MISSING."""
        value = self.dirty.get(place, _NOT_CACHED)
        if value is _NOT_CACHED:
            value = self._clean.get(place, _NOT_CACHED)
            if value is _NOT_CACHED:
                value = self._load(place)
        return value

    def change(self, place: Place, value: Any) -> None:
        """The value there is now another."""
        self._clean.pop(place, None)
        self.dirty[place] = value
        self._store.changes += 1

    def take_changes(self) -> Iterator[tuple[bytes, bytes | None]]:
        """Stored keys and values of all changes, which count as written once the iteration has ended."""
        store = self._store
        cached = 0
        for place, value in self.dirty.items():
            stored = None if value is MISSING else self._encoded(place[1], value)
            cached += _ENTRY_OVERHEAD + (0 if stored is None else 2 * len(stored))
            yield self._stored_key(place), stored
        self._clean.update(self.dirty)
        self.dirty = {}
        store.cached_bytes += cached

    def trim(self) -> None:
        """Forget what can be read again."""
        self._clean.clear()

    # ---------------------------------------------------------------------------------------------------- inside

    def _key(self) -> Any:
        if not self._store.has_key:
            raise self._store.no_key(self.name)
        return self._store.current_key

    def _stored_key(self, place: Place) -> bytes:
        namespace, key = place
        group = self._store.group_index(key)
        entry = stored_key(self._store.canonical(key), encode_namespace(namespace))
        return table_prefix(self._store.first + group, self.table_id) + entry

    def _encoded(self, key: Any, value: Any) -> bytes:
        try:
            return encode_value(key, value)
        except StateNotSerializable as error:
            raise StateNotSerializable(f"{self._where}, key {key!r}: {error}") from error

    def _load(self, place: Place) -> Any:
        stored = self._store.read(self._stored_key(place))
        value = MISSING if stored is None else decode_value(stored, self._where)
        self._store.cached_bytes += _ENTRY_OVERHEAD + (0 if stored is None else 2 * len(stored))
        self._clean[place] = value
        return value

    def _remove_if_expired(self, stored: bytes, value: bytes) -> int:
        key, namespace, loaded = decode_entry(stored, value, self._where)
        place = (namespace, key)
        if place in self.dirty or self.is_live is None or self.is_live(loaded):
            return 0
        self.change(place, MISSING)
        return 1

    def _stored_entries(self) -> Iterator[tuple[bytes, bytes]]:
        database = self._store.written()
        for group in range(self._store.first, self._store.last + 1):
            for key, value in database.items(
                table_prefix(group, self.table_id), table_end(group, self.table_id)
            ):
                yield key[4:], value


class _GroupView(MutableMapping[Any, Any]):
    """Values of namespace None by key, as a dict is used."""

    __slots__ = ("_table",)

    def __init__(self, table: RocksDBTable) -> None:
        self._table = table

    def __contains__(self, key: object) -> bool:
        return self._table.value_at((None, key)) is not MISSING

    def __getitem__(self, key: Any) -> Any:
        value = self._table.value_at((None, key))
        if value is MISSING:
            raise KeyError(key)
        return value

    def __setitem__(self, key: Any, value: Any) -> None:
        self._table.change((None, key), value)

    def __delitem__(self, key: Any) -> None:
        if key not in self:
            raise KeyError(key)
        self._table.change((None, key), MISSING)

    def __iter__(self) -> Iterator[Any]:
        return (key for key, namespace, _ in self._table.entries() if namespace is None)

    def __len__(self) -> int:
        return sum(1 for _ in self)
