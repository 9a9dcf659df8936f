"""Durations as Flink's configuration writes them ("10 s", "500ms", "1 h", bare milliseconds). Pure; used by every layer."""

import re

_PATTERN = re.compile(r"^\s*(-?\d+)\s*([a-zµ]*)\s*$")
_UNITS: tuple[tuple[tuple[str, ...], float], ...] = (
    (("d", "day", "days"), 86_400_000),
    (("h", "hour", "hours"), 3_600_000),
    (("m", "min", "minute", "minutes"), 60_000),
    (("s", "sec", "secs", "second", "seconds"), 1_000),
    (("", "ms", "milli", "millis", "millisecond", "milliseconds"), 1),
    (("µs", "us", "micro", "micros", "microsecond", "microseconds"), 1e-3),
    (("ns", "nano", "nanos", "nanosecond", "nanoseconds"), 1e-6),
)
_FACTORS = {name: factor for names, factor in _UNITS for name in names}


def parse_duration_ms(text: str) -> int:
    """Milliseconds of a duration text; a number without unit counts milliseconds. ValueError names the text."""
    match = _PATTERN.match(text.lower())
    factor = _FACTORS.get(match[2]) if match else None
    if match is None or factor is None:
        raise ValueError(f"{text!r} is not a duration: write a number and a unit, such as '10 s' or '500 ms'")
    return int(int(match[1]) * factor)


def format_duration_ms(milliseconds: int) -> str:
    """The text that `parse_duration_ms` reads back."""
    return f"{milliseconds} ms"
