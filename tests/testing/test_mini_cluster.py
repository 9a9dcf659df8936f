"""The mini cluster fixture and the scripted source: whole jobs, their restarts, savepoints and what they left running."""

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from penstock.common.restart_strategy import RestartStrategies
from penstock.common.state_descriptors import ValueStateDescriptor
from penstock.common.time import Time
from penstock.common.watermark_strategy import WatermarkStrategy
from penstock.datastream import (
    AsyncDataStream,
    AsyncFunction,
    KeyedProcessFunction,
    MapFunction,
    RuntimeContext,
)
from penstock.datastream.window import TumblingEventTimeWindows
from penstock.launch.minicluster import JobFailed
from penstock.testing import Abort, At, End, Pause, ScriptedSource, Watermark
from penstock.testing.cluster import ClusterEnvironment, JobCluster

pytest_plugins = ["penstock.testing.plugin"]
NONE = WatermarkStrategy.no_watermarks()
DEADLINE_SECONDS = 90.0


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "what was waited for did not happen"
        time.sleep(0.02)


class Counting(KeyedProcessFunction):
    def open(self, runtime_context: RuntimeContext) -> None:
        self.count = runtime_context.get_state(ValueStateDescriptor("count"))

    def process_element(self, value: Any, ctx: Any) -> Iterable[Any]:
        self.count.update((self.count.value() or 0) + 1)
        yield value, self.count.value()


class Later(AsyncFunction):
    async def async_invoke(self, value: Any) -> list[Any]:
        return [value * 10]


def collected(stream: Any) -> list[Any]:
    with stream.execute_and_collect() as results:
        return list(results)


def counting(env: ClusterEnvironment, source: ScriptedSource) -> Any:
    stream = env.from_source(source, NONE, "script").uid("script")
    return stream.key_by(lambda value: value).process(Counting()).uid("count")


def test_marks_of_a_script_move_event_time(mini_cluster: JobCluster) -> None:
    script = [At(("a", 1), 1), At(("a", 2), 12), Watermark(11), At(("a", 3), 2), At(("a", 4), 13)]
    source = ScriptedSource(script)
    stream = mini_cluster.environment().from_source(source, source.watermarks, "script")
    windows = stream.key_by(lambda record: record[0]).window(
        TumblingEventTimeWindows.of(Time.milliseconds(10))
    )
    assert collected(windows.reduce(lambda a, b: (a[0], a[1] + b[1]))) == [("a", 1), ("a", 6)]


def test_a_job_that_fails_between_checkpoints_counts_every_record_once(
    mini_cluster: JobCluster, tmp_path: Path
) -> None:
    env = mini_cluster.environment({"execution.checkpointing.interval": "50 ms"})
    env.set_restart_strategy(RestartStrategies.fixed_delay_restart(3, 10))
    script = ["a", "b", Pause(checkpoints=1), "a", "a", Abort(), "b", Pause(checkpoints=1), Abort(), "a"]
    source = ScriptedSource(script, folder=tmp_path)
    assert sorted(collected(counting(env, source))) == [
        ("a", 1),
        ("a", 2),
        ("a", 3),
        ("a", 4),
        ("b", 1),
        ("b", 2),
    ]
    assert len(list(tmp_path.iterdir())) == 2


def test_an_abort_fails_a_job_that_may_not_restart(mini_cluster: JobCluster, tmp_path: Path) -> None:
    env = mini_cluster.environment({"restart-strategy.type": "none"})
    counting(env, ScriptedSource(["a", Abort("enough")], folder=tmp_path)).print()
    with pytest.raises(JobFailed, match="enough"):
        env.execute()


class Marking(MapFunction):
    """Says in a folder what it has seen."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def map(self, value: Any) -> Any:
        (self.folder / str(value)).touch()
        return value


def test_a_job_goes_on_from_the_savepoint_of_another(mini_cluster: JobCluster, tmp_path: Path) -> None:
    source = ScriptedSource(["a", "b", Pause(until_file=str(tmp_path / "go")), "a", End(), "b"])
    env = mini_cluster.environment()
    counting(env, source).map(lambda pair: pair[0]).map(Marking(tmp_path)).print()
    job = env.submit()
    until(lambda: (tmp_path / "b").exists())
    path = job.stop(str(tmp_path / "savepoints"))
    (tmp_path / "go").touch()
    again = mini_cluster.environment({"execution.state-recovery.path": path})
    assert collected(counting(again, source)) == [("a", 2)]


def test_async_functions_in_a_job_with_checkpoints(mini_cluster: JobCluster, tmp_path: Path) -> None:
    env = mini_cluster.environment({"execution.checkpointing.interval": "20 ms"})
    env.set_restart_strategy(RestartStrategies.fixed_delay_restart(3, 10))
    source = ScriptedSource([1, 2, Pause(checkpoints=1), 3, Abort(), 4], folder=tmp_path)
    stream = env.from_source(source, NONE, "script")
    results = AsyncDataStream.ordered_wait(stream, Later(), Time.seconds(10), 2)
    assert collected(results) == [10, 20, 30, 40]


def test_a_test_may_leave_a_job_running(mini_cluster: JobCluster) -> None:
    env = mini_cluster.environment()
    counting(env, ScriptedSource(["a", Pause(seconds=3600)])).print()
    job = env.submit()
    until(lambda: job.status == "RUNNING")
    client_environment = mini_cluster.environment()
    counting(client_environment, ScriptedSource(["a", Pause(seconds=3600)])).print()
    client = client_environment.execute_async()
    assert len(str(client.get_job_id())) == 32
    client.cancel().result()
