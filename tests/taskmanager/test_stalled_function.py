"""A function that blocks its slot is named in the log, once."""

import logging
import time

import pytest

from penstock.taskmanager.stall import StallLimits, StallWatch


class Rounds:
    busy_since: float | None = None


def block_the_slot(rounds: Rounds, log: pytest.LogCaptureFixture) -> None:
    rounds.busy_since = time.monotonic()
    deadline = time.monotonic() + 50
    while not log.records and time.monotonic() < deadline:
        time.sleep(0.01)


def test_the_stack_of_a_blocking_call_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    rounds = Rounds()
    watch = StallWatch(rounds, StallLimits(0.05), lambda: "Map (1/2)")
    with caplog.at_level(logging.WARNING):
        watch.start()
        block_the_slot(rounds, caplog)
        watch.stop()
    (record,) = caplog.records
    assert "block_the_slot" in record.getMessage()
    assert "asynchronous I/O" in record.getMessage()
    assert "the task 'Map (1/2)'" in record.getMessage()


def test_limits_come_from_the_configuration() -> None:
    assert StallLimits.from_configuration({}) == StallLimits(10.0, None)
    given = {"penstock.task.stall-warning": "500 ms", "penstock.task.stall-timeout": "1 min"}
    assert StallLimits.from_configuration(given) == StallLimits(0.5, 60.0)
