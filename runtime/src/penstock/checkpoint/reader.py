"""A savepoint or checkpoint read offline, without a job: its operators, and every key and value in it.

Called by `penstock state` and by tests. Reads one object at a time, or only one key group where a key is asked for;
writes nothing but local copies of databases, which are gone afterwards.
"""

import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from penstock.checkpoint.keyed_io import read_blob, read_keyed
from penstock.checkpoint.store import CheckpointStore
from penstock.filesystems.registry import open_filesystem
from penstock.state.entries import decode_entry
from penstock.state.frames import Frame, FrameKind, load_frame, split_frames
from penstock.state.opaque import OpaqueLoader
from penstock_api.keys import key_group
from penstock_api.manifest import CheckpointMetadata, NativeKeyed, OperatorState, SubtaskState

EVENT_TIMERS, PROCESSING_TIMERS, OPERATOR_STATE = "(event timers)", "(processing timers)", "(operator state)"
"""Names of what is no named keyed state."""
_TIMER_NAMES = {FrameKind.EVENT: EVENT_TIMERS, FrameKind.PROCESSING: PROCESSING_TIMERS}
_SHORTEST_ID = 6
OnBytes = Callable[[int], None]


@dataclass(slots=True, frozen=True)
class StateEntry:
    """One value (of a timer: its time) of one key; `subtask` only for operator state, which has no key."""

    operator: str
    state: str
    key: Any
    namespace: Any
    value: Any
    subtask: int | None = None


class NotInSnapshot(Exception):
    """The snapshot has no such operator or state; the text says what it has."""


class SnapshotReader:
    """One snapshot. Raises SnapshotProblem if there is none, or it is not whole."""

    def __init__(
        self, path: str, configuration: Mapping[str, str], loader: OpaqueLoader | None = None
    ) -> None:
        self._configuration = dict(configuration)
        self._loader = loader or OpaqueLoader()
        uri = path if "://" in path else str(Path(path).absolute())
        snapshot = CheckpointStore(uri, "", self._configuration).load(uri)
        self.location: str = snapshot.location
        self.metadata: CheckpointMetadata = snapshot.metadata

    def operator(self, name: str) -> OperatorState:
        """The operator of that uid, name, or beginning of its id; NotInSnapshot says which there are."""
        operators = self.metadata.operators
        found = [operator for operator in operators if operator.uid == name]
        found += [operator for operator in operators if operator.name == name]
        if len(name) >= _SHORTEST_ID:
            found += [operator for operator in operators if operator.operator_id.startswith(name)]
        if found:
            return found[0]
        known = ", ".join(repr(operator.uid) for operator in operators) or "none"
        raise NotInSnapshot(f"there is no operator {name!r} in {self.location}; its uids are {known}")

    def count(self, operator: OperatorState, on_bytes: OnBytes = lambda _: None) -> dict[str, int]:
        """By state name: how many values (timers, operator states) there are."""
        counts: dict[str, int] = {}
        for frame in self._frames(operator, None, on_bytes):
            name = _TIMER_NAMES.get(FrameKind(frame.kind), frame.name)
            size = len(frame.content)
            if frame.kind == FrameKind.SPACED:
                size = sum(len(values) for _, values in frame.content)
            counts[name] = counts.get(name, 0) + size
        blobs = sum(len(subtask.operator) for subtask in operator.subtasks)
        return {**counts, OPERATOR_STATE: blobs} if blobs else counts

    def entries(
        self, operator: OperatorState, keys: tuple[Any, ...] | None = None, on_bytes: OnBytes = lambda _: None
    ) -> Iterator[StateEntry]:
        """Every entry of the operator; with `keys` only those of keys that equal one of them."""
        groups = None if keys is None else {key_group(key, operator.max_parallelism) for key in keys}
        for frame in self._frames(operator, groups, on_bytes):
            for entry in self._entries(operator, frame):
                if keys is None or entry.key in keys:
                    yield entry
        if keys is None:
            yield from self._operator_state(operator, on_bytes)

    # ------------------------------------------------------------------------------------------------------ inside

    def _frames(self, operator: OperatorState, groups: set[int] | None, on_bytes: OnBytes) -> Iterator[Frame]:
        where = f"operator {operator.uid!r}"
        for chunk in self._chunks(operator, groups, on_bytes):
            for data in split_frames(chunk, where):
                yield load_frame(data, where, self._loader.load)

    def _chunks(self, operator: OperatorState, groups: set[int] | None, on_bytes: OnBytes) -> Iterator[bytes]:
        for subtask in operator.subtasks:
            yield from self._canonical(subtask, groups, on_bytes)
            for native in subtask.native:
                wanted = range(native.first, native.last + 1)
                if groups is None or any(group in wanted for group in groups):
                    yield from self._native(native, groups, on_bytes)

    def _canonical(
        self, subtask: SubtaskState, groups: set[int] | None, on_bytes: OnBytes
    ) -> Iterator[bytes]:
        filesystem = open_filesystem(self.location, self._configuration)
        for stored in subtask.keyed:
            for group in range(stored.first, stored.last + 1):
                if groups is None or group in groups:
                    for _, chunk in read_keyed(filesystem, self.location, stored, group, group):
                        yield chunk
            on_bytes(stored.object.size)

    def _native(self, native: NativeKeyed, groups: set[int] | None, on_bytes: OnBytes) -> Iterator[bytes]:
        from penstock.checkpoint.native_io import fetch_database
        from penstock.state.rocksdb_layout import canonical_chunks
        from penstock.state.rocksdb_store import StoredDatabase

        with tempfile.TemporaryDirectory(prefix="penstock-state-") as scratch:
            fetched = fetch_database(native, self.location, self._configuration, Path(scratch, "db"))
            ranges = (
                [(native.first, native.last)]
                if groups is None
                else [(group, group) for group in sorted(groups)]
            )
            with StoredDatabase(fetched.folder) as database:
                for first, last in ranges:
                    for _, chunk in canonical_chunks(
                        database, max(first, native.first), min(last, native.last), "the database", {}
                    ):
                        yield chunk
        on_bytes(sum(file.object.size for file in native.files))

    def _entries(self, operator: OperatorState, frame: Frame) -> Iterator[StateEntry]:
        uid = operator.uid
        if frame.kind in _TIMER_NAMES:
            for timestamp, key, namespace in frame.content:
                yield StateEntry(uid, _TIMER_NAMES[FrameKind(frame.kind)], key, namespace, timestamp)
        elif frame.kind == FrameKind.RAW:
            for stored_key, stored_value in frame.content:
                found = decode_entry(stored_key, stored_value, f"state {frame.name!r}", self._loader.load)
                yield StateEntry(uid, frame.name, *found)
        else:
            spaces = [(None, frame.content)] if frame.kind == FrameKind.PLAIN else frame.content
            for namespace, values in spaces:
                for key, value in values.items():
                    yield StateEntry(uid, frame.name, key, namespace, value)

    def _operator_state(self, operator: OperatorState, on_bytes: OnBytes) -> Iterator[StateEntry]:
        filesystem = open_filesystem(self.location, self._configuration)
        for subtask in operator.subtasks:
            for stored in subtask.operator:
                data = read_blob(filesystem, self.location, stored)
                on_bytes(stored.size)
                value = self._loader.load(data, f"operator {operator.uid!r}")
                yield StateEntry(operator.uid, OPERATOR_STATE, None, None, value, subtask.index)
