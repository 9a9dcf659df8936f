"""Keyed state on its way to storage and back, whatever its backend: chunks by key group, or a database's files.

Called by `taskmanager.snapshots` in upload threads (store) and by `taskmanager.restored` in the task thread (load), and
by nobody else. Databases are handled by `checkpoint.native_io`, which is imported only when there is one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from penstock.checkpoint.keyed_io import read_keyed, write_keyed
from penstock.filesystems.registry import open_filesystem
from penstock.state.contract import FrozenKeyed, SlotBackend
from penstock.state.freezing import FrozenState
from penstock_api.manifest import KeyedObject, NativeKeyed, SubtaskState


@dataclass(slots=True, frozen=True)
class StoragePlace:
    """Where one operator's part of a snapshot goes: the snapshot's folder, and a name that is unique in it."""

    location: str
    name: str
    configuration: Mapping[str, str]


@dataclass(slots=True, frozen=True)
class StoredKeyed:
    """What the snapshot's metadata says of it."""

    keyed: list[KeyedObject] = field(default_factory=list)
    native: list[NativeKeyed] = field(default_factory=list)


def store_keyed(frozen: FrozenKeyed, place: StoragePlace) -> StoredKeyed:
    """Write frozen state, after its last step. Raises what spoiled it, or FileSystemError."""
    if not isinstance(frozen, FrozenState):
        from penstock.checkpoint.native_io import store_native

        return store_native(frozen, place)
    if frozen.failure is not None:
        raise frozen.failure
    filesystem = open_filesystem(place.location, place.configuration)
    groups = (frozen.first, frozen.last)
    stored = write_keyed(filesystem, place.location, f"{place.name}-keyed", groups, frozen.chunks)
    return StoredKeyed() if stored is None else StoredKeyed([stored])


def load_keyed(
    subtasks: Sequence[SubtaskState], location: str, configuration: Mapping[str, str], backend: SlotBackend
) -> None:
    """Fill an empty backend with its key groups out of what all subtasks stored."""
    backend.restore_declared(info for subtask in subtasks for info in subtask.states)
    databases = [native for subtask in subtasks for native in subtask.native]
    if databases:
        from penstock.checkpoint.native_io import load_native

        load_native(databases, location, configuration, backend)
    filesystem = open_filesystem(location, configuration)
    for subtask in subtasks:
        for stored in subtask.keyed:
            for group, data in read_keyed(filesystem, location, stored, backend.first, backend.last):
                backend.load_group(group, data)
