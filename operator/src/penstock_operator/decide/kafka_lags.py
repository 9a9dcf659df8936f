"""When Kafka's figure of a lag counts, and what of it the status shows. Pure; called by `reconcile/scale_to_zero.py`."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

from penstock_api.v1beta1.autoscaler import AutoscalerStatus, LagOfSource
from penstock_operator.autoscale.signals import Sample, VertexSample
from penstock_operator.model.kafka import LagAnswer

METRICS, KAFKA = "metrics", "kafka"
OLD_SECONDS = 120.0
"""Age from which on an answer says nothing of a job that runs."""
SHOW_SECONDS = 60.0
"""Shortest time between two writes of a lag that changes."""


def believed(sample: Sample, answer: LagAnswer | None, now: float) -> tuple[Sample, Mapping[str, str]]:
    """The sample with Kafka's figures where its own are missing or wrong, and whose figure each source has.

    What Kafka says is what waited at the last checkpoint, so it is more than what waits now by what was read since. It
    proves the metrics wrong only where it is more by more than all that the vertex has read since it started.
    """
    told = {}
    if answer is not None and answer.problem is None and now - answer.at <= OLD_SECONDS:
        told = {one.id: float(one.records) for one in answer.sources}
    vertices, whose = dict(sample.vertices), {}
    for key, vertex in sample.vertices.items():
        if key in told and _is_wrong(vertex, told[key]):
            vertices[key], whose[key] = replace(vertex, lag=told[key]), KAFKA
        elif vertex.lag is not None:
            whose[key] = METRICS
    return replace(sample, vertices=vertices), whose


def _is_wrong(vertex: VertexSample, waits: float) -> bool:
    return vertex.lag is None or waits - vertex.lag > vertex.records_in


def shown(
    status: AutoscalerStatus, answer: LagAnswer | None, whose: Mapping[str, str], *, is_down: bool
) -> AutoscalerStatus:
    """The status with whose figure each vertex has, and with Kafka's where the job is down or its metrics do not count."""
    vertices = [one.model_copy(update={"lag_source": whose.get(one.id)}) for one in status.vertices]
    counts = {key for key, one in whose.items() if one == KAFKA}
    lags: list[LagOfSource] = []
    if answer is not None and answer.problem is None:
        at = datetime.fromtimestamp(answer.at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        lags = [
            LagOfSource(id=one.id, name=one.name, lag=one.records, at=at)
            for one in answer.sources
            if is_down or one.id in counts
        ]
    if _is_news(status.lags, lags, answer):
        status = status.model_copy(update={"lags": lags})
    return status if vertices == status.vertices else status.model_copy(update={"vertices": vertices})


def _is_news(before: list[LagOfSource], now: list[LagOfSource], answer: LagAnswer | None) -> bool:
    if [one.id for one in before] != [one.id for one in now]:
        return True
    if answer is None or not before or [one.lag for one in before] == [one.lag for one in now]:
        return False
    return answer.at - datetime.fromisoformat(before[0].at).timestamp() >= SHOW_SECONDS
