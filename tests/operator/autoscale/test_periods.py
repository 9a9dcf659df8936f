"""Quiet hours and schedules: what holds when."""

from datetime import UTC, datetime

import pytest

from penstock_operator.autoscale.options import problems
from penstock_operator.autoscale.periods import bounds_at, is_excluded


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("period", "moment", "holds"),
    [
        ("9:30:00-11:00:00", "2026-11-21T10:00:00", True),
        ("9:30:00-11:00:00", "2026-11-21T11:00:00", False),
        ("22:00:00-06:00:00", "2026-11-21T23:30:00", True),
        ("22:00:00-06:00:00", "2026-11-21T05:59:59", True),
        ("22:00:00-06:00:00", "2026-11-21T12:00:00", False),
        ("* * 9-11 * * ?", "2026-11-21T11:59:30", True),
        ("* * 9-11 * * ?", "2026-11-21T12:00:00", False),
        ("* * * ? * 7", "2026-11-21T12:00:00", True),
        ("* * * ? * 1", "2026-11-21T12:00:00", False),
        ("9:00:00-17:00:00 && * * * ? * 2-6", "2026-11-21T12:00:00", False),
        ("9:00:00-17:00:00 && * * * ? * 2-6", "2026-11-20T12:00:00", True),
        ("nonsense", "2026-11-20T12:00:00", False),
    ],
)
def test_a_period_holds_while_all_its_parts_do(period: str, moment: str, holds: bool) -> None:
    assert is_excluded((period,), at(moment)) is holds


def test_the_first_entry_of_a_schedule_that_holds_sets_the_bounds() -> None:
    schedule = ("8:00:00-20:00:00 => 4..16", "* * * * * ? => 1..8")
    assert bounds_at(schedule, at("2026-11-21T12:00:00")) == (4, 16)
    assert bounds_at(schedule, at("2026-11-21T21:00:00")) == (1, 8)
    assert bounds_at((), at("2026-11-21T21:00:00")) is None


def test_an_entry_that_cannot_be_read_is_refused_with_an_example() -> None:
    found = list(problems({"job.autoscaler.schedule": "8:00:00-20:00:00 => 9..4"}))
    assert len(found) == 1
    assert "=> 4..16" in found[0]
