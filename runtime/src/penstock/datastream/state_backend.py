"""Where keyed state lives while the job runs, as objects; each is a few configuration keys."""

from enum import Enum
from typing import Any

from penstock.common.configuration import Configuration
from penstock.common.unsupported import UnsupportedOperation, unsupported

BACKEND = "state.backend.type"
INCREMENTAL = "execution.checkpointing.incremental"
_ROCKSDB = "state.backend.rocksdb."


class PredefinedOptions(Enum):
    """Settings of RocksDB for a kind of disk."""

    DEFAULT = 0
    SPINNING_DISK_OPTIMIZED = 1
    SPINNING_DISK_OPTIMIZED_HIGH_MEM = 2
    FLASH_SSD_OPTIMIZED = 3


class StateBackend:
    """A place for keyed state."""

    def __init__(self, keys: dict[str, str]) -> None:
        self._keys = keys

    def configure(self, configuration: Configuration) -> None:
        """Write the keys of this backend."""
        for key, value in self._keys.items():
            configuration.set_string(key, value)

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and self._keys == other._keys

    def __hash__(self) -> int:
        return hash(frozenset(self._keys.items()))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{key}: {value}' for key, value in self._keys.items())})"


class HashMapStateBackend(StateBackend):
    """State as Python objects in memory: fast, and at most as large as memory."""

    def __init__(self) -> None:
        super().__init__({BACKEND: "hashmap"})


class EmbeddedRocksDBStateBackend(StateBackend):
    """State in RocksDB on the slot's disk: as large as the disk, with incremental checkpoints if asked."""

    def __init__(self, enable_incremental_checkpointing: bool | None = None) -> None:
        super().__init__({BACKEND: "rocksdb"})
        if enable_incremental_checkpointing is not None:
            self._keys[INCREMENTAL] = str(enable_incremental_checkpointing).lower()

    def is_incremental_checkpoints_enabled(self) -> bool:
        """Whether a checkpoint writes only files that are new."""
        return self._keys.get(INCREMENTAL) == "true"

    def set_db_storage_paths(self, *paths: str | None) -> None:
        """Set the folders of the databases; none, or None, for the TaskManager's own."""
        folders = [path for path in paths if path is not None]
        if folders:
            self._keys[_ROCKSDB + "localdir"] = ",".join(folders)
        else:
            self._keys.pop(_ROCKSDB + "localdir", None)

    def get_db_storage_paths(self) -> list[str] | None:
        """The folders of the databases; None for the TaskManager's own."""
        found = self._keys.get(_ROCKSDB + "localdir")
        return found.split(",") if found else None

    def set_predefined_options(self, options: PredefinedOptions) -> None:
        """Set RocksDB up for a kind of disk."""
        self._keys[_ROCKSDB + "predefined-options"] = options.name

    def get_predefined_options(self) -> PredefinedOptions:
        """The kind of disk that RocksDB is set up for."""
        return PredefinedOptions[self._keys.get(_ROCKSDB + "predefined-options", "DEFAULT")]

    def set_options(self, options_factory_class_name: str) -> None:
        """Refused: a factory of options is a Java class."""
        raise UnsupportedOperation(
            "EmbeddedRocksDBStateBackend.set_options",
            f"{options_factory_class_name} is a Java class and there is no JVM behind Penstock",
            "Set RocksDB's options by configuration keys, state.backend.rocksdb.*",
        )

    def get_options(self) -> str | None:
        """The Java class that makes options: always none."""
        return None

    def set_number_of_transfer_threads(self, number_of_transfering_threads: int) -> None:
        """Set how many files move at once between the disk and checkpoints."""
        if number_of_transfering_threads < 1:
            raise ValueError(f"at least 1 thread moves files, not {number_of_transfering_threads}")
        self._keys[_ROCKSDB + "checkpoint.transfer.thread.num"] = str(number_of_transfering_threads)

    def get_number_of_transfer_threads(self) -> int:
        """How many files move at once."""
        return int(self._keys.get(_ROCKSDB + "checkpoint.transfer.thread.num", "4"))


class CustomStateBackend(StateBackend):
    """A backend written in Java."""

    @unsupported("Use HashMapStateBackend or EmbeddedRocksDBStateBackend")
    def __init__(self, j_custom_state_backend: Any) -> None:
        """Refused."""


def backend_of(configuration: Configuration) -> StateBackend | None:
    """The backend that a configuration names; None if it names none."""
    name = configuration.get_string(BACKEND, configuration.get_string("state.backend", "")).strip().lower()
    if not name:
        return None
    keys = {key: value for key, value in configuration.to_dict().items() if key.startswith(_ROCKSDB)}
    if name in ("hashmap", "filesystem", "jobmanager"):
        return HashMapStateBackend()
    if name in ("rocksdb", "embedded-rocksdb"):
        found = EmbeddedRocksDBStateBackend()
        if configuration.contains_key(INCREMENTAL):
            keys[INCREMENTAL] = configuration.get_string(INCREMENTAL, "false")
        found._keys.update(keys)  # noqa: SLF001 - its own module
        return found
    raise UnsupportedOperation(
        f"state backend {name!r}", "it is a Java class", "Set state.backend.type to hashmap or rocksdb"
    )
