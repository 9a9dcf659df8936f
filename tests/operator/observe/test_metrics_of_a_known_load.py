"""The metrics that the autoscaler reads, of a real job whose load is known: a hundred records a second, 3 ms in each vertex.

Its event time is behind the clock by a known time too.
The job's two vertices share a slot, and so its one thread. A loaded machine makes a record take longer, never less.
"""

import math
import time
from collections.abc import Iterator
from datetime import timedelta

import pytest

from penstock_operator.autoscale.evaluation import Outlook, evaluate
from penstock_operator.autoscale.options import AutoscalerOptions, BusyTimeAggregator
from penstock_operator.autoscale.signals import Graph, Sample
from penstock_operator.clients.flink_rest import FlinkRest
from penstock_operator.observe import signals
from tests.launch.cluster_processes import JOB_ID, Cluster
from tests.servers.process import wait_until

pytestmark = [pytest.mark.timeout(240), pytest.mark.xdist_group("session-cluster")]

RATE, COST = 100, 0.003
BEHIND, DISORDER = 90_000, 7_000
"""Milliseconds: of each record's event time behind the clock, and for which late records are waited."""
PROGRAM = f"""
import time
from penstock.common import Duration, TimestampAssigner, Types, WatermarkStrategy
from penstock.datastream import StreamExecutionEnvironment
from penstock.datastream.connectors.datagen import DataGeneratorSource, RateLimiterStrategy
def work(value):
    time.sleep({COST})
    return value
env = StreamExecutionEnvironment.get_execution_environment()
rate = RateLimiterStrategy.per_second({RATE})
source = DataGeneratorSource(lambda number: number, 10_000_000, rate, Types.LONG())
class Late(TimestampAssigner):
    def extract_timestamp(self, value, record_timestamp):
        return time.time_ns() // 1_000_000 - {BEHIND}
times = WatermarkStrategy.for_bounded_out_of_orderness(Duration.of_millis({DISORDER}))
numbers = env.from_source(source, times.with_timestamp_assigner(Late()), "numbers")
numbers.filter(lambda value: value % 2 == 0).map(work).key_by(lambda value: value % 7).map(work).print()
env.execute("known load")
"""
SHARES = ("busyTimeMsPerSecond", "idleTimeMsPerSecond", "backPressuredTimeMsPerSecond")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """The job, half of whose records pass its first filter."""
    folder = tmp_path_factory.mktemp("load")
    (folder / "program.py").write_text(PROGRAM)
    made = Cluster(folder, slots=1)
    try:
        made.start_jobmanager(folder / "program.py")
        made.start("taskmanager")
        made.wait_status("RUNNING")
        yield made
    finally:
        made.close()


def collect(rest: FlinkRest, records: float) -> tuple[Graph, Sample]:
    """A sample, once the source has read so many records, from right after a report: an old one would make rates of its age."""
    deadline, before = time.monotonic() + 120, math.inf
    while time.monotonic() < deadline:
        found = signals.collect(rest, JOB_ID, BusyTimeAggregator.MAX, slots_share_a_thread=True)
        if found is not None:
            read = found[1].vertices[found[0].vertices[0].id].records_in
            if records <= read and before < read:
                return found
            before = read
        time.sleep(0.05)
    raise AssertionError(f"the source did not read {records} records")


def test_rates_and_shares_of_time_are_those_of_the_load(running: Cluster) -> None:
    with FlinkRest(f"http://127.0.0.1:{running.port}") as rest:
        graph, first = collect(rest, 2 * RATE)
        _, last = collect(rest, first.vertices[graph.vertices[0].id].records_in + 5 * RATE)
        source, keyed = graph.vertices
        seconds = last.at - first.at
        read = last.vertices[source.id].records_in - first.vertices[source.id].records_in
        passed = last.vertices[keyed.id].records_in - first.vertices[keyed.id].records_in
        assert read / seconds <= 1.3 * RATE, "no more than there is"
        assert passed == pytest.approx(read / 2, rel=0.3)
        for vertex in graph.vertices:
            names = rest.vertex_metric_names(JOB_ID, vertex.id)
            found = {
                name: one.sum or 0.0 for name, one in rest.vertex_metrics(JOB_ID, vertex.id, names).items()
            }
            assert sum(found[name] for name in SHARES) == pytest.approx(1000.0, abs=5.0)
            records = max(found["numRecordsIn"], found["numRecordsOut"])
            busy = found["accumulateBusyTimeMs"] / 1000.0
            assert busy >= 0.95 * COST * records, "each record took its time"
            slept = found["accumulateIdleTimeMs"] + found["accumulateBackPressuredTimeMs"]
            assert busy + slept / 1000.0 <= last.at - graph.running_since + 30.0


def test_a_vertex_can_do_no_more_than_its_slots_thread(running: Cluster) -> None:
    options = AutoscalerOptions(metrics_window=timedelta(seconds=60))
    with FlinkRest(f"http://127.0.0.1:{running.port}") as rest:
        graph, first = collect(rest, 2 * RATE)
        _, second = collect(rest, first.vertices[graph.vertices[0].id].records_in + 2 * RATE)
        _, third = collect(rest, second.vertices[graph.vertices[0].id].records_in + 2 * RATE)
    window = (first, second, third)
    shared = evaluate(graph, window, options, Outlook(5.0)).vertices
    apart = Graph(graph.vertices, graph.running_since)
    alone = evaluate(apart, window, options, Outlook(5.0)).vertices
    for vertex in graph.vertices:
        assert shared[vertex.id].true_rate < alone[vertex.id].true_rate
    keyed = graph.vertices[1].id
    # Counts and times are told by reports of neighbouring moments, some per cent apart; without the cap the rate is twice that.
    assert shared[keyed].true_rate <= 1.25 / (2 * COST), "a record takes the thread twice its cost"


def test_lags_of_event_time_are_those_of_the_records(running: Cluster) -> None:
    slow = 30_000  # how long a loaded machine may take to pass a record on, and to tell of it
    with FlinkRest(f"http://127.0.0.1:{running.port}") as rest:
        graph, _ = collect(rest, 2 * RATE)
        source, keyed = graph.vertices

        def told(vertex: str, name: str) -> float:
            found = rest.vertex_metrics(JOB_ID, vertex, [name]).get(name)
            return found.max or 0.0 if found is not None else 0.0

        wait_until(lambda: told(keyed.id, "currentInputWatermark") > 0, "event time gets there", 60)
        now = time.time_ns() // 1_000_000
        assert 0 <= told(source.id, "Source: numbers.currentEmitEventTimeLag") - BEHIND <= slow
        behind = BEHIND + DISORDER
        assert 0 <= told(source.id, "Source: numbers.watermarkLag") - behind <= slow
        for vertex, name in (
            (source, "Source: numbers.currentOutputWatermark"),
            (keyed, "currentInputWatermark"),
        ):
            assert now - told(vertex.id, name) == pytest.approx(behind, abs=slow)
