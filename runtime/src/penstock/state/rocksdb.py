"""Keyed state in RocksDB on local disk: state larger than memory. Made for a keyed operator when `rocksdb` is chosen.

All calls in the task thread. Values pass through a cache that gathers writes (`rocksdb_table`); a snapshot writes what is
gathered, lets the database's own threads flush, and links the files: until then new writes wait in the cache, so the
barrier waits for nothing. Upload threads read the linked files only, never the open database.
"""

import shutil
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from penstock.state.backends import KeyedPlace
from penstock.state.contract import SnapshotForm
from penstock.state.declared import DeclaredStates
from penstock.state.entries import decode_entry, encode_namespace, encode_value, stored_key
from penstock.state.errors import NoCurrentKey
from penstock.state.frames import FrameKind, load_frame, split_frames
from penstock.state.keys import NO_GROUP, GroupIndex, no_key
from penstock.state.local_folder import LocalFolder
from penstock.state.rocksdb_layout import (
    EVENT_TIMERS,
    FIRST_TABLE,
    PROCESSING_TIMERS,
    TABLE_IDS,
    Ordered,
    group_prefix,
    read_table_ids,
    table_end,
    table_id_entry,
    table_prefix,
)
from penstock.state.rocksdb_options import RocksDBOptions
from penstock.state.rocksdb_store import Database, StoredDatabase
from penstock.state.rocksdb_table import RocksDBTable
from penstock.state.rocksdb_timers import RocksDBTimers
from penstock_api.keys import encode_key
from penstock_api.manifest import KeyedStateInfo, StateObject

_FEWEST_CHANGES, _MOST_CHANGES = 64, 4096
"""Changes that are written together: writing more takes too long between two batches."""
_PATIENCE = 8
"""While files are linked, so many times the changes may gather before the task waits."""
_LARGEST_CACHE = 64 << 20
_BATCH = 2000


@dataclass(slots=True, frozen=True)
class FetchedDatabase:
    """The files of a stored database in a local folder, and where each came from."""

    folder: Path
    first: int
    last: int
    objects: Mapping[str, StateObject] = field(default_factory=dict)


class FrozenDatabase:
    """The database as of a barrier: files in `folder` once `step` said so."""

    def __init__(self, backend: "RocksDBBackend", form: SnapshotForm, checkpoint_id: int) -> None:
        self._backend = backend
        self.form = form
        self.checkpoint_id = checkpoint_id
        self.first = backend.first
        self.last = backend.last
        self.operator_name = backend.operator_name
        self.folder = backend.new_folder(f"snapshot-{checkpoint_id}")
        self.filters = backend.live_filters()
        self.is_incremental = form is SnapshotForm.CHECKPOINT and backend.options.is_incremental
        self.known: Mapping[str, StateObject] = backend.confirmed if self.is_incremental else {}
        """Files that a completed checkpoint has already, by their local name."""
        self.stored: dict[str, StateObject] = {}
        """Set by the upload: what later checkpoints may share, if this one completes."""
        self._is_linked = False
        self._is_dropped = False

    def step(self, budget_seconds: float) -> bool:
        """Link the files once all is flushed; True then."""
        if self._is_linked or self._is_dropped:
            return True
        if not self._backend.link(self):
            time.sleep(min(budget_seconds, 0.001))
            return False
        self._is_linked = True
        return True

    def abandon(self) -> None:
        """Nobody wants it any more."""
        self._is_dropped = True
        self._backend.release(self)
        self.discard()

    def discard(self) -> None:
        """Forget the linked files; they are stored, or will not be."""
        shutil.rmtree(self.folder, ignore_errors=True)


