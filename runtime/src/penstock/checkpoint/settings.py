"""Checkpointing's settings, read from Flink's keys under their old and new names.

Made once for a job by the JobManager; pure.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

_UNITS = {
    "": 1, "ms": 1, "milli": 1, "millis": 1, "s": 1000, "sec": 1000, "second": 1000, "seconds": 1000,
    "m": 60_000, "min": 60_000, "minute": 60_000, "minutes": 60_000, "h": 3_600_000, "hour": 3_600_000,
    "hours": 3_600_000, "d": 86_400_000, "day": 86_400_000, "days": 86_400_000,
}  # fmt: skip


def parse_duration_ms(text: str) -> int:
    """Milliseconds of Flink's duration text (`10 s`, `500ms`, `1 min`) or ISO 8601 (`PT10S`)."""
    text = text.strip()
    if iso := re.fullmatch(r"(?i)PT(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?", text):
        hours, minutes, seconds = (float(part or 0) for part in iso.groups())
        return int((hours * 3600 + minutes * 60 + seconds) * 1000)
    match = re.fullmatch(r"(\d+)\s*([a-zA-Z]*)", text)
    if match is None or match[2].lower() not in _UNITS:
        raise ValueError(f"{text!r} is not a duration: write it like '10 s', '500 ms' or '1 min'")
    return int(match[1]) * _UNITS[match[2].lower()]


def first_of(configuration: Mapping[str, str], *keys: str) -> str | None:
    """The value of the first key that is set."""
    for key in keys:
        value = configuration.get(key)
        if value is not None and str(value) != "":
            return str(value)
    return None


def duration_of(configuration: Mapping[str, str], default_ms: int, *keys: str) -> int:
    """The first set key as milliseconds; ValueError names the key."""
    for key in keys:
        value = configuration.get(key)
        if value is not None and str(value) != "":
            try:
                return parse_duration_ms(str(value))
            except ValueError as error:
                raise ValueError(f"{key}: {error}") from None
    return default_ms


@dataclass(slots=True, frozen=True)
class CheckpointSettings:
    """How often, how long, where. Times in ms; `interval` 0 means no periodic checkpoints."""

    interval: int
    timeout: int
    min_pause: int
    tolerable_failures: int
    retained: int
    directory: str | None
    savepoint_directory: str | None

    @property
    def is_enabled(self) -> bool:
        """Periodic checkpoints are on."""
        return self.interval > 0


def read_settings(configuration: Mapping[str, str]) -> CheckpointSettings:
    """The settings in `configuration`; defaults are Flink's."""
    prefix = "execution.checkpointing."
    return CheckpointSettings(
        interval=duration_of(configuration, 0, prefix + "interval"),
        timeout=duration_of(configuration, 600_000, prefix + "timeout"),
        min_pause=duration_of(configuration, 0, prefix + "min-pause"),
        tolerable_failures=int(first_of(configuration, prefix + "tolerable-failed-checkpoints") or 0),
        retained=int(first_of(configuration, prefix + "num-retained", "state.checkpoints.num-retained") or 1),
        directory=_folder(first_of(configuration, prefix + "dir", "state.checkpoints.dir")),
        savepoint_directory=_folder(
            first_of(configuration, prefix + "savepoint-dir", "state.savepoints.dir")
        ),
    )


def _folder(path: str | None) -> str | None:
    return path.rstrip("/") if path else None
