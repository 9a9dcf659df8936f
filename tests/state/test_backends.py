"""Every backend keeps the same promises: values, namespaces, timers, groups; and which one a configuration chooses."""

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from penstock.state.backends import UnknownBackend, backend_type
from penstock.state.contract import MISSING, SlotBackend
from penstock.state.errors import KeyNotOurs, NoCurrentKey, StateIncompatible
from penstock.state.rocksdb_options import RocksDBSettingWrong, read_options
from penstock_api.keys import key_group
from penstock_api.manifest import KeyedStateInfo

MakeBackend = Callable[..., SlotBackend]


def content(of: SlotBackend, name: str = "s") -> dict[tuple[Any, Any], Any]:
    return {(key, namespace): value for key, namespace, value in of.table(name).entries()}


def test_values_belong_to_key_and_namespace(make: MakeBackend) -> None:
    state = make()
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
    group = table.group_of("c")
    assert "c" not in group
    assert group.get("c") is None
    group["c"] = 7
    state.set_current_key("c")
    assert table.get() == group["c"] == 7


@pytest.mark.parametrize(
    "key", [1, True, 2.5, 2**70, "text", b"bytes", None, ("a", 1), frozenset(), "\ud800", "", b""], ids=repr
)
def test_keys_come_back_as_they_were(make: MakeBackend, key: Any) -> None:
    state = make()
    if isinstance(key, frozenset):
        with pytest.raises(TypeError):
            state.set_current_key(key)
        return
    state.set_current_key(key)
    state.table("s").put("value", "space")
    state.event_timers.add(state.group, 5, key, (1, 2))
    ((found, namespace, value),) = state.table("s").entries()
    assert (type(found), found, namespace, value) == (type(key), key, "space", "value")
    timer = state.event_timers.peek()
    assert timer == (key_group(key, 16), (5, key, (1, 2)))
    assert type(timer[1][1]) is type(key)


@pytest.mark.parametrize(
    "namespace", [(1, 2), (-5, 2**62), (2**80, 1), 7, "global", ("a", 1), b"x"], ids=repr
)
def test_namespaces_come_back_as_they_were(make: MakeBackend, namespace: Any) -> None:
    state = make()
    state.set_current_key("k")
    state.table("s").put(1, namespace)
    assert [found for _, found, _ in state.table("s").entries()] == [namespace]


def test_state_without_a_key_is_an_error_that_says_so(make: MakeBackend) -> None:
    with pytest.raises(NoCurrentKey, match="only accessible by functions executed on a KeyedStream"):
        make().table("s").get()
    with pytest.raises(NoCurrentKey):
        make().table("s").remove()


def test_key_of_another_subtask_is_refused(make: MakeBackend) -> None:
    state = make(0, 7)
    foreign = next(key for key in range(1000) if key_group(key, 16) > 7)
    with pytest.raises(KeyNotOurs, match="same key for a record every time"):
        state.set_current_key(foreign)


def test_values_changed_in_place_are_kept(make: MakeBackend) -> None:
    state = make()
    table = state.table("s")
    for key in range(5000):
        state.set_current_key(key)
        table.put([key])
    for key in range(5000):
        state.set_current_key(key)
        table.for_update().append(key + 1)
    for key in range(0, 5000, 7):
        state.set_current_key(key)
        assert table.get() == [key, key + 1]


def test_timers_fire_in_order_and_once(make: MakeBackend) -> None:
    timers = make().event_timers
    timers.add(3, 20, "b", None)
    timers.add(1, 10, "a", None)
    timers.add(1, 10, "a", None)
    timers.add(1, 15, "a", "w")
    timers.discard(1, 15, "a", "w")
    timers.discard(1, 99, "a", "w")
    timers.add(2, -7, "c", None)
    fired = []
    while (first := timers.peek()) is not None:
        assert timers.next_time() == first[1][0]
        timers.pop()
        fired.append(first)
    assert fired == [(2, (-7, "c", None)), (1, (10, "a", None)), (3, (20, "b", None))]
    assert timers.next_time() is None