class RocksDBBackend:
    """Keyed state and timers of one operator in one subtask: key groups `first` to `last`, both inclusive."""

    def __init__(self, place: KeyedPlace, options: RocksDBOptions) -> None:
        self.first = place.first
        self.last = place.last
        self.operator_name = place.operator_name
        self.options = options
        self._size = place.last - place.first + 1
        self._index = GroupIndex(place.max_parallelism, place.first, place.last, place.operator_name)
        self._local = LocalFolder(Path(options.local_folder))
        self.folder = self._local.path
        self._folders = 0
        self._opened: Database | None = None
        self._tables: dict[str, RocksDBTable] = {}
        self._table_ids: dict[str, int] = {}
        self._declared = DeclaredStates(place.operator_name)
        self._linking: FrozenDatabase | None = None
        self._changes_limit = _FEWEST_CHANGES
        self._cache_limit = min(_LARGEST_CACHE, options.memory // 4)
        self._unconfirmed: dict[int, FrozenDatabase] = {}
        self.confirmed: Mapping[str, StateObject] = {}
        """What completed checkpoints hold of this database, by local name."""
        self.pending: dict[bytes, bytes | None] = {}
        self.changes = 0
        self.cached_bytes = 0
        self.current_key: Any = None
        self.group = NO_GROUP
        self.event_timers = RocksDBTimers(self, EVENT_TIMERS, self._size)
        self.processing_timers = RocksDBTimers(self, PROCESSING_TIMERS, self._size)

    # --------------------------------------------------------------------------------------------- keys and tables

    def set_current_key(self, key: Any) -> None:
        """Make it the key that tables and timers use."""
        self.group = self.touch(key)
        self.current_key = key

    def touch(self, key: Any) -> int:
        """The key's group, minus the first; writes and trims caches where they are full."""
        if self.changes + len(self.pending) > self._changes_limit:
            self._write_soon()
        if self.cached_bytes > self._cache_limit:
            self._trim()
        return self.group_index(key)

    def group_index(self, key: Any) -> int:
        """The key's group, minus the first; writes nothing."""
        try:
            return self._index[key]
        except TypeError:
            return self._index.compute(key)

    def canonical(self, key: Any) -> bytes:
        """The key's canonical bytes."""
        return encode_key(key)

    @property
    def has_key(self) -> bool:
        """A current key is set."""
        return self.group != NO_GROUP

    def table(self, name: str) -> RocksDBTable:
        """The table of that name."""
        found = self._tables.get(name)
        if found is None:
            found = self._tables[name] = RocksDBTable(self, name, self._table_id(name))
        return found

    def declare(self, name: str, kind: str = "", type_name: str = "") -> None:
        """What the program's descriptor says of a state."""
        self._declared.declare(name, kind, type_name)

    def declared(self) -> list[KeyedStateInfo]:
        """What a snapshot says of its states."""
        return self._declared.infos(self._table_ids)

    def restore_declared(self, infos: Iterable[KeyedStateInfo]) -> None:
        """What the restored snapshot says of its states."""
        self._declared.restore(infos)

    def no_key(self, what: str) -> NoCurrentKey:
        """The error for state used without a key."""
        return no_key(what, self.operator_name)

    def live_filters(self) -> dict[str, Any]:
        """By state name: what tells expired values from others."""
        return {name: table.is_live for name, table in self._tables.items() if table.is_live is not None}

    # ------------------------------------------------------------------------------------------ reading and writing

    def read(self, key: bytes) -> bytes | None:
        """What the database has under a key."""
        found: bytes | None = self._database().get(key)
        return found

    def stored(self) -> Ordered:
        """The database as it is."""
        return self._database()

    def written(self) -> Ordered:
        """The database with all changes in it."""
        self._finish_linking()
        self._write()
        return self._database()

    def _database(self) -> Database:
        if self._opened is None:
            self._opened = Database(self.folder / "db", self.options)
        return self._opened

    def _table_id(self, name: str) -> int:
        self._database()
        found = self._table_ids.get(name)
        if found is None:
            found = self._table_ids[name] = max(self._table_ids.values(), default=FIRST_TABLE - 1) + 1
            key, value = table_id_entry(name, found)
            self.pending[key] = value
        return found

    def _write_soon(self) -> None:
        """Enough has gathered: write, unless a snapshot's files are being linked and there is time."""
        if self._linking is not None:
            gathered = sum(len(table.dirty) for table in self._tables.values()) + len(self.pending)
            if gathered < _PATIENCE * _MOST_CHANGES:
                return
            self._finish_linking()
        self._write()

    def _write(self) -> None:
        changes = dict(self.pending)
        for table in self._tables.values():
            changes.update(table.take_changes())
        self.pending.clear()
        self.changes = 0
        if changes:
            self._database().write(changes)
            size = sum(len(key) + len(value or b"") for key, value in changes.items()) // len(changes)
            wanted = self._cache_limit // (2 * size + 400)
            self._changes_limit = max(_FEWEST_CHANGES, min(_MOST_CHANGES, wanted))

    def _trim(self) -> None:
        for table in self._tables.values():
            table.trim()
        self.cached_bytes = 0

    # --------------------------------------------------------------------------------------------------- snapshots

    def freeze(self, form: SnapshotForm, checkpoint_id: int) -> FrozenDatabase:
        """Begin a snapshot: write what has gathered, begin to flush."""
        self.written()
        frozen = FrozenDatabase(self, form, checkpoint_id)
        self._database().begin_flush()
        self._linking = frozen
        self._unconfirmed[checkpoint_id] = frozen
        return frozen

    def link(self, frozen: FrozenDatabase) -> bool:
        """Link the files of that snapshot if all is flushed."""
        database = self._database()
        if not database.is_flushed:
            return False
        database.link_files(frozen.folder)
        self.release(frozen)
        return True

    def release(self, frozen: FrozenDatabase) -> None:
        """Its files are linked, or not wanted: writes may go on."""
        if self._linking is frozen:
            self._linking = None

    def new_folder(self, name: str) -> Path:
        """A path beside the database where nothing is."""
        self._folders += 1
        return self.folder / f"{name}-{self._folders}"

    def on_complete(self, checkpoint_id: int) -> None:
        """Later checkpoints may share what that one stored."""
        done = self._unconfirmed.get(checkpoint_id)
        if done is not None and done.stored:
            self.confirmed = done.stored
        self._unconfirmed = {number: f for number, f in self._unconfirmed.items() if number > checkpoint_id}

    def on_aborted(self, checkpoint_id: int) -> None:
        """Nobody may share what that one stored."""
        self._unconfirmed.pop(checkpoint_id, None)

    def close(self) -> None:
        """Close the database and delete all local files."""
        self._linking = None
        if self._opened is not None:
            self._opened.close()
        self._local.close()

    def _finish_linking(self) -> None:
        while self._linking is not None:
            self._linking.step(0.001)

    # ----------------------------------------------------------------------------------------------------- restore

    def load_group(self, group: int, chunk: bytes) -> None:
        """Put canonical content of a group back; `group` counts from zero, not from `first`."""
        where = f"operator {self.operator_name!r}"
        changes: dict[bytes, bytes | None] = dict(self.pending)
        self.pending.clear()
        for data in split_frames(chunk, where):
            kind, name, content = load_frame(data, where)
            if kind in (FrameKind.EVENT, FrameKind.PROCESSING):
                timers = self.event_timers if kind == FrameKind.EVENT else self.processing_timers
                for timestamp, key, namespace in content:
                    timers.add(group - self.first, timestamp, key, namespace)
            else:
                if kind == FrameKind.RAW and content:
                    # A class that is gone is named now, not at some later record.
                    decode_entry(content[0][0], content[0][1], where)
                prefix = table_prefix(group, self._table_id(name))
                changes.update((prefix + entry, value) for entry, value in _entries(kind, content))
            if len(changes) >= _BATCH:
                self._database().write(changes)
                changes.clear()
        self._database().write({**changes, **self.pending})
        self.pending.clear()

    def restore_databases(self, databases: Sequence[FetchedDatabase]) -> None:
        """Take over stored databases: one becomes ours, the others' groups are copied into it. Nothing was used before."""
        ours = max(databases, key=lambda stored: min(stored.last, self.last) - max(stored.first, self.first))
        ours.folder.rename(self.folder / "db")
        database = self._database()
        self._table_ids = read_table_ids(database)
        self.confirmed = dict(ours.objects)
        first, last = max(ours.first, self.first), min(ours.last, self.last)
        database.delete_range(group_prefix(0), group_prefix(first))
        database.delete_range(group_prefix(last + 1), TABLE_IDS)
        for other in databases:
            if other is not ours:
                self._copy(other)
                shutil.rmtree(other.folder, ignore_errors=True)
        self._write()
        self._check_readable()
        self.event_timers.forget_heads()
        self.processing_timers.forget_heads()

    def _check_readable(self) -> None:
        """Read a value of each state: a class that is gone or changed is named now, not at some later record."""
        for name, table_id in self._table_ids.items():
            for group in range(self.first, self.last + 1):
                found = self._database().items(table_prefix(group, table_id), table_end(group, table_id))
                first = next(iter(found), None)
                if first is not None:
                    key, value = first
                    decode_entry(key[4:], value, f"state {name!r} of operator {self.operator_name!r}")
                    break

    def _copy(self, other: FetchedDatabase) -> None:
        database = self._database()
        with StoredDatabase(other.folder) as stored:
            ids = {number: self._table_id(name) for name, number in read_table_ids(stored).items()}
            ids |= {EVENT_TIMERS: EVENT_TIMERS, PROCESSING_TIMERS: PROCESSING_TIMERS}
            for group in range(max(other.first, self.first), min(other.last, self.last) + 1):
                for old, new in ids.items():
                    prefix = table_prefix(group, new)
                    batch: dict[bytes, bytes | None] = {}
                    for key, value in stored.items(table_prefix(group, old), table_end(group, old)):
                        batch[prefix + key[len(prefix) :]] = value
                        if len(batch) == _BATCH:
                            database.write(batch)
                            batch = {}
                    if batch:
                        database.write(batch)


def _entries(kind: str, content: Any) -> Iterable[tuple[bytes, bytes]]:
    """Stored keys and values of a frame."""
    if kind == FrameKind.RAW:
        found: Iterable[tuple[bytes, bytes]] = content
        return found
    spaces = [(None, content)] if kind == FrameKind.PLAIN else content
    return (
        (stored_key(encode_key(key), encode_namespace(namespace)), encode_value(key, value))
        for namespace, values in spaces
        for key, value in values.items()
    )
