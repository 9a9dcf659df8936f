"""Checkpointing's settings, read from Flink's keys under their old and new names.

Made once for a job by the JobManager; pure.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

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


class Retention(StrEnum):
    """When a job's checkpoints are deleted at its end; those of a job that failed or was suspended may be needed."""

    RETAIN_ON_CANCELLATION = "RETAIN_ON_CANCELLATION"
    DELETE_ON_CANCELLATION = "DELETE_ON_CANCELLATION"
    NO_EXTERNALIZED_CHECKPOINTS = "NO_EXTERNALIZED_CHECKPOINTS"

    def keeps_after(self, status: str) -> bool:
        """Whether checkpoints stay when the job ends as `status`."""
        if self is Retention.RETAIN_ON_CANCELLATION:
            return True
        return self is Retention.DELETE_ON_CANCELLATION and status == "FAILED"


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
    most_at_once: int = 1
    """Snapshots under way at the same time."""
    retention: Retention = Retention.RETAIN_ON_CANCELLATION
    unaligned: bool = False
    alignment_timeout: int = 0
    """With `unaligned`: how long a checkpoint stays aligned before barriers overtake."""

    @property
    def is_enabled(self) -> bool:
        """Periodic checkpoints are on."""
        return self.interval > 0


def read_settings(configuration: Mapping[str, str]) -> CheckpointSettings:
    """The settings in `configuration`; ValueError names the key of one that cannot be read.

    Defaults are Flink's, but that checkpoints of a cancelled job are kept: deleting state takes a person's word.
    """
    prefix = "execution.checkpointing."
    min_pause = duration_of(configuration, 0, prefix + "min-pause")
    at_once = _positive(configuration, 1, prefix + "max-concurrent-checkpoints")
    return CheckpointSettings(
        interval=duration_of(configuration, 0, prefix + "interval"),
        timeout=duration_of(configuration, 600_000, prefix + "timeout"),
        min_pause=min_pause,
        tolerable_failures=int(first_of(configuration, prefix + "tolerable-failed-checkpoints") or 0),
        retained=_positive(configuration, 1, prefix + "num-retained", "state.checkpoints.num-retained"),
        directory=_folder(first_of(configuration, prefix + "dir", "state.checkpoints.dir")),
        savepoint_directory=_folder(
            first_of(configuration, prefix + "savepoint-dir", "state.savepoints.dir")
        ),
        # A pause between two checkpoints means that there is never a second one (as Flink).
        most_at_once=1 if min_pause else at_once,
        retention=_retention(configuration, prefix + "externalized-checkpoint-retention"),
        unaligned=_is_true(first_of(configuration, prefix + "unaligned.enabled", prefix + "unaligned")),
        alignment_timeout=duration_of(configuration, 0, prefix + "aligned-checkpoint-timeout"),
    )


def _positive(configuration: Mapping[str, str], default: int, *keys: str) -> int:
    text = first_of(configuration, *keys)
    if text is None:
        return default
    if not text.isdigit() or int(text) < 1:
        raise ValueError(f"{keys[0]}: {text!r} is not a number above 0")
    return int(text)


def _is_true(text: str | None) -> bool:
    return text is not None and text.strip().lower() == "true"


def _retention(configuration: Mapping[str, str], key: str) -> Retention:
    text = first_of(configuration, key)
    if text is None:
        return Retention.RETAIN_ON_CANCELLATION
    try:
        return Retention(text.strip().upper())
    except ValueError:
        raise ValueError(f"{key}: {text!r} is not one of {', '.join(Retention)}") from None


def _folder(path: str | None) -> str | None:
    return path.rstrip("/") if path else None
