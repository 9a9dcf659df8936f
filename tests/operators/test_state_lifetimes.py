"""Keyed state with a lifetime: what renews it, what of it can be read, and how what expired is cleaned up."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from penstock.common.state_descriptors import (
    AggregatingStateDescriptor,
    ListStateDescriptor,
    MapStateDescriptor,
    ReducingStateDescriptor,
    StateDescriptor,
    ValueStateDescriptor,
)
from penstock.common.state_ttl import StateTtlBuilder, StateTtlConfig
from penstock.common.time import Time
from penstock.datastream.functions import AggregateFunction, KeyedProcessFunction, RuntimeContext
from penstock.testing import KeyedHarness

Kind = Callable[[], StateDescriptor]


class Total(AggregateFunction):
    def create_accumulator(self) -> int:
        return 0

    def add(self, value: Any, accumulator: int) -> int:
        return accumulator + int(value)

    def get_result(self, accumulator: int) -> int:
        return accumulator

    def merge(self, acc_a: int, acc_b: int) -> int:
        return acc_a + acc_b


def plus(a: int, b: int) -> int:
    return a + b


class Using(KeyedProcessFunction):
    """Records are (key, method, arguments...): calls the method of the state and gives what it returned."""

    def __init__(self, descriptor: StateDescriptor) -> None:
        self.descriptor = descriptor

    def open(self, runtime_context: RuntimeContext) -> None:
        self.state: Any = runtime_context._open(self.descriptor)

    def process_element(self, value: Any, ctx: Any) -> Iterable[Any]:
        _, method, *arguments = value
        result = getattr(self.state, method)(*arguments)
        yield sorted(result) if isinstance(result, (list, set)) else result


def using(
    descriptor: StateDescriptor, build: Callable[[StateTtlBuilder], object] = lambda b: b
) -> KeyedHarness:
    builder = StateTtlConfig.new_builder(Time.milliseconds(100))
    build(builder)
    descriptor.enable_time_to_live(builder.build())
    return KeyedHarness(Using(descriptor), lambda record: record[0])


def call(job: KeyedHarness, at: int, method: str, *arguments: Any, key: str = "a") -> Any:
    job.set_processing_time(at)
    job.process_element((key, method, *arguments))
    return job.extract_output_values()[0]


def quiet(builder: StateTtlBuilder) -> StateTtlBuilder:
    return builder.disable_cleanup_in_background()


def renewing(builder: StateTtlBuilder) -> StateTtlBuilder:
    return quiet(builder).update_ttl_on_read_and_write()


def lenient(builder: StateTtlBuilder) -> StateTtlBuilder:
    return quiet(builder).return_expired_if_not_cleaned_up()


def test_a_value_lives_from_its_last_write() -> None:
    with using(ValueStateDescriptor("s"), quiet) as job:
        call(job, 0, "update", 7)
        assert call(job, 99, "value") == 7
        assert call(job, 100, "value") is None
        assert job.num_keyed_state_entries() == 0
        call(job, 100, "update", 8)
        call(job, 150, "update", 9)
        assert call(job, 249, "value") == 9


def test_reading_renews_a_value_where_the_program_says_so() -> None:
    with using(ValueStateDescriptor("s"), renewing) as job:
        call(job, 0, "update", 7)
        for at in (90, 180, 270):
            assert call(job, at, "value") == 7
        assert call(job, 370, "value") is None


def test_an_expired_value_can_be_read_once_where_the_program_says_so() -> None:
    with using(ValueStateDescriptor("s"), lenient) as job:
        call(job, 0, "update", 7)
        assert call(job, 500, "value") == 7
        assert call(job, 500, "value") is None


def test_elements_of_a_list_expire_one_by_one() -> None:
    with using(ListStateDescriptor("s"), quiet) as job:
        call(job, 0, "add", 1)
        call(job, 60, "add_all", [2, 3])
        assert call(job, 99, "get") == [1, 2, 3]
        assert call(job, 100, "get") == [2, 3]
        assert call(job, 160, "get") == []
        assert job.num_keyed_state_entries() == 0
        call(job, 160, "update", [4])
        assert call(job, 161, "get") == [4]
    with using(ListStateDescriptor("s"), renewing) as job:
        call(job, 0, "add", 1)
        assert call(job, 80, "get") == [1]
        assert call(job, 160, "get") == [1]
    with using(ListStateDescriptor("s"), lenient) as job:
        call(job, 0, "add", 1)
        call(job, 60, "add", 2)
        assert call(job, 120, "get") == [1, 2]


def test_entries_of_a_map_expire_one_by_one() -> None:
    with using(MapStateDescriptor("s"), quiet) as job:
        call(job, 0, "put", "x", 1)
        call(job, 60, "put_all", {"y": 2, "z": 3})
        assert call(job, 99, "keys") == ["x", "y", "z"]
        assert call(job, 100, "get", "x") is None
        assert call(job, 100, "contains", "x") is False
        assert call(job, 100, "__contains__", "y") is True
        assert call(job, 100, "items") == [("y", 2), ("z", 3)]
        call(job, 120, "remove", "y")
        assert call(job, 120, "values") == [3]
        assert call(job, 160, "is_empty") is True
        assert job.num_keyed_state_entries() == 0
    with using(MapStateDescriptor("s"), renewing) as job:
        call(job, 0, "put", "x", 1)
        call(job, 0, "put", "y", 1)
        assert call(job, 80, "get", "x") == 1
        assert call(job, 120, "__getitem__", "x") == 1
        assert call(job, 120, "get", "y") is None
    with using(MapStateDescriptor("s"), lenient) as job:
        call(job, 0, "put", "x", 1)
        assert call(job, 200, "get", "x") == 1
        assert call(job, 200, "get", "x") is None
        call(job, 300, "put", "y", 2)
        call(job, 360, "put", "z", 3)
        for at in (420, 430):  # a look at all of them cleans nothing up while one of them lives
            assert call(job, at, "items") == [("y", 2), ("z", 3)]


@pytest.mark.parametrize(
    "kind",
    [lambda: ReducingStateDescriptor("s", plus), lambda: AggregatingStateDescriptor("s", Total())],
)
def test_what_is_added_up_starts_anew_after_its_lifetime(kind: Kind) -> None:
    with using(kind(), quiet) as job:
        call(job, 0, "add", 1)
        call(job, 50, "add", 2)
        assert call(job, 149, "get") == 3
        call(job, 150, "add", 4)
        assert call(job, 200, "get") == 4
        assert call(job, 250, "get") is None


@pytest.mark.parametrize(
    "kind", [ValueStateDescriptor, ListStateDescriptor, MapStateDescriptor], ids=["value", "list", "map"]
)
def test_accesses_sweep_up_the_values_of_other_keys(kind: Any) -> None:
    arguments: dict[str, Any] = {"value": ("update", 1), "list": ("add", 1), "map": ("put", "x", 1)}
    name = kind.__name__.removesuffix("StateDescriptor").lower()
    with using(kind("s"), lambda builder: builder.cleanup_incrementally(3, False)) as job:
        for number in range(20):
            call(job, 0, *arguments[name], key=f"key-{number}")
        assert job.num_keyed_state_entries() == 20
        reading: Any = {"value": ("value",), "list": ("get",), "map": ("get", "x")}[name]
        for _ in range(12):
            call(job, 200, *reading, key="other")
        assert job.num_keyed_state_entries() == 0


def test_records_sweep_too_where_the_program_says_so() -> None:
    class Idle(Using):
        def process_element(self, value: Any, ctx: Any) -> Iterable[Any]:
            return () if value[1] == "nothing" else super().process_element(value, ctx)

    descriptor = ValueStateDescriptor("s")
    ttl = StateTtlConfig.new_builder(Time.milliseconds(100)).cleanup_incrementally(2, True)
    descriptor.enable_time_to_live(ttl.build())
    with KeyedHarness(Idle(descriptor), lambda record: record[0]) as job:
        for number in range(10):
            job.process_element((f"key-{number}", "update", 1))
        job.set_processing_time(100)
        job.process_batch([("x", "nothing")] * 8)
        job.process_batch([("x", "nothing")] * 8)
        assert job.num_keyed_state_entries() == 0


def test_a_sweep_leaves_what_was_written_since_it_began() -> None:
    with using(ValueStateDescriptor("s"), lambda builder: builder.cleanup_incrementally(1, False)) as job:
        for number in range(3):
            call(job, 0, "update", number, key=f"key-{number}")
        call(job, 90, "value", key="key-0")
        for number in range(3):
            call(job, 95, "update", number + 10, key=f"key-{number}")
        for _ in range(10):
            call(job, 150, "value", key="other")
        assert [call(job, 150, "value", key=f"key-{number}") for number in range(3)] == [10, 11, 12]


def test_lifetimes_go_on_over_a_restore() -> None:
    descriptor = ValueStateDescriptor("s")
    with using(descriptor, quiet) as job:
        call(job, 0, "update", 7)
        stored = job.snapshot()
    with KeyedHarness(Using(descriptor), lambda record: record[0], restored=stored) as again:
        assert call(again, 99, "value") == 7
        assert call(again, 100, "value") is None


def test_a_disabled_lifetime_is_none() -> None:
    disabled = StateTtlConfig.UpdateType.Disabled
    with using(ValueStateDescriptor("s"), lambda b: b.set_update_type(disabled)) as job:
        call(job, 0, "update", 7)
        assert call(job, 10_000, "value") == 7
