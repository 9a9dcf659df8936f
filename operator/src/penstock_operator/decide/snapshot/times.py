"""Moments in a snapshot's status: RFC 3339 with milliseconds, and back. Pure; used by the decisions on snapshots."""

from datetime import UTC, datetime

FAR = 3600.0
"""Seconds to the next look at a snapshot for which nothing is to be done."""


def moment(now: int) -> str:
    """The moment, of milliseconds since the epoch."""
    text = datetime.fromtimestamp(now / 1000, tz=UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def milliseconds(text: str | None) -> int:
    """Milliseconds since the epoch; 0 where there is no moment, or one that cannot be read."""
    if not text:
        return 0
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return 0
    return round((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp() * 1000)
