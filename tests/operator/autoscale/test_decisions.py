"""Decisions: what is waited for, what holds back, what a steady load never does."""

import random

import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from benchmarks.autoscaler.job import Job
from benchmarks.autoscaler.play import play
from benchmarks.autoscaler.policies import Ours, Upstream
from benchmarks.autoscaler.traces import TRACES, Moment, Trace
from penstock_api.reasons import Reason
from penstock_operator.autoscale.decision import Circumstances, Decision, Memento, applied, decide, observe
from penstock_operator.autoscale.guards import Room
from penstock_operator.autoscale.options import AutoscalerOptions, Mode, problems
from penstock_operator.autoscale.signals import Graph, Sample
from tests.operator.autoscale.series import steady, two_vertices

OPTIONS = AutoscalerOptions(enabled=True)


def decided(samples: list[Sample], graph: Graph, around: Circumstances | None = None) -> Decision:
    memento = Memento()
    for sample in samples:
        memento = observe(memento, graph, sample, OPTIONS)
    return decide(memento, graph, OPTIONS, around or Circumstances(samples[-1].at))


def overloaded(count: int = 90) -> list[Sample]:
    return list(steady(1000.0, 1.0, count, lag_growth=1000.0))


def test_nothing_is_decided_before_the_job_has_settled() -> None:
    found = decided(overloaded(10), two_vertices())
    assert found.target is None
    assert "settle" in found.regime.why


def test_a_job_that_is_overrun_is_scaled_before_the_window_is_full() -> None:
    found = decided(overloaded(25), two_vertices())
    assert found.regime.is_early
    assert found.target is not None
    assert found.target["keyed"] >= 4


def test_without_early_steps_the_window_has_to_be_full() -> None:
    options = AutoscalerOptions(enabled=True, early_scale_up=False)
    memento = Memento()
    for sample in overloaded(40):
        memento = observe(memento, two_vertices(), sample, options)
    found = decide(memento, two_vertices(), options, Circumstances(40 * 15.0))
    assert found.target is None
    assert "not full" in found.regime.why


def test_less_is_taken_after_it_was_enough_for_an_hour_and_the_most_of_it() -> None:
    graph, memento = two_vertices(8), Memento()
    targets = []
    for sample in steady(1000.0, 0.1, 400):
        memento = observe(memento, graph, sample, OPTIONS)
        found = decide(memento, graph, OPTIONS, Circumstances(sample.at))
        memento = found.memento
        if found.target:
            targets.append((sample.at, found.target["keyed"]))
    first = targets[0]
    assert 1200 + 3600 <= first[0] <= 1200 + 3600 + 30
    assert first[1] == 4


def test_quota_cuts_a_step_to_what_there_is_room_for() -> None:
    found = decided(overloaded(), two_vertices(), Circumstances(1335.0, Room(3, "the quota is 3 slots")))
    assert found.target is not None
    assert max(found.target.values()) == 3


def test_no_room_at_all_is_said() -> None:
    found = decided(overloaded(), two_vertices(), Circumstances(1335.0, Room(2, "the quota is 2 slots")))
    assert found.target is None
    assert found.held is not None
    assert found.held.reason is Reason.RESOURCE_QUOTA_REACHED
    assert "the quota is 2 slots" in found.held.sentence


@pytest.mark.parametrize(
    ("around", "guard"),
    [
        (Circumstances(1335.0, is_excluded=True), "excluded"),
        (Circumstances(1335.0, Room(turn=False)), "turn"),
    ],
)
def test_guards_hold_and_say_so(around: Circumstances, guard: str) -> None:
    found = decided(overloaded(), two_vertices(), around)
    assert found.target is None
    assert found.held is not None
    assert found.held.guard == guard


def test_a_schedule_raises_a_job_that_has_too_little_whatever_its_load() -> None:
    samples = list(steady(1000.0, 0.6, 100))
    found = decided(samples, two_vertices(), Circumstances(samples[-1].at, bounds=(4, 8)))
    assert found.target == {"source": 4, "keyed": 4}


def test_another_graph_forgets_the_samples() -> None:
    memento = Memento()
    for sample in overloaded(5):
        memento = observe(memento, two_vertices(), sample, OPTIONS)
    other = Graph(two_vertices().vertices[:1], 0.0)
    assert len(observe(memento, other, Sample(100.0, memento.samples[-1].vertices), OPTIONS).samples) == 1


def test_a_decision_that_is_applied_is_remembered_with_what_it_should_bring() -> None:
    found = decided(overloaded(), two_vertices())
    memento = applied(found.memento, found, OPTIONS)
    record = next(one for one in memento.records if one.vertex_id == "keyed")
    assert record.before == 2
    assert record.expected_rate == pytest.approx(record.true_rate * record.after / 2)


@settings(max_examples=20, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@example(load=1.25, parallelism=1, noise=0.0, seed=0)
@given(
    load=st.floats(0.15, 1.6),
    parallelism=st.integers(1, 24),
    noise=st.floats(0.0, 0.3),
    seed=st.integers(0, 9999),
)
def test_no_steady_load_flaps(load: float, parallelism: int, noise: float, seed: int) -> None:
    """Four hours of one load with noise in it: one rescale at most, where one step may go all the way."""
    options = AutoscalerOptions(enabled=True, max_scale_down=1.0)
    job, policy, luck = Job(seed, parallelism), Ours(options), random.Random(seed)
    for second in range(4 * 3600):
        job.second(Moment(max(0.0, load * parallelism * 1000.0 * luck.gauss(1.0, noise))))
        if second % 60 == 0:
            policy.look(job)
    assert job.rescales <= 1


@pytest.mark.parametrize(
    "trace", [one for one in TRACES if one.name in ("steps", "slow dependency")], ids=lambda one: one.name
)
def test_no_more_rescales_than_upstream_and_no_more_slots_for_as_little_lag(trace: Trace) -> None:
    ours, upstream = play(trace, Ours(), 3), play(trace, Upstream(), 3)
    assert ours.rescales <= upstream.rescales
    assert ours.lag_seconds <= upstream.lag_seconds * 1.05 + 0.05
    assert ours.slot_hours <= upstream.slot_hours * 1.15


def test_options_are_read_by_upstreams_keys_under_either_prefix() -> None:
    keys = {
        "job.autoscaler.enabled": "true",
        "kubernetes.operator.job.autoscaler.metrics.window": "30 s",
        "job.autoscaler.target.utilization": "0.6",
        "job.autoscaler.vertex.exclude.ids": "a;b",
        "job.autoscaler.scaling.enabled": "false",
        "job.autoscaler.vertex.max-parallelism": "many",
    }
    options = AutoscalerOptions.from_keys(keys)
    assert options.effective_mode is Mode.ADVISE
    assert options.metrics_window.total_seconds() == 30
    assert options.utilization_target == 0.6
    assert options.excluded_vertices == ("a", "b")
    assert options.max_parallelism == 200
    assert any("vertex.max-parallelism" in one for one in problems(keys))


def test_a_band_that_excludes_its_target_is_refused() -> None:
    keys = {"job.autoscaler.utilization.max": "0.5", "job.autoscaler.utilization.target": "0.7"}
    assert any("utilization.max" in one for one in problems(keys))
