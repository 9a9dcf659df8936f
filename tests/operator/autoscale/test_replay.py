"""A replay: with the settings that ran it shows what ran, and other settings show what they would have done."""

from datetime import timedelta

import pytest

from penstock_operator.autoscale.explain import sentences
from penstock_operator.autoscale.options import AutoscalerOptions, Mode
from penstock_operator.autoscale.recorder import Recorder
from penstock_operator.autoscale.recording import Recording
from penstock_operator.autoscale.recording_codec import unpack
from penstock_operator.autoscale.replay import replay
from tests.operator.autoscale.recorded import Recorded
from tests.operator.autoscale.series import steady, two_vertices

OPTIONS = AutoscalerOptions(
    mode=Mode.ACTIVE, metrics_window=timedelta(minutes=5), scale_down_interval=timedelta(minutes=10)
)


@pytest.fixture(scope="module")
def recording() -> Recording:
    recorded = Recorded(OPTIONS)
    for rate in (2500.0, 9000.0, 2000.0):
        recorded.run(2400, rate)
    return unpack(recorded.recorder.packed())


def test_the_settings_that_ran_show_what_ran(recording: Recording) -> None:
    found = replay(recording, OPTIONS)
    assert found.replayed.rescales == found.recorded.rescales >= 2
    assert found.replayed.slot_hours == pytest.approx(found.recorded.slot_hours, rel=0.1)
    assert found.replayed.mean_lag_seconds == pytest.approx(found.recorded.mean_lag_seconds, rel=0.5)


def test_a_bound_that_is_too_low_would_have_left_a_lag(recording: Recording) -> None:
    found = replay(recording, OPTIONS.model_copy(update={"max_parallelism": 4}))
    assert max(point.replayed_slots for point in found.points) == 4
    assert found.replayed.worst_lag_seconds > 5 * found.recorded.worst_lag_seconds


def test_less_patience_would_have_saved_slots(recording: Recording) -> None:
    slow = replay(recording, OPTIONS.model_copy(update={"scale_down_interval": timedelta(hours=5)}))
    quick = replay(recording, OPTIONS.model_copy(update={"scale_down_interval": timedelta(minutes=2)}))
    assert quick.replayed.slot_hours < slow.replayed.slot_hours


def test_what_was_too_short_is_refused() -> None:
    recorder = Recorder()
    for sample in steady(1000.0, 0.5, 2):
        recorder.sample(two_vertices(), sample, 3600.0)
    with pytest.raises(ValueError, match="three at least"):
        replay(unpack(recorder.packed()), OPTIONS)


def test_a_decision_is_told_in_sentences() -> None:
    recorded = Recorded(AutoscalerOptions(mode=Mode.ADVISE, metrics_window=timedelta(minutes=5)))
    recorded.run(1800, 9000.0)
    assert recorded.made is not None
    text = "\n".join(sentences(recorded.made, recorded.options))
    assert "what it would do is shown and not done" in text
    assert "'count' (parallelism 4) is busy for 80% of its time" in text
    assert "too little, for it needs" in text
    assert "'count' should go from 4 to" in text
