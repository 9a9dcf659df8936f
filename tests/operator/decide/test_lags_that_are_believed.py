"""Whose figure of a lag counts, and how often the status tells of it."""

from penstock_api.v1beta1.autoscaler import AutoscalerStatus, VertexScaling
from penstock_operator.autoscale.signals import Sample, VertexSample
from penstock_operator.decide.kafka_lags import believed, shown
from penstock_operator.model.kafka import LagAnswer, SourceLag

NOW = 1_800_000_000.0


def answer(records: int, at: float = NOW) -> LagAnswer:
    return LagAnswer(at, (SourceLag("s", "clicks", records, 8),))


def sample(lag: float | None, read: float = 1000.0) -> Sample:
    return Sample(NOW, {"s": VertexSample(read, read, 0.5, lag=lag), "v": VertexSample(read, 0.0, 0.5)})


def test_a_source_that_says_nothing_has_kafkas_figure() -> None:
    found, whose = believed(sample(None), answer(70), NOW)
    assert (found.vertices["s"].lag, whose) == (70.0, {"s": "kafka"})


def test_metrics_count_while_they_can_be_right() -> None:
    found, whose = believed(sample(0.0), answer(1000), NOW)
    assert (found.vertices["s"].lag, whose) == (0.0, {"s": "metrics"})


def test_metrics_are_wrong_where_more_waited_than_was_ever_read() -> None:
    found, whose = believed(sample(0.0), answer(1001), NOW)
    assert (found.vertices["s"].lag, whose) == (1001.0, {"s": "kafka"})


def test_an_old_answer_or_none_says_nothing() -> None:
    for one in (answer(70, NOW - 500), LagAnswer(NOW, problem="no"), None):
        found, whose = believed(sample(None), one, NOW)
        assert (found.vertices["s"].lag, whose) == (None, {})


def test_the_status_tells_of_a_lag_that_changes_once_a_minute() -> None:
    status = shown(AutoscalerStatus(mode="active"), answer(5), {}, is_down=True)
    assert [(one.lag, one.source) for one in status.lags] == [(5, "kafka")]
    assert shown(status, answer(6, NOW + 30), {}, is_down=True) == status
    assert shown(status, answer(7, NOW + 60), {}, is_down=True).lags[0].lag == 7
    assert shown(status, answer(7, NOW + 60), {}, is_down=False).lags == []


def test_each_source_says_whose_figure_it_has() -> None:
    status = AutoscalerStatus(mode="active", vertices=[VertexScaling(id="s"), VertexScaling(id="v")])
    found = shown(status, answer(5), {"s": "kafka"}, is_down=False)
    assert [one.lag_source for one in found.vertices] == ["kafka", None]
    assert [one.lag for one in found.lags] == [5]
    assert shown(found, answer(5), {"s": "metrics"}, is_down=False).vertices[0].lag_source == "metrics"
