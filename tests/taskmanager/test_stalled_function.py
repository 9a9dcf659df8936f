"""A function that blocks its slot is named in the log, once."""

import logging
import time

import pytest

from penstock.taskmanager.stall import StallWatch


class Rounds:
    busy_since: float | None = None


def block_the_slot(log: pytest.LogCaptureFixture) -> None:
    deadline = time.monotonic() + 10
    while not log.records and time.monotonic() < deadline:
        time.sleep(0.01)


def test_the_stack_of_a_blocking_call_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    rounds = Rounds()
    watch = StallWatch(rounds, limit_seconds=0.05)
    with caplog.at_level(logging.WARNING):
        watch.start()
        rounds.busy_since = time.monotonic()
        block_the_slot(caplog)
        watch.stop()
    (record,) = caplog.records
    assert "block_the_slot" in record.getMessage()
    assert "asynchronous I/O" in record.getMessage()
