"""What the autoscaler sees and decides is scraped by upstream's names, and gone with the resource."""

import math
from datetime import timedelta
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from penstock_operator.autoscale.options import AutoscalerOptions, Mode
from penstock_operator.configuration.values import Values
from penstock_operator.model.facts import Ref
from penstock_operator.report.metrics import Metrics
from penstock_operator.report.metrics_autoscaler import AutoscalerFigures
from tests.operator.autoscale.recorded import Recorded
from tests.servers.process import free_port

OPTIONS = AutoscalerOptions(mode=Mode.ACTIVE, metrics_window=timedelta(minutes=5))
CLICKS = Ref("team", "clicks")
VERTEX = "flink_k8soperator_resource_AutoScaler_jobVertexID_"


def seen(figures: AutoscalerFigures, rate: float) -> Recorded:
    """A job of four slots under this load for half an hour, as the figures were told at last."""
    recorded = Recorded(OPTIONS.model_copy(update={"mode": Mode.ADVISE}))
    recorded.run(1800, rate)
    assert recorded.made is not None
    figures.saw(CLICKS, OPTIONS, (recorded.job.graph(), recorded.job.sample()), recorded.made)
    return recorded


def scraped(metrics: Metrics) -> dict[tuple[str, str], float]:
    """Every sample over HTTP, by name and vertex."""
    port = free_port()
    metrics.serve("127.0.0.1", port)
    try:
        text = httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=60).text
    finally:
        metrics.close()
    return {
        (sample.name, sample.labels.get("jobVertexID", "")): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.labels.get("resourcename") == "clicks"
    }


def test_every_vertex_is_scraped_with_current_and_average_figures() -> None:
    metrics = Metrics(Values({}))
    seen(metrics.autoscalers, 3000.0)
    found = scraped(metrics)
    assert found[VERTEX + "PARALLELISM_Current", "keyed"] == 4
    assert found[VERTEX + "RECOMMENDED_PARALLELISM_Current", "keyed"] == 4
    assert found[VERTEX + "MAX_PARALLELISM_Current", "keyed"] == 128
    assert found[VERTEX + "TRUE_PROCESSING_RATE_Average", "keyed"] == pytest.approx(4000, rel=0.05)
    assert found[VERTEX + "TRUE_PROCESSING_RATE_Current", "keyed"] == pytest.approx(4000, rel=0.2)
    assert found[VERTEX + "TARGET_DATA_RATE_Average", "source"] == pytest.approx(3000, rel=0.05)
    assert found[VERTEX + "LOAD_Average", "keyed"] == pytest.approx(0.6, abs=0.05)
    assert found[VERTEX + "LAG_Current", "source"] == 0
    assert found[VERTEX + "SCALE_UP_RATE_THRESHOLD_Current", "keyed"] < 4000
    assert found[VERTEX + "SCALE_DOWN_RATE_THRESHOLD_Current", "keyed"] > 4000
    assert (VERTEX + "OBSERVED_TPR_Average", "keyed") not in found, "what is not known has no sample"
    counters = {name: value for (name, _), value in found.items() if name.endswith("_total")}
    assert counters == {f"flink_k8soperator_resource_AutoScaler_{name}_total": value for name, value in
                        {"scalings": 0, "errors": 0, "balanced": 1}.items()}  # fmt: skip


def test_a_scaling_and_a_failure_are_counted_and_an_overrun_source_shows_what_it_did() -> None:
    metrics = Metrics(Values({}))
    seen(metrics.autoscalers, 9000.0)
    metrics.autoscalers.failed(CLICKS)
    found = scraped(metrics)
    assert found["flink_k8soperator_resource_AutoScaler_scalings_total", ""] == 1
    assert found["flink_k8soperator_resource_AutoScaler_errors_total", ""] == 1
    assert found[VERTEX + "RECOMMENDED_PARALLELISM_Current", "keyed"] > 4
    assert found[VERTEX + "OBSERVED_TPR_Average", "source"] == pytest.approx(4000, rel=0.05)
    expected = found[VERTEX + "EXPECTED_PROCESSING_RATE_Current", "keyed"]
    assert expected > 9000
    assert math.isfinite(expected)


def test_a_resource_that_is_gone_has_no_figures() -> None:
    metrics = Metrics(Values({}))
    seen(metrics.autoscalers, 3000.0)
    body: dict[str, Any] = {"metadata": {"name": "clicks", "namespace": "team"}, "spec": {}}
    metrics.saw("FlinkSessionJob", "DELETED", body)
    assert scraped(metrics)
    metrics.saw("FlinkDeployment", "DELETED", body)
    assert scraped(metrics) == {}
