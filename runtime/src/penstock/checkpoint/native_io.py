"""Databases on their way to storage and back: files shared between checkpoints, or turned into canonical chunks.

Called by `checkpoint.keyed_state` for the rocksdb backend, storing in upload threads, loading in the task thread. A file
that never changes (an SST) and that a completed checkpoint has stored is not stored again. Shared files lie beside the
checkpoints' folders, under `shared`; `checkpoint.shared` deletes them when no checkpoint needs them.
"""

import tempfile
import uuid
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from penstock.checkpoint.keyed_io import join, write_keyed
from penstock.checkpoint.keyed_state import StoragePlace, StoredKeyed
from penstock.checkpoint.shared import SHARED_FOLDER
from penstock.filesystems.port import FileSystem
from penstock.filesystems.registry import open_filesystem
from penstock.state.contract import FrozenKeyed, SlotBackend, SnapshotForm
from penstock.state.errors import StateUnreadable
from penstock.state.rocksdb import FetchedDatabase, FrozenDatabase, RocksDBBackend
from penstock.state.rocksdb_layout import canonical_chunks
from penstock.state.rocksdb_store import StoredDatabase
from penstock_api.manifest import KeyedObject, NativeFile, NativeKeyed, StateObject

_TABLE_FILE = ".sst"
_UPLOADS = 2
_OBJECT_BYTES = 32 << 20
"""Chunks of a canonical savepoint are gathered to objects of about this size."""


def shared_folder(location: str) -> str:
    """Where shared files of the checkpoint in that folder go, as a URI that holds from anywhere."""
    parent = location.rstrip("/").rpartition("/")[0]
    return f"{parent if '://' in parent else f'file://{parent}'}/{SHARED_FOLDER}"


def store_native(frozen: FrozenKeyed, place: StoragePlace) -> StoredKeyed:
    """Store a frozen database as its form says; its local files are gone afterwards."""
    assert isinstance(frozen, FrozenDatabase)  # noqa: S101 - the only other kind of frozen state
    try:
        if frozen.form is SnapshotForm.CANONICAL:
            return StoredKeyed(_store_canonical(frozen, place))
        return StoredKeyed(native=[_store_files(frozen, place)])
    finally:
        frozen.discard()


def _store_files(frozen: FrozenDatabase, place: StoragePlace) -> NativeKeyed:
    filesystem = open_filesystem(place.location, place.configuration)
    names = sorted(path.name for path in frozen.folder.iterdir() if not path.name.endswith(".log"))

    def store(name: str) -> NativeFile:
        return NativeFile(name=name, object=_store_file(frozen, place, filesystem, name))

    with ThreadPoolExecutor(_UPLOADS, thread_name_prefix="files") as pool:
        files = list(pool.map(store, names))
    if frozen.is_incremental:
        frozen.stored = {file.name: file.object for file in files if file.name.endswith(_TABLE_FILE)}
    return NativeKeyed(first=frozen.first, last=frozen.last, files=files)


def _store_file(
    frozen: FrozenDatabase, place: StoragePlace, filesystem: FileSystem, name: str
) -> StateObject:
    path = frozen.folder / name
    size = path.stat().st_size
    known = frozen.known.get(name)
    shared = shared_folder(place.location)
    if known is not None and known.size == size and known.path.startswith(shared):
        return known.model_copy(update={"is_reused": True})
    target = f"{place.name}-{name}"
    if frozen.is_incremental and name.endswith(_TABLE_FILE):
        target = f"{shared}/{frozen.checkpoint_id}-{uuid.uuid4().hex}-{name}"
    filesystem.write(join(place.location, target), path.read_bytes())
    return StateObject(path=target, size=size)


def _store_canonical(frozen: FrozenDatabase, place: StoragePlace) -> list[KeyedObject]:
    filesystem = open_filesystem(place.location, place.configuration)
    stored: list[KeyedObject] = []
    chunks: dict[int, bytes] = {}
    size = 0

    def write() -> None:
        if chunks:
            first, last = min(chunks), max(chunks)
            shifted = {group - first: chunk for group, chunk in chunks.items()}
            path = f"{place.name}-keyed-{len(stored)}"
            written = write_keyed(filesystem, place.location, path, (first, last), shifted)
            stored.extend([] if written is None else [written])
            chunks.clear()

    with StoredDatabase(frozen.folder) as database:
        where = f"operator {frozen.operator_name!r}"
        for group, chunk in canonical_chunks(database, frozen.first, frozen.last, where, frozen.filters):
            chunks[group] = chunk
            size += len(chunk)
            if size >= _OBJECT_BYTES:
                write()
                size = 0
        write()
    return stored


def load_native(
    databases: Sequence[NativeKeyed], location: str, configuration: Mapping[str, str], backend: SlotBackend
) -> None:
    """Fill an empty backend with its key groups out of stored databases, whatever the backend is."""
    with tempfile.TemporaryDirectory(prefix="penstock-restore-", dir=_scratch(backend)) as scratch:
        fetched = [
            fetch_database(native, location, configuration, Path(scratch, str(number)))
            for number, native in enumerate(databases)
            if native.first <= backend.last and native.last >= backend.first
        ]
        if isinstance(backend, RocksDBBackend):
            if fetched:
                backend.restore_databases(fetched)
            return
        for database in fetched:
            with StoredDatabase(database.folder) as stored:
                first, last = max(database.first, backend.first), min(database.last, backend.last)
                for group, chunk in canonical_chunks(stored, first, last, "the restored database", {}):
                    backend.load_group(group, chunk)


def fetch_database(
    native: NativeKeyed, location: str, configuration: Mapping[str, str], folder: Path
) -> FetchedDatabase:
    """Copy a database's files into a new local folder; StateUnreadable if one is not as long as it was."""
    folder.mkdir(parents=True)

    def fetch(file: NativeFile) -> None:
        path = join(location, file.object.path)
        data = open_filesystem(path, configuration).read(path)
        if len(data) != file.object.size:
            raise StateUnreadable(f"{path} has {len(data)} bytes instead of {file.object.size}")
        (folder / file.name).write_bytes(data)

    with ThreadPoolExecutor(_UPLOADS, thread_name_prefix="files") as pool:
        list(pool.map(fetch, native.files))
    tables = {file.name: file.object for file in native.files if file.name.endswith(_TABLE_FILE)}
    return FetchedDatabase(folder, native.first, native.last, tables)


def _scratch(backend: SlotBackend) -> str | None:
    """Beside the backend's own files, so that a database can be moved into place."""
    return str(backend.folder) if isinstance(backend, RocksDBBackend) else None
