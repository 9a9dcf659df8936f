"""What functions count is published under Flink's names, over REST too."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from penstock.common import WatermarkStrategy
from penstock.datastream import MapFunction, RuntimeContext, StreamExecutionEnvironment
from penstock.datastream.connectors.number_seq import NumberSequenceSource
from penstock.launch.minicluster import MiniCluster
from penstock.metrics import Counter, Distribution, Meter, MetricGroup
from penstock.metrics.registered import RegisteredGroup
from penstock.rest.app import rest_app
from penstock.rest.application import Application, JobWish
from penstock.taskmanager.metrics import OperatorMetrics
from penstock.web import folder as page_folder


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_counter_counts_up_and_down_and_is_one_for_each_name() -> None:
    published = OperatorMetrics()
    group = RegisteredGroup(published)
    counter = group.add_group("orders").counter("open")
    counter.inc()
    counter.inc(4)
    counter.dec(2)
    assert isinstance(counter, Counter)
    assert group.add_group("orders").counter("open") is counter
    assert counter.get_count() == 3
    assert published.collect() == {"orders.open": 3}


def test_a_group_of_a_variable_has_its_name_and_value() -> None:
    published = OperatorMetrics()
    group = RegisteredGroup(published).add_group("shop", "berlin")
    group.gauge("stock", lambda: 7)
    assert isinstance(group, MetricGroup)
    assert published.collect() == {"shop.berlin.stock": 7}


def test_a_meter_is_a_rate_over_its_span() -> None:
    clock, published = Clock(), OperatorMetrics()
    meter = RegisteredGroup(published, clock).meter("clicks", time_span_in_seconds=10)
    assert isinstance(meter, Meter)
    meter.mark_event(30)
    clock.now += 5
    meter.mark_event()
    meter.mark_event(9)
    assert published.collect() == {"clicks": 4.0}
    clock.now += 5
    assert published.collect() == {"clicks": 1.0}
    clock.now += 60
    assert (published.collect(), meter.get_count()) == ({"clicks": 0.0}, 40)
    with pytest.raises(ValueError, match="at least 1 second"):
        RegisteredGroup(published).meter("none", 0)


def test_a_distribution_has_statistics_once_it_has_a_value() -> None:
    published = OperatorMetrics()
    distribution = RegisteredGroup(published).distribution("size")
    assert isinstance(distribution, Distribution)
    assert published.collect() == {}
    for value in (4, 1, 7):
        distribution.update(value)
    assert published.collect() == {
        "size_count": 3.0,
        "size_sum": 12.0,
        "size_min": 1.0,
        "size_max": 7.0,
        "size_mean": 4.0,
    }


def test_a_name_is_of_one_kind() -> None:
    group = RegisteredGroup(OperatorMetrics())
    group.counter("x")
    with pytest.raises(ValueError, match="'x' is a counter already"):
        group.meter("x")


class Measuring(MapFunction):
    def open(self, runtime_context: RuntimeContext) -> None:
        group = runtime_context.get_metrics_group().add_group("mine")
        self.seen, self.rate, self.size = (
            group.counter("seen"),
            group.meter("rate"),
            group.distribution("size"),
        )
        group.gauge("last", lambda: self.last)
        self.last = 0

    def map(self, value: int) -> int:
        self.seen.inc()
        self.rate.mark_event()
        self.size.update(value)
        self.last = value
        return value


def test_metrics_of_a_running_job_are_on_the_rest_api(tmp_path: Path) -> None:
    env = StreamExecutionEnvironment().set_parallelism(1)
    numbers = env.from_source(NumberSequenceSource(1, 10**9), WatermarkStrategy.no_watermarks(), "n")
    numbers.map(Measuring()).name("measured").filter(lambda value: value % 2).name("odd")
    graph = env.job_graph("metrics")
    names = {f"mine.{name}" for name in ("seen", "rate", "last", "size_count", "size_max", "size_mean")}

    async def ask(cluster: MiniCluster, job_id: str) -> dict[str, float]:
        app = rest_app(cluster.master, Application(cluster.master, JobWish(job_id)), tmp_path, page_folder())
        base = f"/jobs/{job_id}/vertices/{graph.vertices[-1].id}"
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
            async with asyncio.timeout(90):
                while True:
                    listed: list[dict[str, Any]] = (await client.get(f"{base}/subtasks/0/metrics")).json()
                    found = [row["id"] for row in listed if ".mine." in row["id"]]
                    if len(found) >= len(names):
                        break
                    await asyncio.sleep(0.05)
            values = (await client.get(f"{base}/subtasks/metrics", params={"get": ",".join(found)})).json()
            text = (await client.get("/metrics")).text
        assert "mine_seen" in text
        return {"mine." + row["id"].split(".mine.")[1]: float(row["max"]) for row in values}

    with MiniCluster(1, graph.configuration) as cluster:
        job = cluster.submit(graph)
        values = cluster.call(ask(cluster, job.job_id), 100)
        job.cancel()
    assert names <= values.keys()
    assert values["mine.seen"] >= values["mine.size_count"] - 1 > 0
    assert values["mine.rate"] > 0
    assert values["mine.last"] >= 1
