"""Durations as Flink writes them: `15 s`, `1min`, `5 MINUTE`, a bare number of milliseconds. Pure."""

import re
from datetime import timedelta

_UNITS = {
    "ns": 1e-9, "nano": 1e-9, "nanosecond": 1e-9,
    "us": 1e-6, "µs": 1e-6, "micro": 1e-6, "microsecond": 1e-6,
    "": 1e-3, "ms": 1e-3, "milli": 1e-3, "millisecond": 1e-3,
    "s": 1.0, "sec": 1.0, "second": 1.0,
    "m": 60.0, "min": 60.0, "minute": 60.0,
    "h": 3600.0, "hour": 3600.0,
    "d": 86400.0, "day": 86400.0,
}  # fmt: skip
_SHAPE = re.compile(r"\s*(\d+)\s*([a-zµ]*)\s*", re.IGNORECASE)


def parse_duration(text: str) -> timedelta:
    """The duration; raises ValueError saying what is expected."""
    match = _SHAPE.fullmatch(text)
    unit = match.group(2).lower() if match else ""
    scale = _UNITS.get(unit, _UNITS.get(unit.removesuffix("s")))
    if match is None or scale is None:
        raise ValueError(f"{text!r} is not a duration: write a number and a unit, as in '30 s' or '5 min'")
    return timedelta(seconds=int(match.group(1)) * scale)
