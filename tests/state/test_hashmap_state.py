"""Keyed state in dicts: values by key and namespace, timers, snapshots frozen by key group, what cannot be stored or read."""

import dataclasses
import sys
import types
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.state.contract import MISSING
from penstock.state.errors import KeyNotOurs, NoCurrentKey, StateIncompatible, StateUnreadable
from penstock.state.hashmap import HashMapBackend
from penstock_api.keys import key_group, key_group_range

GROUPS = 16


def backend() -> HashMapBackend:
    return HashMapBackend(GROUPS, 0, GROUPS - 1, "counter")


def restored(chunks: dict[int, bytes], first: int = 0, last: int = GROUPS - 1) -> HashMapBackend:
    made = HashMapBackend(GROUPS, first, last, "counter")
    for group, data in chunks.items():
        if first <= group <= last:
            made.load_group(group, data)
    return made


def content(of: HashMapBackend, name: str = "s") -> dict[tuple[Any, Any], Any]:
    return {(key, namespace): value for key, namespace, value in of.table(name).entries()}


def test_values_belong_to_key_and_namespace() -> None:
    state = backend()
    table = state.table("s")
    state.set_current_key("a")
    table.put(1)
    table.put(2, namespace=(0, 5))
    state.set_current_key("b")
    assert table.get() is MISSING
    table.put(None)
    assert table.get() is None
    state.set_current_key("a")
    assert (table.get(), table.get((0, 5)), table.get((5, 10))) == (1, 2, MISSING)
    table.remove((0, 5))
    table.remove((9, 9))
    assert content(state) == {("a", None): 1, ("b", None): None}
    table.group_of("c")["c"] = 7
    state.set_current_key("c")
    assert table.get() == 7


def test_state_without_a_key_is_an_error_that_says_so() -> None:
    with pytest.raises(NoCurrentKey, match="only accessible by functions executed on a KeyedStream"):
        backend().table("s").get()


def test_key_of_another_subtask_is_refused() -> None:
    first, last = key_group_range(GROUPS, 2, 0)
    state = HashMapBackend(GROUPS, first, last, "counter")
    foreign = next(key for key in range(1000) if key_group(key, GROUPS) > last)
    with pytest.raises(KeyNotOurs, match="same key for a record every time"):
        state.set_current_key(foreign)


@settings(max_examples=60, deadline=None)
@given(
    before=st.lists(st.tuples(st.integers(0, 60), st.integers())),
    during=st.lists(
        st.tuples(
            st.integers(0, 60), st.integers(), st.sampled_from(["put", "change", "remove", "step", "timer"])
        )
    ),
)
def test_snapshot_is_the_state_at_the_barrier_whatever_happens_meanwhile(
    before: list[tuple[int, int]], during: list[tuple[int, int, str]]
) -> None:
    state = backend()
    table = state.table("s")
    for key, value in before:
        state.set_current_key(key)
        table.put([value])
        state.event_timers.add(state.group, value, key, None)
    expected = {place: list(value) for place, value in content(state).items()}
    frozen = state.freeze()
    for key, value, action in during:
        if action == "step":
            frozen.step(0.0)
            continue
        state.set_current_key(key)
        old = table.for_update()
        if action == "put" or old is MISSING:
            table.put([value])
        elif action == "change":
            old.append(value)
        elif action == "remove":
            table.remove()
        else:
            state.event_timers.add(state.group, value, key, "late")
    while not frozen.step(1.0):
        pass
    again = restored(frozen.chunks)
    assert content(again) == expected
    timers = {timer for group in range(GROUPS) for timer in again.event_timers.in_group(group)}
    assert timers == {(value, key, None) for key, value in before}


def test_groups_move_to_other_ranges() -> None:
    state = backend()
    for key in range(200):
        state.set_current_key(key)
        state.table("s").put(key)
    frozen = state.freeze()
    frozen.step(10)
    parts = [restored(frozen.chunks, *key_group_range(GROUPS, 3, index)) for index in range(3)]
    merged = [place for part in parts for place in content(part)]
    assert sorted(merged) == sorted(content(state))


def test_timers_fire_in_order_and_once() -> None:
    timers = backend().event_timers
    timers.add(3, 20, "b", None)
    timers.add(1, 10, "a", None)
    timers.add(1, 10, "a", None)
    timers.add(1, 15, "a", "w")
    timers.discard(1, 15, "a", "w")
    fired = []
    while (first := timers.peek()) is not None:
        timers.pop()
        fired.append(first)
    assert fired == [(1, (10, "a", None)), (3, (20, "b", None))]
    assert len(timers) == 0


def test_value_without_a_name_spoils_the_snapshot_not_the_job() -> None:
    state = backend()
    state.set_current_key("a")
    state.table("s").put(lambda: 1)
    frozen = state.freeze()
    assert frozen.step(1)
    assert "cannot be stored" in str(frozen.failure)
    assert state.table("s").get()() == 1


@pytest.fixture
def program() -> Iterator[types.ModuleType]:
    module = types.ModuleType("penstock_main_test")
    sys.modules[module.__name__] = module
    yield module
    del sys.modules[module.__name__]


def declare(module: types.ModuleType, fields: list[Any], **more: Any) -> Any:
    made = dataclasses.make_dataclass("Visit", fields, **more)
    made.__module__ = module.__name__
    module.Visit = made  # type: ignore[attr-defined]
    return made


def stored_visit(program: types.ModuleType) -> dict[int, bytes]:
    visit = declare(program, [("page", str)])
    state = backend()
    state.set_current_key("a")
    state.table("s").put(visit("home"))
    frozen = state.freeze()
    frozen.step(1)
    return frozen.chunks


def test_upgraded_class_receives_old_state(program: types.ModuleType) -> None:
    chunks = stored_visit(program)
    upgraded = declare(program, [("page", str), ("count", int, 0)])
    (value,) = content(restored(chunks)).values()
    assert isinstance(value, upgraded)
    assert (value.page, value.count) == ("home", 0)


def test_missing_class_is_named(program: types.ModuleType) -> None:
    chunks = stored_visit(program)
    del program.Visit
    with pytest.raises(
        StateIncompatible,
        match=r"'counter' holds values of penstock_main_test.Visit, which this program does not",
    ):
        restored(chunks)


def test_new_field_without_default_is_named(program: types.ModuleType) -> None:
    chunks = stored_visit(program)
    declare(program, [("page", str), ("user", str)])
    with pytest.raises(StateIncompatible, match=r"Visit has new fields \(user\)"):
        restored(chunks)


def test_damaged_bytes_are_reported_as_such() -> None:
    with pytest.raises(StateUnreadable):
        restored({0: b"\x00"})
    with pytest.raises(StateUnreadable):
        restored({0: b"\x00\x00\x00\x00\x80"})
