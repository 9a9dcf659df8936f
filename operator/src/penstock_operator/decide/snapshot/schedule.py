"""When the next periodic snapshot is due: after a duration, or by a Quartz cron expression (6 or 7 fields, in UTC). Pure.

Called by the rule `periodic_snapshot`.
"""

from datetime import UTC, datetime

from croniter import CroniterBadCronError, CroniterBadDateError, croniter

from penstock_operator.model.duration import parse_duration
from penstock_operator.model.quartz import as_cron

_NEVER_DUE = 4_102_444_800_000
"""The year 2100: an expression whose last moment has passed."""


def next_due(period: str, last: int) -> int | None:
    """Milliseconds at which the next is due after `last`; None where there is no period or it cannot be read."""
    if not period.strip():
        return None
    try:
        length = round(parse_duration(period).total_seconds() * 1000)
        return last + length if length > 0 else None
    except ValueError:
        return _by_cron(period, last)


def _by_cron(text: str, last: int) -> int | None:
    expression = as_cron(text)
    if expression is None:
        return None
    since = datetime.fromtimestamp(last / 1000, tz=UTC)
    try:
        found: datetime = croniter(expression, since, second_at_beginning=True).get_next(datetime)
    except CroniterBadDateError:
        return _NEVER_DUE
    except (CroniterBadCronError, ValueError, KeyError):
        return None
    return round(found.timestamp() * 1000)
