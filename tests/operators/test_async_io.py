"""Async I/O: order, watermarks, capacity, time-outs, retries, failures, and records in flight over a restore."""

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

from penstock.common.time import Time
from penstock.datastream.async_data_stream import AsyncDataStream
from penstock.datastream.async_functions import AsyncFunction, AsyncRetryStrategy
from penstock.operators.async_io import AsyncFunctionFailed
from penstock.operators.contract import MIN_TIMESTAMP
from penstock.testing import StreamHarness

LONG = Time.seconds(30)


class Gate(AsyncFunction):
    """Gives a record once the file of its name is there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    async def async_invoke(self, value: Any) -> list[Any]:
        while not (self.folder / str(value)).exists():  # noqa: ASYNC110 - the test holds the other end
            await asyncio.sleep(0.001)
        return [value, threading.current_thread().name]


class Flaky(AsyncFunction):
    """Succeeds at the third attempt; negative numbers give empty results until then, others raise."""

    def open(self, runtime_context: Any) -> None:
        self.attempts: dict[int, int] = {}

    async def async_invoke(self, value: int) -> list[Any]:
        self.attempts[value] = self.attempts.get(value, 0) + 1
        if self.attempts[value] == 3:
            return [(value, 3)]
        if value < 0:
            return []
        raise OSError(f"attempt {self.attempts[value]}")


class Hanging(AsyncFunction):
    async def async_invoke(self, value: Any) -> list[Any]:
        await asyncio.Event().wait()
        return []


class HangingWithAnswer(Hanging):
    def timeout(self, value: Any) -> list[Any]:
        return [("no answer", value)]


class Wrong(AsyncFunction):
    async def async_invoke(self, value: Any) -> list[Any]:
        return value  # type: ignore[no-any-return]


def waiting(function: Any, ordered: bool = True, capacity: int = 100, **options: Any) -> StreamHarness:
    wait = AsyncDataStream.ordered_wait if ordered else AsyncDataStream.unordered_wait
    return StreamHarness(lambda stream: wait(stream, function, LONG, capacity), **options)


def numbers(harness: StreamHarness) -> list[int]:
    return [value for value in harness.extract_output_values() if isinstance(value, int)]


def feed_and_settle(harness: StreamHarness, value: Any) -> None:
    harness.process_element(value)
    harness.settle()


def test_ordered_results_wait_for_the_ones_before_them(tmp_path: Path) -> None:
    with waiting(Gate(tmp_path)) as job:
        job.process_batch([1, 2, 3], [10, 20, 30])
        (tmp_path / "2").touch()
        queue: Any = job._nodes[0].operator
        job.run_until(lambda: [entry.is_done for entry in queue._queue.entries()] == [False, True, False])
        assert job.extract_output() == []
        (tmp_path / "1").touch()
        (tmp_path / "3").touch()
        job.settle()
        assert [pair for pair in job.extract_output() if isinstance(pair[0], int)] == [
            (1, 10),
            (2, 20),
            (3, 30),
        ]


def test_the_function_runs_beside_the_thread_of_the_slot(tmp_path: Path) -> None:
    (tmp_path / "1").touch()
    with waiting(Gate(tmp_path)) as job:
        job.process_element(1)
        job.settle()
        assert job.extract_output_values() == [1, "async-functions"]
    assert not [thread for thread in threading.enumerate() if thread.name == "async-functions"]


def test_unordered_results_come_as_they_are_done_but_pass_no_watermark(tmp_path: Path) -> None:
    with waiting(Gate(tmp_path), ordered=False) as job:
        job.process_batch([1, 2])
        job.process_watermark(100)
        job.process_element(3)
        (tmp_path / "3").touch()
        (tmp_path / "2").touch()
        job.run_until(lambda: bool(job._results))
        assert numbers(job) == [2]
        assert job.watermark == MIN_TIMESTAMP
        (tmp_path / "1").touch()
        job.settle()
        assert numbers(job) == [1, 3]
        assert job.watermark == 100


def test_input_is_held_back_at_the_capacity(tmp_path: Path) -> None:
    with waiting(Gate(tmp_path), capacity=2) as job:
        job.process_element(1)
        assert job.has_room
        job.process_batch([2, 3, 4])
        job.process_watermark(7)
        assert not job.has_room
        for number in range(1, 5):
            (tmp_path / str(number)).touch()
        job.settle()
        assert numbers(job) == [1, 2, 3, 4]
        assert job.watermark == 7
        assert job.has_room


def test_records_in_flight_are_asked_for_again_after_a_restore(tmp_path: Path) -> None:
    with waiting(Gate(tmp_path), ordered=False, capacity=2) as job:
        job.process_batch([1, 2, 3, 4], [1, 2, 3, 4])
        (tmp_path / "1").touch()
        job.run_until(lambda: bool(job._results))
        assert numbers(job) == [1]
        stored = job.snapshot()
    for number in range(2, 5):
        (tmp_path / str(number)).touch()
    with waiting(Gate(tmp_path), ordered=True, restored=stored) as again:
        again.settle()
        assert [pair for pair in again.extract_output() if isinstance(pair[0], int)] == [
            (2, 2),
            (3, 3),
            (4, 4),
        ]


def test_a_timeout_fails_the_job_or_gives_what_the_function_says() -> None:
    short = Time.milliseconds(20)
    with StreamHarness(lambda s: AsyncDataStream.ordered_wait(s, HangingWithAnswer(), short)) as job:
        job.process_element(5)
        job.settle()
        assert job.extract_output_values() == [("no answer", 5)]
    with (
        StreamHarness(lambda s: AsyncDataStream.ordered_wait(s, Hanging(), short)) as job,
        pytest.raises(AsyncFunctionFailed, match="Hanging failed for the record 5: no result in time"),
    ):
        feed_and_settle(job, 5)


@pytest.mark.parametrize("number", [4, -4])
def test_attempts_are_repeated_as_the_strategy_says(number: int) -> None:
    strategy = AsyncRetryStrategy.fixed_delay(
        3, 1, lambda results: not results, lambda error: isinstance(error, OSError)
    )
    build = AsyncDataStream.unordered_wait_with_retry
    with StreamHarness(lambda s: build(s, Flaky(), LONG, strategy)) as job:
        job.process_element(number)
        job.settle()
        assert job.extract_output_values() == [(number, 3)]


def test_the_last_attempt_counts_whatever_it_gives() -> None:
    strategy = AsyncRetryStrategy.exponential_backoff(
        1, 1, 8, 2.0, lambda results: not results, lambda e: True
    )
    build = AsyncDataStream.ordered_wait_with_retry
    with StreamHarness(lambda s: build(s, Flaky(), LONG, strategy)) as job:
        job.process_element(-1)
        job.settle()
        assert job.extract_output_values() == []
        job.process_element(1)
        with pytest.raises(AsyncFunctionFailed, match="attempt 2"):
            job.settle()


def test_backoff_grows_by_the_attempts_of_one_record_alone() -> None:
    strategy = AsyncRetryStrategy.exponential_backoff(5, 10, 65, 2.0, None, None)
    assert [strategy.get_backoff_time_millis(attempt) for attempt in (1, 3, 1, 4)] == [10, 40, 10, 65]
    assert not AsyncRetryStrategy.no_restart().can_retry(1)


def test_what_is_not_a_list_is_refused() -> None:
    with waiting(Wrong()) as job, pytest.raises(AsyncFunctionFailed, match="a list of results, not int"):
        feed_and_settle(job, 3)


def test_settings_without_sense_are_refused() -> None:
    with pytest.raises(ValueError, match="capacity"):
        waiting(Wrong(), capacity=0)
    strategy = AsyncRetryStrategy.fixed_delay(1, 1, None, None)
    with pytest.raises(ValueError, match="covers all attempts"):
        StreamHarness(
            lambda s: AsyncDataStream.ordered_wait_with_retry(s, Wrong(), Time.seconds(0), strategy)
        )
    with pytest.raises(ValueError, match="max_attempts"):
        AsyncRetryStrategy.fixed_delay(0, 1, None, None)
