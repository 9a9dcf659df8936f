"""Keyed state of a harness, stored and loaded as a checkpoint would: in memory for hashmap, in a folder for rocksdb. Used by `testing.operator_node`."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from penstock.checkpoint.keyed_state import StoragePlace, load_keyed, store_keyed
from penstock.state.contract import SlotBackend, SnapshotForm
from penstock.state.freezing import FrozenState
from penstock_api.manifest import KeyedStateInfo, SubtaskState


@dataclass(frozen=True, slots=True)
class KeyedSnapshot:
    """Bytes by key group, or files in a folder."""

    groups: Mapping[int, bytes] = field(default_factory=dict)
    states: Sequence[KeyedStateInfo] = ()
    stored: SubtaskState | None = None
    folder: str = ""


def snapshot_keyed(
    backend: SlotBackend, index: int, checkpoint_id: int, folder: Path | None
) -> KeyedSnapshot:
    """The state now."""
    frozen = backend.freeze(SnapshotForm.CHECKPOINT, checkpoint_id)
    while not frozen.step(1.0):
        continue
    if isinstance(frozen, FrozenState):
        if frozen.failure is not None:
            raise frozen.failure
        groups = {frozen.first + group: data for group, data in frozen.chunks.items()}
        return KeyedSnapshot(groups, backend.declared())
    if folder is None:
        frozen.abandon()
        raise ValueError("this state backend stores files: give the harness a state_folder")
    place = folder / uuid.uuid4().hex
    place.mkdir(parents=True)
    kept = store_keyed(frozen, StoragePlace(str(place), "state", {}))
    state = SubtaskState(index=index, keyed=kept.keyed, native=kept.native, states=backend.declared())
    return KeyedSnapshot(stored=state, folder=str(place))


def restore_keyed(
    backend: SlotBackend, old: Sequence[KeyedSnapshot], configuration: Mapping[str, str]
) -> None:
    """Fill an empty backend with its share of what all old subtasks stored."""
    for snapshot in old:
        if snapshot.stored is not None:
            load_keyed([snapshot.stored], snapshot.folder, configuration, backend)
            continue
        backend.restore_declared(snapshot.states)
        for group, data in snapshot.groups.items():
            if backend.first <= group <= backend.last:
                backend.load_group(group, data)
