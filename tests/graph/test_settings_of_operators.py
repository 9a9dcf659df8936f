"""What operators are told: partitioners, parallelism and its limit, slots; and the settings that no job can have."""

from collections.abc import Callable
from typing import Any

import pytest

from penstock.common.watermark_strategy import WatermarkStrategy
from penstock.datastream import StreamExecutionEnvironment
from penstock.datastream.connectors.number_seq import NumberSequenceSource
from penstock.graph.jobgraph import JobGraph, Partitioner
from penstock.graph.streamgraph import GraphError
from penstock.jobmanager.scheduler import required_slots
from penstock.windows.assigners import GlobalWindows


def graph_of(build: Callable[[Any], Any], parallelism: int = 2) -> JobGraph:
    env = StreamExecutionEnvironment()
    env.set_parallelism(parallelism)
    source = NumberSequenceSource(1, 10)
    build(env.from_source(source, WatermarkStrategy.no_watermarks(), "numbers"))
    return env.job_graph("job")


def partition(key: Any, count: int) -> int:
    return int(key) % count


@pytest.mark.parametrize(
    ("spread", "expected"),
    [
        (lambda s: s.rebalance(), Partitioner.REBALANCE),
        (lambda s: s.rescale(), Partitioner.RESCALE),
        (lambda s: s.shuffle(), Partitioner.SHUFFLE),
        (lambda s: s.broadcast(), Partitioner.BROADCAST),
        (lambda s: s.global_(), Partitioner.GLOBAL),
        (lambda s: s.partition_custom(partition, lambda n: n), Partitioner.CUSTOM),
    ],
)
def test_a_partitioner_ends_the_chain_even_where_parallelisms_agree(
    spread: Any, expected: Partitioner
) -> None:
    graph = graph_of(lambda numbers: spread(numbers).map(lambda n: n).print())
    assert [edge.partitioner for edge in graph.edges] == [expected]
    assert len(graph.vertices) == 2


def test_forward_needs_the_same_parallelism_on_both_sides() -> None:
    assert len(graph_of(lambda numbers: numbers.forward().map(lambda n: n).print()).vertices) == 1
    with pytest.raises(GraphError, match=r"\(parallelism 2\) cannot forward to 'Map' \(parallelism 3\)"):
        graph_of(lambda numbers: numbers.forward().map(lambda n: n).set_parallelism(3).print())


def test_every_slot_sharing_group_needs_slots_of_its_own() -> None:
    def build(numbers: Any) -> None:
        apart = numbers.map(lambda n: n).slot_sharing_group("apart").set_parallelism(3)
        apart.map(lambda n: n).set_parallelism(3).print().set_parallelism(3)
        numbers.map(lambda n: n).print()

    graph = graph_of(build)
    assert {vertex.slot_sharing_group for vertex in graph.vertices} == {"default", "apart"}
    assert required_slots(graph) == 2 + 3
    assert required_slots(graph_of(lambda numbers: numbers.rebalance().print())) == 2


def test_chaining_is_broken_where_the_program_says_so() -> None:
    def names(build: Callable[[Any], Any]) -> list[str]:
        return [vertex.name.removeprefix("Source: numbers -> ") for vertex in graph_of(build).vertices]

    sink = "Sink: Print to Std. Out"
    assert names(lambda s: s.map(lambda n: n).start_new_chain().print()) == [
        "Timestamps/Watermarks",
        f"Map -> {sink}",
    ]
    assert names(lambda s: s.map(lambda n: n).disable_chaining().print()) == [
        "Timestamps/Watermarks",
        "Map",
        sink,
    ]


def test_key_groups_are_those_of_the_strictest_operator_of_a_task() -> None:
    graph = graph_of(lambda s: s.map(lambda n: n).set_max_parallelism(64).print().set_max_parallelism(32))
    assert graph.vertices[0].max_parallelism == 32
    with pytest.raises(GraphError, match="operator 'Map' has parallelism 2 but max parallelism 1"):
        graph_of(lambda s: s.map(lambda n: n).set_max_parallelism(1).print())


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        (lambda s: s.set_max_parallelism(0), "'Map' has max parallelism 0: it must be 1 to 32768"),
        (lambda s: s.set_max_parallelism(40_000), "max parallelism 40000: it must be 1 to 32768"),
        (lambda s: s.set_max_parallelism(2).set_parallelism(3), "parallelism 3 but max parallelism 2"),
        (lambda s: s.set_parallelism(4).force_non_parallel(), "parallelism 4 but can only run with 1"),
        (lambda s: s.uid(" "), "'Map' has an empty uid"),
        (lambda s: s.set_uid_hash("xyz"), "must be 32 lower-case hex digits"),
    ],
)
def test_settings_that_no_job_can_have_name_the_operator(setting: Any, message: str) -> None:
    with pytest.raises((GraphError, ValueError), match=message):
        graph_of(lambda numbers: setting(numbers.map(lambda n: n)).print())


def test_an_operator_of_the_whole_stream_runs_once() -> None:
    graph = graph_of(lambda s: s.window_all(GlobalWindows.create()).reduce(lambda a, b: a).print())
    assert [vertex.parallelism for vertex in graph.vertices] == [2, 1, 2]


def test_a_state_goes_with_its_uid_when_operators_come_and_go() -> None:
    def identifiers(build: Callable[[Any], Any]) -> dict[str, str]:
        return {op.name: op.operator_id for vertex in graph_of(build).vertices for op in vertex.operators}

    def sums(stream: Any) -> Any:
        return stream.key_by(lambda n: n % 3).reduce(lambda a, b: a + b).name("sums")

    before = identifiers(lambda s: sums(s).uid("sums").print())
    after = identifiers(lambda s: sums(s.rebalance().map(lambda n: n)).uid("sums").print())
    assert before["sums"] == after["sums"]
    nameless = identifiers(lambda s: sums(s).print())
    moved = identifiers(lambda s: sums(s.rebalance().map(lambda n: n)).print())
    assert nameless["sums"] != moved["sums"]
