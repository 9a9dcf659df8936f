"""The autoscaler's formulas, on numbers that can be checked by hand."""

import math
from datetime import timedelta

import pytest

from penstock_operator.autoscale.alignment import align
from penstock_operator.autoscale.evaluation import Outlook, capacity, evaluate
from penstock_operator.autoscale.history import ScalingRecord, coefficient, ineffective_steps, restart_seconds
from penstock_operator.autoscale.options import Alignment, AutoscalerOptions
from penstock_operator.autoscale.recommend import advise
from penstock_operator.autoscale.signals import Graph, Input, Sample, ShipStrategy, Vertex, VertexSample
from tests.operator.autoscale.series import steady, two_vertices

OPTIONS = AutoscalerOptions()
CALM = Outlook(restart_seconds=0.0)


def test_capacity_is_backlog_and_restart_and_load_at_the_utilisation() -> None:
    assert capacity(700.0, 50.0, 0.7, restart_seconds=300.0, catch_up_seconds=1800.0) == round(
        50 + 700 / 6 + 1000
    )
    assert capacity(700.0, 50.0, 0.7, restart_seconds=300.0, catch_up_seconds=0.0) == 1050
    assert math.isinf(capacity(1.0, 0.0, 0.0, 0.0, 0.0))


def test_the_true_rate_is_what_is_processed_in_the_time_that_is_busy() -> None:
    found = evaluate(two_vertices(), tuple(steady(1000.0, 0.5, 10)), OPTIONS, CALM).vertices
    assert found["keyed"].true_rate == pytest.approx(2000.0)
    assert found["source"].true_rate == pytest.approx(8000.0)
    assert found["keyed"].target_rate == pytest.approx(1000.0)


def test_a_growing_lag_is_part_of_what_has_to_be_processed() -> None:
    window = tuple(steady(1000.0, 1.0, 10, lag_growth=500.0))
    found = evaluate(two_vertices(), window, OPTIONS, CALM).vertices["keyed"]
    assert found.target_rate == pytest.approx(1500.0)
    assert found.catch_up_rate == pytest.approx(500.0 * 135 / 1800)
    assert found.is_short


def test_tasks_of_a_slot_that_share_a_thread_share_its_time() -> None:
    apart = two_vertices()
    shared = Graph(apart.vertices, apart.running_since, slots_share_a_thread=True)
    window = tuple(steady(1000.0, 0.6, 10))
    found = evaluate(shared, window, OPTIONS, CALM).vertices
    assert found["keyed"].true_rate == pytest.approx(1000.0 / 0.75)
    assert found["source"].true_rate == pytest.approx(1000.0 / 0.75)


def test_rates_flow_through_a_join_by_what_each_input_brings() -> None:
    left, right = Vertex("left", "left", 1, 128), Vertex("right", "right", 1, 128)
    join = Vertex(
        "join", "join", 1, 128, (Input("left", ShipStrategy.HASH), Input("right", ShipStrategy.HASH))
    )
    window = [
        Sample(t, {
            "left": VertexSample(100.0 * t, 100.0 * t, 0.1, 0.0, 20.0 * t),
            "right": VertexSample(10.0 * t, 30.0 * t, 0.1),
            "join": VertexSample(130.0 * t, 0.0, 0.5),
        })
        for t in (0.0, 10.0, 20.0)
    ]  # fmt: skip
    found = evaluate(Graph((left, right, join), 0.0), window, OPTIONS, CALM).vertices["join"]
    assert found.target_rate == pytest.approx(120.0 * 1.0 + 10.0 * 3.0)


def test_the_parallelism_brings_the_load_to_the_wanted_utilisation() -> None:
    found = evaluate(two_vertices(2), tuple(steady(1000.0, 1.0, 10, lag_growth=800.0)), OPTIONS, CALM)
    advice = advise(found, OPTIONS, {}, (1, 200)).vertices["keyed"]
    wanted = 800.0 * 135 / 1800 + 1800.0 / 0.7
    assert advice.raw == math.ceil(2 * round(wanted) / 1000.0)


def test_a_step_down_is_limited_and_an_idle_vertex_takes_the_largest() -> None:
    found = evaluate(two_vertices(100), tuple(steady(0.0, 0.0, 10)), OPTIONS, CALM)
    advice = advise(found, OPTIONS, {}, (1, 200)).vertices["keyed"]
    assert (advice.raw, advice.needed) == (40, 1)


@pytest.mark.parametrize(
    ("partitions", "raw", "mode", "fitted"),
    [
        (12, 7, Alignment.BALANCED, 12),
        (12, 5, Alignment.BALANCED, 6),
        (12, 5, Alignment.EVENLY_SPREAD, 6),
        (12, 5, Alignment.OFF, 5),
        (100, 30, Alignment.BALANCED, 34),
        (100, 30, Alignment.EVENLY_SPREAD, 50),
        (7, 5, Alignment.EVENLY_SPREAD, 7),
    ],
)
def test_a_source_is_fitted_to_its_partitions(
    partitions: int, raw: int, mode: Alignment, fitted: int
) -> None:
    source = Vertex("s", "s", 2, 128, partitions=partitions)
    assert align(source, raw, mode, (1, 200)) == fitted


def test_a_vertex_without_groups_keeps_its_parallelism() -> None:
    plain = Vertex("v", "v", 2, 128, (Input("s", ShipStrategy.REBALANCE),))
    assert align(plain, 7, Alignment.EVENLY_SPREAD, (1, 200)) == 7


def test_observed_scalability_is_the_share_of_a_linear_speed_up() -> None:
    options = AutoscalerOptions(observed_scalability=True)
    records = [ScalingRecord(1.0, "v", 1, 2, 100.0, 200.0), ScalingRecord(2.0, "v", 2, 4, 160.0, 320.0)]
    found = coefficient(records, "v", (4, 256.0), options)
    assert found == math.ceil(100 * (1 * 100 + 2 * 160 + 4 * 256) / (100 * (1 + 4 + 16))) / 100
    assert coefficient(records, "v", (4, 256.0), AutoscalerOptions()) == 1.0


def test_steps_up_that_brought_nothing_are_counted_back_to_one_that_helped() -> None:
    records = [ScalingRecord(1.0, "v", 1, 2, 100.0, 200.0), ScalingRecord(2.0, "v", 2, 4, 101.0, 202.0)]
    assert ineffective_steps(records, "v", (4, 102.0), OPTIONS) == 2
    assert ineffective_steps(records, "v", (4, 180.0), OPTIONS) == 0
    assert ineffective_steps(records, "v", (3, 102.0), OPTIONS) == 0


def test_the_measured_pause_takes_the_place_of_the_assumed_one_where_jobs_are_rescaled_in_place() -> None:
    assert restart_seconds((), OPTIONS, in_place=True) == 5.0
    assert restart_seconds((), OPTIONS, in_place=False) == 300.0
    assert restart_seconds((), AutoscalerOptions(restart_time=timedelta(minutes=1)), in_place=True) == 60.0
    assert restart_seconds((2.0, 5.0), OPTIONS, in_place=True) == 5.0
    assert restart_seconds((2.0, 5.0), OPTIONS, in_place=False) == 300.0
