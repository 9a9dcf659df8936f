"""A task takes as many records in one go as its functions do in no time, and learns that from few."""

import pytest

from penstock.exchange.elements import EXCHANGE_BATCH
from penstock.taskmanager.pace import Pace


def goes(cost: float, count: int) -> list[float]:
    """Seconds that each of so many goes takes, where a record takes `cost`."""
    pace, found = Pace(), []
    for _ in range(count):
        found.append(pace.limit * cost)
        pace.note(pace.limit, pace.limit * cost)
    return found


@pytest.mark.parametrize("cost", [0.00002, 0.0001, 0.001, 0.02, 1.0])
def test_no_go_takes_much_longer_than_a_record_or_a_twentieth_of_a_second(cost: float) -> None:
    """A whole batch of records that take a second each held barriers and metrics up for half an hour, after every start."""
    assert max(goes(cost, 50)) <= max(cost, 0.05)


@pytest.mark.parametrize("cost", [0.0, 0.000001, 0.00001])
def test_quick_records_are_soon_taken_in_whole_batches(cost: float) -> None:
    pace = Pace()
    for _ in range(EXCHANGE_BATCH.bit_length()):
        pace.note(pace.limit, pace.limit * cost)
    assert pace.limit == EXCHANGE_BATCH


def test_a_function_that_becomes_slow_is_given_less_and_one_that_becomes_quick_more() -> None:
    pace = Pace()
    for _ in range(20):
        pace.note(pace.limit, 0.0)
    pace.note(EXCHANGE_BATCH, EXCHANGE_BATCH * 0.01)
    assert pace.limit == 5
    for _ in range(20):
        pace.note(pace.limit, 0.0001)
    assert pace.limit == EXCHANGE_BATCH


def test_goes_that_had_fewer_records_than_they_could_show_nothing() -> None:
    pace = Pace()
    for _ in range(20):
        pace.note(1, 0.0)
    assert pace.limit == 4
