"""Async I/O and aligned sources in whole jobs: stopped while records are in flight, drained, and waiting for one another."""

import asyncio
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from threading import Thread
from typing import Any

from penstock.common.time import Duration, Time
from penstock.common.watermark_strategy import TimestampAssigner, WatermarkStrategy
from penstock.datastream import AsyncDataStream, AsyncFunction, ProcessFunction, RuntimeContext
from penstock.datastream.connectors.number_seq import NumberSequenceSource
from penstock.testing import Pause, ScriptedSource
from penstock.testing.cluster import ClusterEnvironment, JobCluster

pytest_plugins = ["penstock.testing.plugin"]
NONE = WatermarkStrategy.no_watermarks()
DEADLINE_SECONDS = 90.0


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "what was waited for did not happen"
        time.sleep(0.02)


class Gate(AsyncFunction):
    """Says that a record is in flight, and gives it when the gate is open."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    async def async_invoke(self, value: Any) -> list[Any]:
        (self.folder / f"asked-{value}").touch()
        while not (self.folder / "open").exists():  # noqa: ASYNC110 - the test opens it
            await asyncio.sleep(0.005)
        (self.folder / f"given-{value}").touch()
        return [value]


def gated(env: ClusterEnvironment, folder: Path) -> Any:
    source = ScriptedSource([1, 2, 3, 4, 5, Pause(until_file=str(folder / "open")), 6])
    stream = env.from_source(source, NONE, "script").uid("script")
    return AsyncDataStream.ordered_wait(stream, Gate(folder), Time.seconds(60), 2).uid("gate")


def collected(stream: Any) -> list[Any]:
    with stream.execute_and_collect() as results:
        return list(results)


def test_records_in_flight_go_into_the_savepoint_of_a_stop(mini_cluster: JobCluster, tmp_path: Path) -> None:
    env = mini_cluster.environment()
    gated(env, tmp_path).print()
    job = env.submit()
    until(lambda: (tmp_path / "asked-2").exists())
    path = job.stop(str(tmp_path / "savepoints"))
    assert not (tmp_path / "asked-3").exists()
    (tmp_path / "open").touch()
    again = mini_cluster.environment({"execution.state-recovery.path": path})
    assert collected(gated(again, tmp_path)) == [1, 2, 3, 4, 5, 6]


def test_a_drain_waits_for_records_in_flight(mini_cluster: JobCluster, tmp_path: Path) -> None:
    env = mini_cluster.environment()
    gated(env, tmp_path).print()
    job = env.submit()
    until(lambda: (tmp_path / "asked-2").exists())
    stopped: list[str] = []
    stopping = Thread(target=lambda: stopped.append(job.stop(str(tmp_path / "savepoints"), drain=True)))
    stopping.start()
    until(lambda: job._job.machine.job.coordinator.is_stopping)
    assert not stopped
    (tmp_path / "open").touch()
    stopping.join(DEADLINE_SECONDS)
    assert stopped
    asked, given = (
        {path.name.rpartition("-")[2] for path in tmp_path.glob(f"{what}-*")} for what in ("asked", "given")
    )
    assert given == asked, "how many more than these two had left the source is its task's business"
    assert asked >= {"1", "2"}
    assert job.result(DEADLINE_SECONDS).status == "FINISHED"


class OwnTime(TimestampAssigner):
    def extract_timestamp(self, value: Any, record_timestamp: int) -> int:
        return int(value)


class Lead(ProcessFunction):
    """How far the fast source was ahead of the slow one, at most."""

    def open(self, runtime_context: RuntimeContext) -> None:
        self.slow = self.lead = 0

    def process_element(self, value: Any, ctx: Any) -> Iterable[Any]:
        name, number = value
        if name == "slow":
            self.slow = number
            yield self.lead
        else:
            self.lead = max(self.lead, number - self.slow)


def test_a_fast_source_waits_for_the_slow_one_of_its_group(mini_cluster: JobCluster) -> None:
    env = mini_cluster.environment()
    strategy = (
        WatermarkStrategy.for_monotonous_timestamps()
        .with_timestamp_assigner(OwnTime())
        .with_watermark_alignment("group", Duration.of_millis(3_000), Duration.of_millis(20))
    )
    script: list[Any] = []
    for number in range(10):
        script += [number * 10_000, Pause(seconds=0.1)]
    slow = env.from_source(ScriptedSource(script), strategy, "slow").map(lambda n: ("slow", n))
    numbers = NumberSequenceSource(0, 100_000)
    fast = env.from_source(numbers, strategy, "fast").map(lambda n: ("fast", n))
    leads = collected(slow.union(fast).process(Lead()))
    # The drift, what a batch may overshoot it, and the step by which the slow source is ahead of what was seen of it.
    assert max(leads) < 3_000 + 5_000 + 10_000
