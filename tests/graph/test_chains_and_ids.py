"""From streams to a job graph: what is chained and fused, ids that stay, refusals that say what to do."""

import json
import threading

import pytest

from penstock.common.watermark_strategy import WatermarkStrategy
from penstock.datastream import StreamExecutionEnvironment
from penstock.datastream.connectors.number_seq import NumberSequenceSource
from penstock.datastream.data_stream import DataStream
from penstock.graph.jobgraph import JobGraph, Partitioner
from penstock.graph.streamgraph import GraphError


def numbers(env: StreamExecutionEnvironment) -> DataStream:
    source = NumberSequenceSource(1, 10)
    return env.from_source(source, WatermarkStrategy.no_watermarks(), "numbers").uid("numbers")


def counting(extra_map: bool = False, parallelism: int = 2) -> JobGraph:
    env = StreamExecutionEnvironment()
    env.set_parallelism(parallelism)
    stream = numbers(env).filter(lambda n: n > 1).map(lambda n: (n % 3, n))
    if extra_map:
        stream = stream.map(lambda pair: pair)
    stream.key_by(lambda pair: pair[0]).sum(1).uid("sums").print()
    return env.job_graph("counting")


def test_operators_between_shuffles_share_a_task_and_stateless_neighbours_one_loop() -> None:
    graph = counting()
    assert [vertex.name for vertex in graph.vertices] == [
        "Source: numbers -> Timestamps/Watermarks -> Filter -> Map",
        "Keyed Aggregation -> Sink: Print to Std. Out",
    ]
    assert [operator.upstream for operator in graph.vertices[0].operators] == [None, 0, 1]
    (edge,) = graph.edges
    assert (edge.partitioner, edge.source_operator) == (Partitioner.HASH, 2)
    assert edge.key_selector is not None
    assert graph.vertices[1].operators[0].key_selector is not None
    assert JobGraph.model_validate_json(graph.model_dump_json()) == graph


def test_uids_keep_operator_ids_when_the_program_changes() -> None:
    first, second = counting(), counting(extra_map=True, parallelism=3)
    assert first.vertices[1].operators[0].operator_id == second.vertices[1].operators[0].operator_id
    assert first.vertices[0].id == second.vertices[0].id
    assert counting().vertices == first.vertices


def test_a_different_parallelism_ends_a_chain_and_rebalances() -> None:
    env = StreamExecutionEnvironment()
    env.set_parallelism(2)
    numbers(env).map(lambda n: n).set_parallelism(1).print().set_parallelism(2)
    graph = env.job_graph("uneven")
    assert [vertex.parallelism for vertex in graph.vertices] == [2, 1, 2]
    assert [edge.partitioner for edge in graph.edges] == [Partitioner.REBALANCE] * 2


def test_chaining_can_be_turned_off() -> None:
    env = StreamExecutionEnvironment()
    env.disable_operator_chaining()
    numbers(env).filter(bool).map(str).print()
    assert len(env.job_graph("unchained").vertices) == 4


def test_a_branch_and_its_side_output_stay_in_the_chain() -> None:
    env = StreamExecutionEnvironment()
    env.set_parallelism(1)
    stream = numbers(env).map(str)
    stream.print("all")
    stream.filter(bool).print("some")
    (vertex,) = env.job_graph("branches").vertices
    assert vertex.name == (
        "Source: numbers -> Timestamps/Watermarks -> Map -> "
        "(Sink: Print to Std. Out, Filter -> Sink: Print to Std. Out)"
    )


def test_one_uid_for_two_operators_is_refused() -> None:
    env = StreamExecutionEnvironment()
    numbers(env).map(str).uid("same").filter(bool).uid("same").print()
    with pytest.raises(GraphError, match="same uid 'same'"):
        env.job_graph("twice")


def test_what_cannot_travel_is_named_with_the_fix() -> None:
    env = StreamExecutionEnvironment()
    lock = threading.Lock()
    numbers(env).map(lambda n: (lock, n)).name("locked").print()
    with pytest.raises(GraphError, match=r"'locked' cannot be sent to a slot.*open\(\)"):
        env.job_graph("locked")


def test_a_program_without_operators_is_refused() -> None:
    with pytest.raises(GraphError, match="defines no operators"):
        StreamExecutionEnvironment().job_graph("empty")


def test_the_plan_shows_vertices_and_how_records_travel() -> None:
    env = StreamExecutionEnvironment()
    numbers(env).key_by(lambda n: n).sum().print()
    plan = json.loads(env.get_execution_plan())
    assert plan["nodes"][1]["predecessors"][0]["ship_strategy"] == "HASH"
