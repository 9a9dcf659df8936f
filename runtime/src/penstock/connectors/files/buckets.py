"""Which folder of a file sink a record goes to, and what its files are called. Pure; travels by cloudpickle."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

_JAVA_TO_STRFTIME = {"yyyy": "%Y", "MM": "%m", "dd": "%d", "HH": "%H", "mm": "%M", "ss": "%S"}


@dataclass(frozen=True, slots=True)
class BasePath:
    """Every record directly in the base path."""

    def __call__(self, record: Any) -> str:
        """No folder."""
        return ""


@dataclass(frozen=True, slots=True)
class DateTimeBuckets:
    """A folder by the time of writing; `pattern` in Java's letters, as PyFlink's assigner takes it."""

    pattern: str = "yyyy-MM-dd--HH"
    zone: str | None = None

    def __post_init__(self) -> None:
        letters = re.sub("|".join(_JAVA_TO_STRFTIME), "", self.pattern)
        if re.search("[A-Za-z]", letters):
            raise ValueError(
                f"the bucket pattern {self.pattern!r} uses letters other than {', '.join(_JAVA_TO_STRFTIME)}"
            )

    def __call__(self, record: Any) -> str:
        """The folder of now."""
        return _folder(self.pattern, self.zone, int(time.time()))


@lru_cache(maxsize=16)
def _folder(pattern: str, zone: str | None, second: int) -> str:
    """The folder of that second; asked for every record, computed once a second."""
    where: tzinfo = ZoneInfo(zone) if zone else UTC
    form = re.sub("|".join(_JAVA_TO_STRFTIME), lambda found: _JAVA_TO_STRFTIME[found[0]], pattern)
    return datetime.fromtimestamp(second, where).strftime(form)


@dataclass(frozen=True, slots=True)
class PartNames:
    """`<prefix>-<job>-<attempt>-<subtask>-<writer>-<number><suffix>`: unique, and it shows whose a leftover is."""

    prefix: str
    suffix: str
    job: str
    attempt: int
    subtask: int
    writer: str

    def name(self, number: int) -> str:
        """The name of the writer's part `number`."""
        return f"{self._stem()}-{number}{self.suffix}"

    def _stem(self) -> str:
        return f"{self.prefix}-{self.job}-{self.attempt}-{self.subtask}-{self.writer}"

    def is_leftover(self, name: str, parallelism: int) -> bool:
        """True for an unfinished part of this job that an earlier writer, whose share is this subtask's, left."""
        pattern = rf"{re.escape(self.prefix)}-{self.job}-(\d+)-(\d+)-([0-9a-f]+)-\d+{re.escape(self.suffix)}"
        found = re.fullmatch(pattern, name)
        if found is None or found[3] == self.writer:
            return False
        return int(found[1]) <= self.attempt and int(found[2]) % parallelism == self.subtask


BucketAssigner = Callable[[Any], str]
