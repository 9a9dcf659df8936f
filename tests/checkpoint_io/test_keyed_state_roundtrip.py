"""Keyed state through storage: what a snapshot holds at any moment comes back in any backend, at any parallelism."""

import dataclasses
import shutil
import sys
import tempfile
import types
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.checkpoint.keyed_state import StoragePlace, load_keyed, store_keyed
from penstock.state.backends import KeyedPlace, make_backend
from penstock.state.contract import MISSING, SlotBackend, SnapshotForm
from penstock.state.errors import StateIncompatible, StateNotSerializable
from penstock_api.keys import key_group_range
from penstock_api.manifest import SubtaskState

GROUPS = 16
KINDS = ("hashmap", "rocksdb")
Content = dict[tuple[str, Any, Any], Any]
Timers = set[tuple[str, int, Any, Any]]


def make(folder: Path, kind: str, parallelism: int, index: int, **settings: str) -> SlotBackend:
    configuration = {
        "state.backend.type": kind,
        "state.backend.rocksdb.localdir": str(folder),
        "state.backend.rocksdb.memory.fixed-per-slot": "8mb",
        **settings,
    }
    first, last = key_group_range(GROUPS, parallelism, index)
    return make_backend(KeyedPlace(GROUPS, first, last, "counter"), configuration)


def content(backends: list[SlotBackend]) -> Content:
    return {
        (name, key, namespace): value
        for backend in backends
        for name in ("s", "t")
        for key, namespace, value in backend.table(name).entries()
    }


def drain(backends: list[SlotBackend]) -> Timers:
    found: Timers = set()
    for backend in backends:
        for kind, timers in (("event", backend.event_timers), ("processing", backend.processing_timers)):
            last = None
            while (first := timers.peek()) is not None:
                timers.pop()
                assert last is None or first[1][0] >= last
                last = first[1][0]
                found.add((kind, *first[1]))
    return found


def snapshot(
    backend: SlotBackend, form: SnapshotForm, location: Path, index: int, number: int = 1
) -> SubtaskState:
    frozen = backend.freeze(form, number)
    states = backend.declared()
    while not frozen.step(0.001):
        pass
    stored = store_keyed(frozen, StoragePlace(str(location), f"op-{index}-1", {}))
    return SubtaskState(index=index, keyed=stored.keyed, native=stored.native, states=states)


def restore(
    folder: Path, kind: str, parallelism: int, states: list[SubtaskState], location: Path
) -> list[SlotBackend]:
    made = [make(folder, kind, parallelism, index) for index in range(parallelism)]
    for backend in made:
        load_keyed(states, str(location), {}, backend)
    return made


ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(["put", "grow", "remove", "timer", "untimer", "fire", "step"]),
        st.one_of(st.integers(0, 40), st.sampled_from(["a", "b", True, 2.5, ("x", 1)])),
        st.sampled_from([None, (0, 10), "global"]),
        st.integers(-20, 20),
        st.sampled_from(["s", "t"]),
    ),
    max_size=60,
)


def act(state: SlotBackend, action: tuple[str, Any, Any, int, str]) -> None:
    what, key, namespace, number, name = action
    state.set_current_key(key)
    table = state.table(name)
    if what == "put":
        table.put([number], namespace)
    elif what == "grow":
        held = table.for_update(namespace)
        if held is not MISSING:
            held.append(number)
    elif what == "remove":
        table.remove(namespace)
    elif what == "timer":
        state.event_timers.add(state.group, number, key, namespace)
        state.processing_timers.add(state.group, -number, key, namespace)
    elif what == "fire" and (first := state.event_timers.peek()) is not None:
        state.set_current_key(first[1][1])
        state.event_timers.pop()
    elif what == "untimer":
        state.event_timers.discard(state.group, number, key, namespace)


@settings(max_examples=40, deadline=None)
@given(
    kind=st.sampled_from(KINDS),
    other=st.sampled_from(KINDS),
    form=st.sampled_from(list(SnapshotForm)),
    parallelism=st.integers(1, 4),
    before=ACTIONS,
    during=ACTIONS,
)
def test_snapshot_is_the_state_at_the_barrier_in_any_backend_at_any_parallelism(
    kind: str, other: str, form: SnapshotForm, parallelism: int, before: Any, during: Any
) -> None:
    folder = Path(tempfile.mkdtemp(prefix="roundtrip-"))
    try:
        run_roundtrip(folder, kind, other, form, parallelism, before, during)
    finally:
        shutil.rmtree(folder)


def run_roundtrip(
    folder: Path, kind: str, other: str, form: SnapshotForm, parallelism: int, before: Any, during: Any
) -> None:
    state, twin = make(folder, kind, 1, 0), make(folder, "hashmap", 1, 0)
    for action in before:
        act(state, action)
        act(twin, action)
    location = folder / "chk-1"
    frozen = state.freeze(form, 1)
    states = state.declared()
    for action in during:
        if action[0] == "step":
            frozen.step(0.0)
        else:
            act(state, action)
    while not frozen.step(0.01):
        pass
    stored = store_keyed(frozen, StoragePlace(str(location), "op-0-1", {}))
    subtasks = [SubtaskState(index=0, keyed=stored.keyed, native=stored.native, states=states)]
    again = restore(folder, other, parallelism, subtasks, location)
    assert content(again) == content([twin])
    # A second snapshot, of what was restored, goes back to the first kind at parallelism 1.
    second = folder / "chk-2"
    parts = [snapshot(part, form, second, index, 2) for index, part in enumerate(again)]
    whole = restore(folder, kind, 1, parts, second)
    assert content(whole) == content([twin])
    expected = drain([twin])
    assert drain(again) == expected
    assert drain(whole) == expected
    for backend in (state, twin, *again, *whole):
        backend.close()


