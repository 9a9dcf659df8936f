"""A recording: what is kept of a job, how large it is, and that it is read back as it was."""

import math
from dataclasses import replace
from datetime import timedelta

import pytest

from penstock_operator.autoscale.options import AutoscalerOptions, Mode
from penstock_operator.autoscale.recorder import Recorder
from penstock_operator.autoscale.recording import Act, ActKind, Change, followed
from penstock_operator.autoscale.recording_codec import pack, unpack
from penstock_operator.autoscale.signals import Graph, Input, Sample, Vertex, VertexSample
from tests.operator.autoscale.recorded import Recorded
from tests.operator.autoscale.series import steady, two_vertices

OPTIONS = AutoscalerOptions(mode=Mode.ACTIVE, metrics_window=timedelta(minutes=5))


def test_what_is_read_back_is_what_was_seen() -> None:
    recorder, graph = Recorder(), two_vertices()
    samples = list(steady(1000.0, 0.5, 150, lag=12.0))
    for sample in samples:
        recorder.sample(graph, sample, 6 * 3600.0)
    found = unpack(recorder.packed())
    assert found.samples == tuple(samples)
    assert {len(span.samples) for span in found.spans} == {64, 22}
    assert unpack(pack(found)) == found


def test_shares_that_nobody_knows_stay_unknown() -> None:
    recorder = Recorder()
    one = VertexSample(5.0, 5.0, math.nan, 0.25, None)
    recorder.sample(Graph((Vertex("a", "a", 1, 128),), 0.0), Sample(10.0, {"a": one}), 60.0)
    found = unpack(recorder.packed()).samples[0].vertices["a"]
    assert math.isnan(found.busy)
    assert replace(found, busy=0.0) == replace(one, busy=0.0)


def test_a_new_operator_goes_on_where_the_old_one_was_and_old_samples_go() -> None:
    graph = two_vertices()
    samples = list(steady(1000.0, 0.5, 400))
    first = Recorder()
    for sample in samples[:200]:
        first.sample(graph, sample, 3600.0)
    second = Recorder(first.packed())
    for sample in samples[200:]:
        second.sample(graph, sample, 3600.0)
    kept = unpack(second.packed()).samples
    assert kept[-1] == samples[-1]
    assert 3600.0 <= kept[-1].at - kept[0].at <= 3600.0 + 64 * 15


def test_a_wide_job_for_a_day_fits_into_a_config_map() -> None:
    """Forty vertices, their figures all different: the oldest spans go where the bytes do not suffice."""
    vertices = tuple(Vertex(f"v{at}", "x", 8, 128, (Input("v0"),) if at else ()) for at in range(40))
    graph, recorder = Graph(vertices, 0.0), Recorder(limit=200_000)
    for turn in range(2000):
        rows = {
            one.id: VertexSample(
                turn * 99_991.0 + at * turn**1.5, turn * 7919.0 * at, turn % 997 / 997, 0.1, 5.0
            )
            for at, one in enumerate(vertices)
        }
        recorder.sample(graph, Sample(turn * 15.0, rows), 86_400.0)
    packed = recorder.packed()
    assert len(packed) <= 200_000
    kept = unpack(packed).samples
    assert kept[-1].at == 1999 * 15.0
    assert len(kept) > 100


@pytest.mark.parametrize("broken", [b"", b"nothing", b"\x1f\x8b broken"])
def test_what_is_no_recording_is_said_in_words(broken: bytes) -> None:
    with pytest.raises(ValueError, match="no recording of the autoscaler"):
        unpack(broken)
    assert unpack(Recorder(broken).packed()).samples == ()


def test_a_recording_that_was_cut_off_is_read_as_far_as_it_goes() -> None:
    recorder = Recorder()
    for sample in steady(1000.0, 0.5, 300):
        recorder.sample(two_vertices(), sample, 86_400.0)
    packed = recorder.packed()
    assert 0 < len(unpack(packed[: len(packed) - 200]).samples) < 300


def test_a_scaling_is_remembered_with_its_cause_and_what_became_of_it() -> None:
    recorded = Recorded(OPTIONS)
    recorded.run(1800, 2500.0)
    recorded.run(1800, 9000.0)
    acts = unpack(recorded.recorder.packed()).acts
    scaled = next(act for act in acts if act.kind is ActKind.SCALED)
    assert {change.vertex_id for change in scaled.changes} == {"source", "keyed"}
    assert all(change.after > change.before == 4 for change in scaled.changes)
    assert "could do" in scaled.cause
    assert "records wait" in scaled.cause
    assert scaled.ran_at is not None
    assert scaled.lag > 0
    assert scaled.lag_after == 0.0


@pytest.mark.parametrize(("parallelism", "reached"), [(8, True), (6, False)])
def test_a_scaling_is_remembered_with_whether_its_wish_came_true(parallelism: int, reached: bool) -> None:
    act = Act(100.0, ActKind.SCALED, (Change("a", "a", 4, 8),), "load")
    sample = Sample(130.0, {"a": VertexSample(5.0, 5.0, 0.5, 0.25, None)})
    (before,) = followed((act,), Graph((Vertex("a", "a", 4, 128),), 50.0), sample)
    assert before.reached is None
    (after,) = followed((before,), Graph((Vertex("a", "a", parallelism, 128),), 120.0), sample)
    assert (after.ran_at, after.reached) == (120.0, reached)


def test_the_same_advice_given_again_is_one_line() -> None:
    recorded = Recorded(
        AutoscalerOptions(mode=Mode.ADVISE, metrics_window=timedelta(minutes=5)), parallelism=2
    )
    recorded.run(1800, 6000.0)
    acts = unpack(recorded.recorder.packed()).acts
    assert acts
    assert sum(act.times for act in acts) > len(acts)
    assert {act.kind for act in acts} <= {ActKind.ADVISED, ActKind.HELD}
