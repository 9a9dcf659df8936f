"""One RocksDB database on local disk, as raw bytes: opened within the slot's memory, written in batches, read in order.

Used by `state.rocksdb` (task thread) and by whoever reads a stored database (upload threads, tools). The only module
that imports rocksdict. There is no write-ahead log: what is lost with the process comes back from the checkpoint.
"""

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import rocksdict

from penstock.state.rocksdb_options import RocksDBOptions

_BLOCK_SIZE = 16 << 10
_LARGEST_BUFFER = 64 << 20
_LARGEST_FILE = 16 << 20
"""A file is uploaded as one object, from memory."""
_COMPRESSIONS = {
    "none": rocksdict.DBCompressionType.none,
    "snappy": rocksdict.DBCompressionType.snappy,
    "lz4": rocksdict.DBCompressionType.lz4,
    "zstd": rocksdict.DBCompressionType.zstd,
    "zlib": rocksdict.DBCompressionType.zlib,
}


@dataclass(slots=True, frozen=True)
class _SlotMemory:
    """What all databases of a slot share."""

    cache: rocksdict.Cache
    buffers: rocksdict.WriteBufferManager


_memory: dict[tuple[int, float], _SlotMemory] = {}


def _shared_memory(options: RocksDBOptions) -> _SlotMemory:
    key = (options.memory, options.write_buffer_ratio)
    found = _memory.get(key)
    if found is None:
        cache = rocksdict.Cache(options.memory)
        size = int(options.memory * options.write_buffer_ratio)
        manager = rocksdict.WriteBufferManager.new_write_buffer_manager_with_cache(size, False, cache)
        found = _memory[key] = _SlotMemory(cache, manager)
    return found


def _settings(options: RocksDBOptions) -> rocksdict.Options:
    memory = _shared_memory(options)
    table = rocksdict.BlockBasedOptions()
    table.set_block_cache(memory.cache)
    table.set_block_size(_BLOCK_SIZE)
    table.set_bloom_filter(10, False)
    table.set_cache_index_and_filter_blocks(True)
    table.set_pin_l0_filter_and_index_blocks_in_cache(True)
    settings = rocksdict.Options(raw_mode=True)
    settings.create_if_missing(True)
    settings.set_block_based_table_factory(table)
    settings.set_write_buffer_manager(memory.buffers)
    buffers = int(options.memory * options.write_buffer_ratio)
    size = options.write_buffer_size or max(1 << 20, min(_LARGEST_BUFFER, buffers // 2))
    settings.set_write_buffer_size(size)
    settings.set_max_write_buffer_number(options.write_buffer_count)
    settings.set_target_file_size_base(max(1 << 20, min(size, _LARGEST_FILE)))
    settings.set_max_background_jobs(options.background_jobs)
    settings.set_max_open_files(options.open_files)
    settings.set_compression_type(_COMPRESSIONS[options.compression]())
    settings.set_keep_log_file_num(1)
    settings.set_max_log_file_size(1 << 20)
    settings.set_use_fsync(False)
    return settings


class RocksDBProblem(Exception):
    """The database could not be opened, read or written."""


class Database:
    """A database that this process writes."""

    def __init__(self, folder: Path, options: RocksDBOptions) -> None:
        self.folder = folder
        folder.parent.mkdir(parents=True, exist_ok=True)
        self._write_options = rocksdict.WriteOptions()
        self._write_options.disable_wal = True  # type: ignore[method-assign, assignment]
        try:
            self._db = rocksdict.Rdict(str(folder), _settings(options))
        except Exception as error:
            raise RocksDBProblem(f"the database {folder} cannot be opened: {error}") from error
        self.get = self._db.get
        """Bytes of a key, or None."""

    def write(self, changes: Mapping[bytes, bytes | None]) -> None:
        """Put, or delete where the value is None; all or nothing."""
        batch = rocksdict.WriteBatch(raw_mode=True)
        put, delete = batch.put, batch.delete
        for key, value in changes.items():
            if value is None:
                delete(key)
            else:
                put(key, value)
        self._db.write(batch, self._write_options)

    def delete_range(self, start: bytes, end: bytes) -> None:
        """Forget all keys from `start` to `end`, which is excluded."""
        self._db.delete_range(start, end, write_opt=self._write_options)

    def items(self, start: bytes, end: bytes) -> Iterator[tuple[bytes, bytes]]:
        """In order, from `start` to `end`, which is excluded, as of now."""
        return _between(self._db.items(from_key=start), end)

    def begin_flush(self) -> None:
        """Let the database's own threads write out what is in memory."""
        self._db.flush(wait=False)

    @property
    def is_flushed(self) -> bool:
        """What `begin_flush` began is done."""
        waiting = self._db.property_int_value("rocksdb.num-immutable-mem-table")
        return not waiting and not self._db.property_int_value("rocksdb.mem-table-flush-pending")

    def link_files(self, target: Path) -> None:
        """A consistent copy of all files in a new folder, by hard links. Quick if all is flushed."""
        rocksdict.Checkpoint(self._db).create_checkpoint(str(target))

    def close(self) -> None:
        """Close it and delete its files."""
        self._db.close()
        shutil.rmtree(self.folder, ignore_errors=True)


class StoredDatabase:
    """A database's files, opened for reading only; a context manager."""

    def __init__(self, folder: Path) -> None:
        try:
            self._db = rocksdict.Rdict(
                str(folder),
                rocksdict.Options(raw_mode=True),
                access_type=rocksdict.AccessType.read_only(error_if_log_file_exist=False),
            )
        except Exception as error:
            raise RocksDBProblem(f"the database {folder} cannot be opened: {error}") from error

    def __enter__(self) -> "StoredDatabase":
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    def items(self, start: bytes, end: bytes) -> Iterator[tuple[bytes, bytes]]:
        """In order, from `start` to `end`, which is excluded."""
        return _between(self._db.items(from_key=start), end)


def _between(items: Any, end: bytes) -> Iterator[tuple[bytes, bytes]]:
    for key, value in items:
        if key >= end:
            return
        yield key, value
