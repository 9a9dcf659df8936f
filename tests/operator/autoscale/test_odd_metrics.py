"""What the autoscaler makes of metrics that are missing, endless or contradict each other: never a step that nothing shows."""

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from penstock_operator.autoscale import codec
from penstock_operator.autoscale.decision import Circumstances, Decision, Memento, decide, observe
from penstock_operator.autoscale.evaluation import Evaluation, Outlook, evaluate
from penstock_operator.autoscale.evaluators import Custom, EvaluatedVertex, EvaluatorFailed
from penstock_operator.autoscale.options import AutoscalerOptions
from penstock_operator.autoscale.recommend import Advice, advise
from penstock_operator.autoscale.regime import lag_is_material
from penstock_operator.autoscale.signals import Graph, Input, Sample, ShipStrategy, Vertex, VertexSample
from tests.operator.autoscale.series import steady, two_vertices

OPTIONS = AutoscalerOptions(enabled=True)
CALM = Outlook(restart_seconds=0.0)
BOUNDS = (1, 200)


def changed(samples: Sequence[Sample], vertex: str, **figures: float | None) -> list[Sample]:
    """The samples with other figures of a vertex."""
    found = []
    for sample in samples:
        one = replace(sample.vertices[vertex], **figures)  # type: ignore[arg-type]
        found.append(Sample(sample.at, {**sample.vertices, vertex: one}, sample.memory))
    return found


def advised(
    samples: Sequence[Sample], graph: Graph, options: AutoscalerOptions = OPTIONS
) -> tuple[Evaluation, Advice]:
    found = evaluate(graph, tuple(samples), options, CALM)
    return found, advise(found, options, {}, BOUNDS)


def decided(
    samples: Sequence[Sample],
    graph: Graph,
    options: AutoscalerOptions = OPTIONS,
    memento: Memento | None = None,
) -> Decision:
    """The last decision of a job that had these samples."""
    memento, decision = memento or Memento(), None
    for sample in samples:
        memento = observe(memento, graph, sample, options)
        decision = decide(memento, graph, options, Circumstances(sample.at))
        memento = decision.memento
    assert decision is not None
    return decision


def parallelism(decision: Decision) -> dict[str, int]:
    """What a decision advises."""
    assert decision.advice is not None
    return decision.advice.parallelism


def test_a_vertex_that_does_not_say_how_busy_it_is_stays_as_it_is() -> None:
    samples = changed(list(steady(1000.0, 0.2, 10)), "source", busy=math.nan)
    found, advice = advised(samples, two_vertices(8))
    assert math.isnan(found.vertices["source"].true_rate)
    assert advice.vertices["source"].proposed == 8
    assert advice.vertices["keyed"].proposed < 8, "what is known of the others counts"


def test_a_source_that_does_not_say_how_busy_it_is_is_told_by_what_it_reads_while_records_wait() -> None:
    samples = changed(list(steady(1000.0, 0.9, 10, lag=1e6)), "source", busy=math.nan)
    found, _ = advised(samples, two_vertices(2))
    assert found.vertices["source"].true_rate == pytest.approx(1000.0)


def test_a_source_that_reads_nothing_while_records_wait_is_not_taken_for_idle() -> None:
    samples = list(steady(0.0, 0.0, 10, lag=5000.0))
    found, _ = advised(samples, two_vertices(8))
    assert found.has_backlog
    assert not found.is_out_of_bounds
    decision = decided(list(steady(0.0, 0.0, 200, lag=5000.0)), two_vertices(8))
    assert decision.target is None
    assert not advised(list(steady(0.0, 0.0, 10)), two_vertices(8))[0].has_backlog, (
        "nothing waits for an idle one"
    )


@pytest.mark.parametrize("missing", [range(3), range(6, 10), range(4, 6)])
def test_a_lag_that_is_not_told_for_a_while_has_not_grown(missing: range) -> None:
    samples = list(steady(1000.0, 0.5, 10, lag=90_000.0))
    gone = [
        changed([one], "source", lag=None)[0] if turn in missing else one for turn, one in enumerate(samples)
    ]
    graph = two_vertices()
    assert evaluate(graph, tuple(gone), OPTIONS, CALM) == evaluate(graph, tuple(samples), OPTIONS, CALM)
    assert not lag_is_material(gone, graph)


def test_a_lag_that_comes_to_be_known_is_no_other_load() -> None:
    samples = list(steady(1000.0, 0.5, 200, lag=90_000.0))
    gone = [changed([one], "source", lag=None)[0] if turn < 170 else one for turn, one in enumerate(samples)]
    assert decided(gone, two_vertices()).regime.why == "the whole window"


def test_a_stream_that_is_joined_with_itself_counts_once() -> None:
    source = Vertex("s", "s", 2, 128)
    twice = (Input("s", ShipStrategy.HASH), Input("s", ShipStrategy.HASH))
    graph = Graph((source, Vertex("join", "join", 2, 128, twice)), 0.0)
    window = [
        Sample(t, {"s": VertexSample(100 * t, 200 * t, 0.1), "join": VertexSample(200 * t, 0.0, 0.5)})
        for t in (0.0, 10.0, 20.0)
    ]
    assert evaluate(graph, window, OPTIONS, CALM).vertices["join"].target_rate == pytest.approx(200.0)


