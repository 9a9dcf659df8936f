"""A job to which nothing comes goes down to one slot, by the usual steps and with the bounds that nobody has set."""

from dataclasses import replace

import pytest

from penstock_operator.autoscale.decision import Circumstances, Memento, applied, decide, observe
from penstock_operator.autoscale.evaluation import Outlook, evaluate
from penstock_operator.autoscale.options import Alignment, AutoscalerOptions
from penstock_operator.autoscale.recommend import advise
from penstock_operator.autoscale.signals import Graph, Sample, VertexSample
from tests.operator.autoscale.series import steady, two_vertices

EVERY = 60.0
"""Seconds between two samples."""
DEFAULTS = AutoscalerOptions(enabled=True)
DAY = 24 * 3600.0


def wider(graph: Graph, target: dict[str, int], since: float) -> Graph:
    """The same job at another parallelism."""
    found = tuple(replace(one, parallelism=target[one.id]) for one in graph.vertices)
    return replace(graph, vertices=found, running_since=since)


def slots_of_a_day(
    graph: Graph, options: AutoscalerOptions = DEFAULTS, *, rate: float = 0.0, busy: float = 0.0
) -> list[int]:
    """The slots that the job has, step by step, when the load is the same for a day."""
    memento, found = Memento(), [graph.slots]
    for sample in steady(rate, busy, int(DAY / EVERY), every=EVERY):
        memento = observe(memento, graph, sample, options)
        decision = decide(memento, graph, options, Circumstances(sample.at))
        memento = decision.memento
        if decision.target:
            memento = applied(memento, decision, options)
            graph = wider(graph, decision.target, sample.at)
            found.append(graph.slots)
        elif graph.slots == 1 and memento.samples[0].at > graph.running_since + 2 * 3600:
            break  # it has stayed there for two hours
    return found


@pytest.mark.parametrize("shares_a_thread", [False, True], ids=["Flink", "Penstock"])
@pytest.mark.parametrize("alignment", [Alignment.BALANCED, Alignment.EVENLY_SPREAD])
@pytest.mark.parametrize("partitions", [None, 2, 3, 5, 7, 8, 9, 12])
def test_idle_job_goes_down_to_one_slot(
    partitions: int | None, alignment: Alignment, shares_a_thread: bool
) -> None:
    begun = replace(two_vertices(8, partitions=partitions), slots_share_a_thread=shares_a_thread)
    if partitions is not None:
        begun = wider(begun, {"source": partitions, "keyed": 8}, 0.0)
    found = slots_of_a_day(begun, DEFAULTS.model_copy(update={"alignment": alignment}))
    assert found[-1] == 1
    assert found == sorted(set(found), reverse=True), "never a step back"


def test_idle_job_with_a_trickle_goes_down_to_one_slot_too() -> None:
    assert slots_of_a_day(two_vertices(5, partitions=5), rate=0.5, busy=0.001)[-1] == 1


def test_idle_job_keeps_the_least_that_its_owner_wants() -> None:
    options = AutoscalerOptions(enabled=True, min_parallelism=2)
    assert slots_of_a_day(two_vertices(8), options)[-1] == 2


@pytest.mark.parametrize(
    "stuck",
    [
        VertexSample(1000.0, 0.0, busy=1.0, lag=500.0),
        VertexSample(1000.0, 0.0, busy=0.0, backpressured=1.0, lag=500.0),
    ],
    ids=["at work on one record", "held back"],
)
def test_a_job_that_is_stuck_is_not_idle(stuck: VertexSample) -> None:
    """Its dependency does not answer for hours: when it does, all slots are needed."""
    graph = Graph(two_vertices(8, partitions=8).vertices[:1], 0.0)
    samples = [Sample(turn * EVERY, {"source": stuck}) for turn in range(300)]
    assert decisions(graph, samples) == set()


def test_a_job_before_which_records_pile_up_is_not_idle() -> None:
    """Its source reads nothing, as when the brokers let nobody read."""
    graph = Graph(two_vertices(8, partitions=8).vertices[:1], 0.0)
    samples = [
        Sample(turn * EVERY, {"source": VertexSample(1000.0, 0.0, 0.0, lag=turn * 100.0)})
        for turn in range(300)
    ]
    assert decisions(graph, samples) == set()


def decisions(graph: Graph, samples: list[Sample]) -> set[int]:
    """What the source shall become, over all samples."""
    memento, found = Memento(), set[int]()
    for sample in samples:
        memento = observe(memento, graph, sample, DEFAULTS)
        decision = decide(memento, graph, DEFAULTS, Circumstances(sample.at))
        memento = decision.memento
        found |= {(decision.target or {}).get("source", 8)} - {8}
    return found


def test_a_job_for_which_two_slots_would_do_keeps_a_partition_for_each_of_three() -> None:
    """Only a step that goes on down passes a number over which the partitions do not spread."""
    graph = Graph(two_vertices(3, partitions=3).vertices[:1], 0.0)
    seen = evaluate(graph, tuple(steady(1000.0, 4 * 0.38, 10)), DEFAULTS, Outlook(restart_seconds=5.0))
    advice = advise(seen, DEFAULTS, {}, (1, 200)).vertices["source"]
    assert (advice.raw, advice.needed, advice.proposed) == (2, 3, 3)
