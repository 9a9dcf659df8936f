"""Periods of the autoscaler: quiet hours, and the bounds that a schedule sets by time of day. Pure. All times are UTC.

A period is parts with `&&` between them that all hold: `HH:mm:ss-HH:mm:ss` of every day (over midnight where the end is
before the begin) and Quartz cron expressions, as upstream's `excluded.periods` (facts §5.9). Where several entries of
the schedule hold, the first counts.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, time

from penstock_operator.model import quartz

_CLOCK = re.compile(r"(\d{1,2}):(\d{1,2})(?::(\d{1,2}))?")
_ENTRY = re.compile(r"(.+)=>\s*(\d+)\s*\.\.\s*(\d+)\s*")


def is_excluded(periods: Sequence[str], at: float) -> bool:
    """Whether one of the periods holds at this moment (seconds since the epoch)."""
    moment = datetime.fromtimestamp(at, UTC)
    return any(_holds(period, moment) for period in periods)


def bounds_at(schedule: Sequence[str], at: float) -> tuple[int, int] | None:
    """Lowest and highest parallelism of the first entry that holds; None where none does."""
    moment = datetime.fromtimestamp(at, UTC)
    for entry in schedule:
        match = _ENTRY.fullmatch(entry)
        if match is not None and _holds(match[1], moment):
            return int(match[2]), int(match[3])
    return None


def faults(schedule: Sequence[str]) -> Iterator[str]:
    """Entries of a schedule that cannot be read."""
    for entry in schedule:
        match = _ENTRY.fullmatch(entry)
        if match is None or not 1 <= int(match[2]) <= int(match[3]):
            yield f"{entry!r} is no entry: write '8:00:00-20:00:00 => 4..16', or a cron expression before the arrow"


def _holds(period: str, moment: datetime) -> bool:
    return all(_part_holds(part.strip(), moment) for part in period.split("&&"))


def _part_holds(part: str, moment: datetime) -> bool:
    first, _, last = part.partition("-")
    begin, end = _clock(first), _clock(last)
    if begin is None or end is None:
        return quartz.holds(part, moment)
    now = moment.time()
    return begin <= now < end if begin <= end else now >= begin or now < end


def _clock(text: str) -> time | None:
    match = _CLOCK.fullmatch(text.strip())
    if match is None:
        return None
    try:
        return time(int(match[1]), int(match[2]), int(match[3] or 0))
    except ValueError:
        return None