def test_records_that_take_seconds_each_are_counted_in_parts() -> None:
    """A slot does a record in three seconds, and more come: in whole records a second all was well."""
    samples = [
        Sample(t, {"source": VertexSample(0.33 * t, 0.33 * t, 1.0, 0.0, 0.12 * t)})
        for t in (0.0, 100.0, 200.0)
    ]
    graph = Graph((Vertex("source", "source", 1, 128),), 0.0)
    found, advice = advised(samples, graph)
    assert found.vertices["source"].is_short
    assert advice.vertices["source"].proposed == 2


def test_a_utilisation_of_nothing_asks_for_all_there_may_be() -> None:
    options = AutoscalerOptions(enabled=True, utilization_target=0.0)
    _, advice = advised(list(steady(1000.0, 0.9, 10)), two_vertices(2), options)
    assert advice.vertices["keyed"].proposed == 128


def test_counters_that_begin_anew_begin_the_window_anew() -> None:
    graph, before = two_vertices(4), list(steady(1000.0, 0.5, 20))
    after = [Sample(before[-1].at + one.at + 15.0, one.vertices) for one in steady(1000.0, 0.5, 30)]
    memento = Memento()
    for sample in before:
        memento = observe(memento, graph, sample, OPTIONS)
    memento = observe(memento, graph, after[0], OPTIONS)
    assert memento.samples[-1] == before[-1], "one sample with less may have missed a process"
    memento = observe(memento, graph, after[1], OPTIONS)
    assert memento.samples == (after[1],)
    memento = observe(memento, graph, after[2], OPTIONS)
    assert [one.at for one in memento.samples] == [after[1].at, after[2].at]


def test_a_sample_that_missed_a_process_changes_nothing() -> None:
    graph, samples = two_vertices(4), list(steady(1000.0, 0.5, 100))
    whole = decided(samples, graph)
    dipped = changed(samples[70:71], "keyed", records_in=1.0)
    odd = decided([*samples[:70], *dipped, *samples[71:]], graph)
    assert (odd.target, odd.regime.why) == (whole.target, whole.regime.why)
    assert odd.evaluation is not None
    assert odd.evaluation.vertices["keyed"].input_rate == pytest.approx(1000.0)


def test_a_clock_that_is_set_back_forgets_what_is_to_come() -> None:
    graph = two_vertices(4)
    memento = Memento()
    for sample in steady(1000.0, 0.5, 20, start=1000.0):
        memento = observe(memento, graph, sample, OPTIONS)
    late = next(iter(steady(1000.0, 0.5, 1, start=1100.0)))
    grown = changed([late], "source", records_in=1e9, records_out=1e9)
    grown = changed(changed(grown, "keyed", records_in=1e9), "source", lag=None)
    memento = observe(memento, graph, grown[0], OPTIONS)
    assert all(one.at <= 1100.0 for one in memento.samples)
    assert [one.at for one in memento.samples] == sorted({one.at for one in memento.samples})
    assert decide(memento, graph, OPTIONS, Circumstances(0.0)).target is None


def test_a_window_that_begins_anew_has_to_be_full_again() -> None:
    """Two samples decided for a job that ran for long, where the operator had lost the others."""
    graph, late = two_vertices(8), list(steady(1000.0, 0.1, 70, start=100_000.0))
    options = OPTIONS.model_copy(update={"scale_down_interval": timedelta()})
    assert "is not full" in decided(late[:10], graph, options).regime.why
    found = decided(late, graph, options)
    assert found.regime.why == "the whole window"
    assert found.target is not None


def test_a_highest_parallelism_that_nobody_set_takes_nothing_away() -> None:
    samples = list(steady(1000.0, 0.7, 400))
    wide = Graph(tuple(replace(one, max_parallelism=512) for one in two_vertices(300).vertices), 0.0)
    assert parallelism(decided(samples, wide))["keyed"] == 300
    chosen = AutoscalerOptions.from_keys(
        {"job.autoscaler.enabled": "true", "job.autoscaler.vertex.max-parallelism": "200"}
    )
    assert parallelism(decided(samples, wide, chosen))["keyed"] == 200


@pytest.mark.parametrize("metric", ["TARGET_DATA_RATE", "CATCH_UP_DATA_RATE"])
def test_an_endless_demand_is_no_answer(metric: str) -> None:
    def endless(one: EvaluatedVertex) -> dict[str, float]:
        return {metric: math.inf}

    with pytest.raises(EvaluatorFailed, match="inf"):
        evaluate(
            two_vertices(),
            tuple(steady(1000.0, 0.5, 10)),
            OPTIONS,
            Outlook(0.0, custom=Custom("odd", endless)),
        )


def test_figures_that_are_no_numbers_are_remembered_as_such() -> None:
    samples = changed(list(steady(1000.0, math.nan, 3)), "source", busy=math.inf)
    memento = Memento()
    for sample in samples:
        memento = observe(memento, two_vertices(), sample, OPTIONS)
    found = codec.decode(codec.encode(memento))
    assert json.dumps(repr(found)) == json.dumps(repr(memento))
