"""A sample of metrics from bodies of Flink's REST API: which figures count where names are odd, missing or make no sense."""

import json
import math
from typing import Any, cast

import pytest

from penstock_api.rest.cluster import TaskManagerList
from penstock_api.rest.job import JobDetails
from penstock_api.rest.metric import AggregatedMetric
from penstock_operator.autoscale.options import BusyTimeAggregator
from penstock_operator.autoscale.signals import Graph, Sample, VertexSample
from penstock_operator.clients.flink_rest import FlinkRest
from penstock_operator.observe import signals


class Answers:
    """A JobManager's: a source and a vertex behind it, with these metrics of the source."""

    def __init__(self, **metrics: float | str) -> None:
        self.metrics = {"busyTimeMsPerSecond": 250.0, **metrics}

    def job(self, job_id: str) -> JobDetails:
        counted = {"read-records": 0, "write-records": 500}
        body = {
            "jid": job_id,
            "name": "job",
            "state": "RUNNING",
            "now": 90_000,
            "start-time": 1000,
            "timestamps": {"RUNNING": 2000},
            "vertices": [
                self._vertex("s", {"metrics": counted}),
                self._vertex("v", {"metrics": {"read-records": 500, "write-records": 0}}),
            ],
            "plan": {
                "jid": job_id,
                "name": "job",
                "nodes": self._nodes(),
            },
        }
        return JobDetails.model_validate_json(json.dumps(body))

    @staticmethod
    def _nodes() -> list[dict[str, Any]]:
        return [
            {"id": "s", "parallelism": 2},
            {"id": "v", "parallelism": 2, "inputs": [{"id": "s", "num": 0, "ship_strategy": "HASH"}]},
        ]

    @staticmethod
    def _vertex(key: str, more: dict[str, Any]) -> dict[str, Any]:
        return {"id": key, "name": key, "parallelism": 2, "maxParallelism": 128, "status": "RUNNING", **more}

    def vertex_metric_names(self, job_id: str, vertex_id: str) -> tuple[str, ...]:
        return tuple(self.metrics) if vertex_id == "s" else ("busyTimeMsPerSecond",)

    def vertex_metrics(self, job_id: str, vertex_id: str, names: list[str]) -> dict[str, AggregatedMetric]:
        def of(name: str) -> AggregatedMetric:
            value = self.metrics[name]
            return AggregatedMetric.model_validate(
                {"id": name, **dict.fromkeys(("min", "max", "avg", "sum"), value)}
            )

        return {name: of(name) for name in names}

    def task_manager_metrics(self, names: list[str]) -> dict[str, AggregatedMetric]:
        return {}

    def task_managers(self) -> TaskManagerList:
        return TaskManagerList(taskmanagers=[])


def collected(**metrics: float | str) -> tuple[Graph, Sample]:
    rest = cast("FlinkRest", Answers(**metrics))
    found = signals.collect(rest, "a" * 32, BusyTimeAggregator.MAX, slots_share_a_thread=True)
    assert found is not None
    return found


def source(**metrics: float | str) -> VertexSample:
    return collected(**metrics)[1].vertices["s"]


@pytest.mark.parametrize("name", ["Source__orders", "Source: orders", "Source: orders.v1", "Source: a.b.c"])
def test_a_source_is_counted_by_its_own_records_whatever_its_name(name: str) -> None:
    metrics = {
        f"{name}.numRecordsIn": 1000.0,
        f"{name}.mine.numRecordsIn": 7.0,
        f"{name}.pendingRecords": 30.0,
    }
    found = source(**metrics)
    assert (found.records_in, found.lag) == (1000.0, 30.0)


def test_a_source_that_counts_nothing_is_counted_by_what_it_writes() -> None:
    found = source()
    assert (found.records_in, found.lag) == (500.0, None)


@pytest.mark.parametrize(("waits", "lag"), [(-3.0, 0.0), ("NaN", 0.0), ("Infinity", 0.0), (12.0, 12.0)])
def test_a_lag_is_never_less_than_nothing(waits: float | str, lag: float) -> None:
    assert source(**{"Source: a.pendingRecords": waits}).lag == lag


def test_a_busy_time_that_is_no_number_is_unknown() -> None:
    assert math.isnan(source(busyTimeMsPerSecond="NaN").busy)
    assert math.isnan(collected()[1].vertices["s"].backpressured)


def test_partitions_are_counted_by_their_gauges() -> None:
    names = [
        f"Source: a.KafkaSourceReader.topic.t.{p}.partition.{n}.currentOffset" for p in "xy" for n in (0, 1)
    ]
    graph, _ = collected(**dict.fromkeys(names, 1.0))
    assert (graph.vertices[0].partitions, graph.vertices[1].partitions) == (4, None)
    assert graph.running_since == 2.0
