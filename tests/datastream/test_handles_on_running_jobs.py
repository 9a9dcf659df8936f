"""`execute_async` and the handle that it returns: status, savepoints, stop, cancel, result, failure."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from penstock.common import Configuration, JobClient, JobStatus, WatermarkStrategy
from penstock.datastream import StreamExecutionEnvironment
from penstock.datastream.connectors.number_seq import NumberSequenceSource
from penstock.launch.minicluster import JobFailed

WITHIN_SECONDS = 90


def environment(folder: Path) -> StreamExecutionEnvironment:
    config = Configuration().set_string("execution.checkpointing.dir", str(folder / "checkpoints"))
    return StreamExecutionEnvironment(config).set_parallelism(1)


def endless(env: StreamExecutionEnvironment) -> None:
    source = NumberSequenceSource(1, 10**12)
    numbers = env.from_source(source, WatermarkStrategy.no_watermarks(), "numbers").uid("numbers")
    numbers.key_by(lambda number: number % 3).reduce(lambda a, b: a + b).uid("sums").filter(
        lambda _: False
    ).print()


def wait_for(status: JobStatus, client: JobClient) -> None:
    wait_until(lambda: client.get_job_status().result() is status)


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WITHIN_SECONDS
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_job_is_saved_and_stopped_by_its_handle(tmp_path: Path) -> None:
    env = environment(tmp_path)
    env.enable_checkpointing(200).set_default_savepoint_directory(str(tmp_path / "savepoints"))
    endless(env)
    client = env.execute_async("stopped")
    wait_for(JobStatus.RUNNING, client)
    assert len(str(client.get_job_id())) == 32
    first = client.trigger_savepoint().result()
    second = client.stop_with_savepoint(False, str(tmp_path / "others")).result()
    assert Path(first.removeprefix("file://"), "_metadata").exists()
    assert Path(second.removeprefix("file://"), "_metadata").is_relative_to(tmp_path / "others")
    result = client.get_job_execution_result().result()
    assert (result.get_job_id(), client.get_accumulators().result()) == (client.get_job_id(), {})
    assert result.get_net_runtime() > 0
    assert result.get_accumulator_result("none") is None
    assert client.get_job_status().result() is JobStatus.FINISHED
    assert str(client.get_job_id()) in str(result)


def test_a_job_is_canceled_by_its_handle(tmp_path: Path) -> None:
    env = environment(tmp_path)
    endless(env)
    client = env.execute_async("canceled")
    wait_for(JobStatus.RUNNING, client)
    without_folder = client.trigger_savepoint()
    assert "no savepoint directory" in str(without_folder.exception())
    canceling = client.cancel()
    canceling.result()
    assert (canceling.done(), canceling.cancelled()) == (True, False)
    assert client.get_job_status().result() is JobStatus.CANCELED
    assert client.get_job_status().result().is_globally_terminal_state()
    with pytest.raises(JobFailed, match="CANCELED"):
        client.get_job_execution_result().result()


def test_a_handle_tells_why_a_job_failed(tmp_path: Path) -> None:
    env = environment(tmp_path)
    env.configure(Configuration().set_string("restart-strategy.type", "none"))
    env.from_collection([0]).map(lambda value: 1 // value).print()
    client = env.execute_async("failing")
    failure = client.get_job_execution_result().exception()
    assert isinstance(failure, JobFailed)
    assert "ZeroDivisionError" in str(failure)
    assert client.get_job_status().result() is JobStatus.FAILED