@pytest.mark.parametrize("kind", KINDS)
def test_large_state_comes_back(tmp_path: Path, kind: str) -> None:
    state = make(tmp_path / "local", kind, 1, 0)
    for key in range(20_000):
        state.set_current_key(key)
        state.table("s").put(f"value {key}")
        state.event_timers.add(state.group, key, key, None)
    stored = snapshot(state, SnapshotForm.CHECKPOINT, tmp_path / "chk-1", 0)
    again = restore(tmp_path / "local", kind, 3, [stored], tmp_path / "chk-1")
    assert content(again) == {("s", key, None): f"value {key}" for key in range(20_000)}
    assert len(drain(again)) == 20_000
    for backend in (state, *again):
        backend.close()


def test_incremental_checkpoints_share_what_completed_ones_stored(tmp_path: Path) -> None:
    incremental = {"execution.checkpointing.incremental": "true"}
    state = make(tmp_path / "local", "rocksdb", 1, 0, **incremental)

    def fill(start: int, end: int) -> None:
        for key in range(start, end):
            state.set_current_key(key)
            state.table("s").put("x" * 50)

    def files(stored: SubtaskState) -> set[str]:
        return {file.object.path for file in stored.native[0].files if file.name.endswith(".sst")}

    fill(0, 20_000)
    first = snapshot(state, SnapshotForm.CHECKPOINT, tmp_path / "job/chk-1", 0, 1)
    fill(20_000, 21_000)
    unconfirmed = snapshot(state, SnapshotForm.CHECKPOINT, tmp_path / "job/chk-2", 0, 2)
    assert not files(first) & files(unconfirmed)
    state.on_complete(1)
    state.on_aborted(2)
    fill(21_000, 22_000)
    third = snapshot(state, SnapshotForm.CHECKPOINT, tmp_path / "job/chk-3", 0, 3)
    assert files(first) <= files(third)
    assert not files(unconfirmed) & files(third)
    assert all(path.startswith(f"file://{tmp_path}/job/shared/") for path in files(third))
    again = restore(tmp_path / "local", "rocksdb", 2, [third], tmp_path / "job/chk-3")
    assert len(content(again)) == 22_000
    savepoint = snapshot(state, SnapshotForm.NATIVE, tmp_path / "savepoint", 0, 4)
    assert all("/" not in file.object.path for file in savepoint.native[0].files)
    for backend in (state, *again):
        backend.close()


def test_expired_values_are_left_out_of_canonical_snapshots(tmp_path: Path) -> None:
    for kind in KINDS:
        state = make(tmp_path / "local", kind, 1, 0)
        table = state.table("s")
        for key in range(100):
            state.set_current_key(key)
            table.put(key)
        table.drop_expired(lambda value: value >= 50)
        stored = snapshot(state, SnapshotForm.CANONICAL, tmp_path / kind, 0)
        again = restore(tmp_path / "local", "hashmap", 1, [stored], tmp_path / kind)
        assert sorted(content(again).values()) == list(range(50, 100))
        assert len(content([state])) == 100
        state.close()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("form", list(SnapshotForm))
def test_a_class_that_is_gone_is_named_at_restore(tmp_path: Path, kind: str, form: SnapshotForm) -> None:
    module = types.ModuleType("penstock_main_gone")
    sys.modules[module.__name__] = module
    visit = dataclasses.make_dataclass("Visit", [("page", str)])
    visit.__module__ = module.__name__
    module.Visit = visit  # type: ignore[attr-defined]
    state = make(tmp_path / "local", kind, 1, 0)
    state.set_current_key("a")
    state.table("s").put(visit("home"))
    stored = snapshot(state, form, tmp_path / "chk", 0)
    state.close()
    del sys.modules[module.__name__]
    for other in KINDS:
        backend = make(tmp_path / "local", other, 1, 0)
        with pytest.raises(
            StateIncompatible, match=r"penstock_main_gone\.Visit, which this program does not have"
        ):
            load_keyed([stored], str(tmp_path / "chk"), {}, backend)
        backend.close()


@pytest.mark.parametrize("kind", KINDS)
def test_value_that_cannot_be_stored_is_named(tmp_path: Path, kind: str) -> None:
    state = make(tmp_path / "local", kind, 1, 0)
    state.set_current_key("a")
    state.table("s").put(lambda: 1)
    with pytest.raises(StateNotSerializable, match=r"state 's'.*cannot be stored"):
        snapshot(state, SnapshotForm.CHECKPOINT, tmp_path / "chk", 0)
    state.close()