def test_more_timers_than_memory_keeps_are_in_order_too(make: MakeBackend) -> None:
    state = make()
    timers = state.processing_timers
    times = [(number * 7919) % 4001 for number in range(4001)]
    for time in times:
        state.set_current_key(time)
        timers.add(state.group, time, time, None)
    for time in range(0, 4001, 3):
        state.set_current_key(time)
        timers.discard(state.group, time, time, None)
    fired = []
    while (first := timers.peek()) is not None:
        timers.pop()
        fired.append(first[1][0])
    assert fired == [time for time in range(4001) if time % 3]


def test_sweeping_removes_what_has_expired(make: MakeBackend) -> None:
    state = make()
    table = state.table("s")
    for key in range(3000):
        state.set_current_key(key)
        table.put((key % 2, key))
    table.drop_expired(lambda value: value[0] == 0)
    list(table.entries())  # everything is stored
    removed = sum(table.sweep(100) for _ in range(100))
    assert removed == 1500
    assert all(value[0] == 0 for _, _, value in table.entries())


def test_state_of_another_type_or_kind_is_refused(make: MakeBackend) -> None:
    state = make()
    state.restore_declared(
        [KeyedStateInfo(name="count", kind="value", type="LONG"), KeyedStateInfo(name="old")]
    )
    state.declare("count", "value", "LONG")
    state.declare("old", "list", "STRING")
    with pytest.raises(
        StateIncompatible, match=r"'count' of operator 'counter' has the type LONG.*and STRING in"
    ):
        state.declare("count", "value", "STRING")
    with pytest.raises(StateIncompatible, match="has the kind value in the snapshot and list"):
        state.declare("count", "list", "LONG")


@pytest.mark.parametrize(
    ("settings", "chosen"),
    [
        ({}, "hashmap"),
        ({"state.backend.type": "rocksdb"}, "rocksdb"),
        ({"state.backend": "filesystem"}, "hashmap"),
        ({"state.backend": "rocksdb", "state.backend.type": "hashmap"}, "hashmap"),
        (
            {"state.backend.type": "org.apache.flink.state.rocksdb.EmbeddedRocksDBStateBackendFactory"},
            "rocksdb",
        ),
    ],
)
def test_flinks_keys_choose(settings: dict[str, str], chosen: str) -> None:
    assert backend_type(settings) == chosen


def test_unknown_backend_is_refused() -> None:
    with pytest.raises(UnknownBackend, match=r"state.backend.type is 'leveldb'.*hashmap, rocksdb"):
        backend_type({"state.backend.type": "leveldb"})


def test_rocksdb_is_not_imported_unless_chosen() -> None:
    code = (
        "import sys, penstock.taskmanager.worker, penstock.checkpoint.keyed_state\n"
        "from penstock.state.backends import KeyedPlace, make_backend\n"
        "make_backend(KeyedPlace(128, 0, 127, 'x'), {})\n"
        "assert 'rocksdict' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=150)


def test_options_of_rocksdb_are_flinks_keys() -> None:
    options = read_options(
        {
            "state.backend.rocksdb.localdir": "file:///fast/a,file:///fast/b",
            "taskmanager.memory.managed.size": "1 gb",
            "taskmanager.numberOfTaskSlots": "4",
            "state.backend.rocksdb.compression.per.level": "NO_COMPRESSION;ZSTD_COMPRESSION",
            "state.backend.incremental": "true",
        }
    )
    assert options.local_folder == "/fast/a"
    assert options.memory == 256 << 20
    assert options.compression == "zstd"
    assert options.is_incremental
    assert read_options({"io.tmp.dirs": "/one:/two"}).local_folder == "/one"
    with pytest.raises(
        RocksDBSettingWrong, match=r"memory.fixed-per-slot is 'much': write a size like '64 mb'"
    ):
        read_options({"state.backend.rocksdb.memory.fixed-per-slot": "much"})
    with pytest.raises(RocksDBSettingWrong, match=r"compression.per.level is 'rar': use one of lz4"):
        read_options({"state.backend.rocksdb.compression.per.level": "rar"})
