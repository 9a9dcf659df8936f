"""How records spread over channels, and which subtasks an edge connects."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.control.barrier import Barrier
from penstock.exchange.edge_writer import EdgeWriter, split_list
from penstock.exchange.elements import Element, Watermark
from penstock.exchange.partitioners import (
    CustomChooser,
    HashChooser,
    RoundRobinChooser,
    ShuffleChooser,
    sources_of,
    targets_of,
)
from penstock.graph.jobgraph import Partitioner
from penstock.operators.contract import Batch
from penstock_api.keys import KeyTypeError, key_group, subtask_of


class Recorded:
    """A channel writer that keeps what it is sent."""

    is_delivered = True
    has_room = True
    bytes_out = 0

    def __init__(self, batch_limit: int = 100) -> None:
        self.batch_limit = batch_limit
        self.sent: list[Element] = []

    def overtake(self, barrier: Barrier) -> list[Batch]:
        return []

    pull_forward = overtake

    def is_holding(self, barrier: Barrier) -> bool:
        return False

    def send(self, element: Element) -> None:
        self.sent.append(element)

    @property
    def values(self) -> list[Any]:
        return [value for element in self.sent if isinstance(element, Batch) for value in element.values]


def test_records_go_to_the_owner_of_their_key_group() -> None:
    chooser = HashChooser(lambda record: record[0], 128, 3)
    records = [(key, 1) for key in ["a", 1, 1.0, True, None, ("a", 2), b"x"]] * 2
    assert chooser.choose(records) == [subtask_of(key_group(key, 128), 128, 3) for key, _ in records]


def test_key_that_is_no_key_is_refused_with_the_fix() -> None:
    with pytest.raises(KeyTypeError, match=r"use tuple\(...\)"):
        HashChooser(lambda record: record, 128, 2).choose([["a"]])


def test_round_robin_goes_on_from_batch_to_batch() -> None:
    chooser = RoundRobinChooser(3, start=1)
    assert chooser.choose(list("abcd")) == [1, 2, 0, 1]
    assert chooser.choose(list("e")) == [2]
    assert set(ShuffleChooser(2).choose(list(range(200)))) == {0, 1}


def test_custom_partitioner_must_name_a_channel() -> None:
    chooser = CustomChooser(lambda record: record, lambda key, count: key % count, 3)
    assert chooser.choose([0, 4, 8]) == [0, 1, 2]
    with pytest.raises(ValueError, match="must return 0 to 2"):
        CustomChooser(None, lambda key, count: key, 3).choose([3])


@given(st.sampled_from(list(Partitioner)), st.integers(1, 9), st.integers(1, 9))
def test_both_ends_agree_on_the_channels_and_everybody_has_one(
    kind: Partitioner, sources: int, targets: int
) -> None:
    out = {
        (source, target) for source in range(sources) for target in targets_of(kind, source, sources, targets)
    }
    into = {
        (source, target) for target in range(targets) for source in sources_of(kind, target, sources, targets)
    }
    assert out == into
    assert {source for source, _ in out} == set(range(sources))
    assert {target for _, target in out} == set(range(targets))
    if kind is Partitioner.FORWARD and sources == targets:
        assert out == {(index, index) for index in range(sources)}


def test_control_elements_stay_behind_their_records() -> None:
    writers = [Recorded(), Recorded()]
    edge = EdgeWriter(list(writers), RoundRobinChooser(2, 0))
    edge.emit(Batch([1, 2, 3]))
    assert edge.has_pending
    assert writers[0].sent == []
    edge.send(Watermark(5))
    edge.emit(Batch([4], [7]))
    edge.flush()
    assert writers[0].sent == [Batch([1, 3]), Watermark(5)]
    assert writers[1].sent == [Batch([2]), Watermark(5), Batch([4], [7])]


@given(st.lists(st.tuples(st.integers(0, 30), st.booleans()), max_size=30), st.integers(1, 10))
def test_no_record_is_lost_or_moved_by_batching(sizes: list[tuple[int, bool]], limit: int) -> None:
    writer = Recorded(limit)
    edge = EdgeWriter([writer], None)
    sent: list[int] = []
    for size, is_timed in sizes:
        values = list(range(len(sent), len(sent) + size))
        sent += values
        if values:
            edge.emit(Batch(values, [value * 10 for value in values] if is_timed else None))
    edge.flush()
    assert writer.values == sent
    assert all(len(element) <= limit for element in writer.sent if isinstance(element, Batch))
    assert all(
        element.timestamps is None or element.timestamps == [value * 10 for value in element.values]
        for element in writer.sent
        if isinstance(element, Batch)
    )


@given(st.lists(st.integers(0, 3)), st.integers(2, 4))
def test_a_batch_is_split_in_order(numbers: list[int], count: int) -> None:
    chosen = [number % count for number in numbers]
    parts = split_list(list(range(len(chosen))), chosen, count)
    assert parts == [[item for item, number in enumerate(chosen) if number == part] for part in range(count)]
