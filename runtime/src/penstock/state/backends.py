"""Which backend keeps keyed state, by Flink's keys. Called by the task for each keyed operator; pure but for the backend made.

`state.backend.type` (or `state.backend`) is `hashmap` (the default; `filesystem` and `jobmanager` are old names of it)
or `rocksdb`. What a backend needs is imported only when it is chosen.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from penstock.state.contract import SlotBackend
from penstock.state.errors import StateError
from penstock.state.hashmap import HashMapBackend

_KEYS = ("state.backend.type", "state.backend")


class BackendType(StrEnum):
    """The backends."""

    HASHMAP = "hashmap"
    ROCKSDB = "rocksdb"


_OLD_NAMES = {
    "filesystem": BackendType.HASHMAP,
    "jobmanager": BackendType.HASHMAP,
    "memory": BackendType.HASHMAP,
    "org.apache.flink.runtime.state.hashmap.HashMapStateBackendFactory": BackendType.HASHMAP,
    "org.apache.flink.state.rocksdb.EmbeddedRocksDBStateBackendFactory": BackendType.ROCKSDB,
    "org.apache.flink.contrib.streaming.state.EmbeddedRocksDBStateBackendFactory": BackendType.ROCKSDB,
}


@dataclass(slots=True, frozen=True)
class KeyedPlace:
    """The operator and the key groups (both ends included) that a backend is for."""

    max_parallelism: int
    first: int
    last: int
    operator_name: str
    operator_id: str = "operator"


class UnknownBackend(StateError):
    """The configuration names a backend that there is not."""


def backend_type(configuration: Mapping[str, str]) -> BackendType:
    """The chosen one; UnknownBackend names the key."""
    for key in _KEYS:
        name = str(configuration.get(key, "")).strip()
        if not name:
            continue
        found = _OLD_NAMES.get(name)
        if found is None:
            try:
                found = BackendType(name.lower())
            except ValueError:
                names = ", ".join(BackendType)
                raise UnknownBackend(
                    f"{key} is {name!r}: there is no such state backend. Use one of {names}"
                ) from None
        return found
    return BackendType.HASHMAP


def make_backend(place: KeyedPlace, configuration: Mapping[str, str]) -> SlotBackend:
    """An empty backend of the chosen type."""
    if backend_type(configuration) is BackendType.ROCKSDB:
        from penstock.state.rocksdb import RocksDBBackend
        from penstock.state.rocksdb_options import read_options

        return RocksDBBackend(place, read_options(configuration))
    return HashMapBackend(place.max_parallelism, place.first, place.last, place.operator_name)
