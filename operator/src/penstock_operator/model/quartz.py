"""Cron expressions as Quartz writes them, in UTC. Pure.

Called where a snapshot is due by the clock and where the autoscaler's periods begin and end. Quartz counts days of the
week from Sunday = 1, has seconds first, a year last if at all, and `?` for a day that another field says.
"""

import re
from datetime import datetime

from croniter import CroniterBadCronError, croniter

_NUMBER = re.compile(r"(?<![#/\w])([1-7])(?!\d)")


def holds(text: str, moment: datetime) -> bool:
    """Whether the second is one that the expression names; never for an expression that cannot be read."""
    expression = as_cron(text)
    if expression is None:
        return False
    try:
        return bool(croniter.match(expression, moment.replace(microsecond=0), second_at_beginning=True))
    except (CroniterBadCronError, ValueError, KeyError):
        return False


def as_cron(text: str) -> str | None:
    """The Quartz expression as cron with seconds first; five fields are plain cron. None for another number of fields."""
    fields = text.split()
    if len(fields) == 5:
        return " ".join(["0", *fields])
    if len(fields) not in (6, 7):
        return None
    fields = ["*" if field == "?" else field for field in fields]
    fields[5] = _NUMBER.sub(lambda match: str(int(match[1]) - 1), fields[5])
    if match := re.fullmatch(r"(\d)L", fields[5]):
        fields[5] = f"L{match[1]}"
    return " ".join(fields)
