"""The base of all type declarations, and those of dates and times. Public at `penstock.common.typeinfo`.

A type knows its internal form: what Flink keeps for a value in rows and columns (days, microseconds). Nothing here does I/O.
"""

import datetime
from dataclasses import dataclass
from typing import Any, ClassVar

from penstock.common.unsupported import unsupported

_MICROS = 1_000_000
_JAVA_TYPE = "A declared type is used as it is: pass the TypeInformation itself"


@dataclass(frozen=True)
class TypeInformation:
    """The type of a stream's records."""

    @unsupported(_JAVA_TYPE)
    def get_java_type_info(self) -> Any:
        """Refused."""

    def need_conversion(self) -> bool:
        """Whether the internal form of a value differs from the value."""
        return False

    def to_internal_type(self, obj: Any) -> Any:
        """The internal form of a value."""
        return obj

    def from_internal_type(self, obj: Any) -> Any:
        """The value of an internal form."""
        return obj


class _Converted(TypeInformation):
    def need_conversion(self) -> bool:
        return True


class SqlTimeTypeInfo(TypeInformation):
    """Dates and times of SQL: the base of their types and where they are made."""

    @staticmethod
    def DATE() -> "DateTypeInfo":
        """A date."""
        return DateTypeInfo()

    @staticmethod
    def TIME() -> "TimeTypeInfo":
        """A time of day."""
        return TimeTypeInfo()

    @staticmethod
    def TIMESTAMP() -> "TimestampTypeInfo":
        """A date and time without a zone."""
        return TimestampTypeInfo()


@dataclass(frozen=True, repr=False)
class DateTypeInfo(_Converted):
    """`datetime.date`; internally days since the epoch."""

    EPOCH_ORDINAL: ClassVar[int] = datetime.date(1970, 1, 1).toordinal()

    def to_internal_type(self, obj: datetime.date | None) -> int | None:
        """Days since the epoch."""
        return None if obj is None else obj.toordinal() - self.EPOCH_ORDINAL

    def from_internal_type(self, obj: int | None) -> datetime.date | None:
        """The date of so many days since the epoch."""
        return None if obj is None else datetime.date.fromordinal(obj + self.EPOCH_ORDINAL)

    def __repr__(self) -> str:
        return "DateTypeInfo"


@dataclass(frozen=True, repr=False)
class TimeTypeInfo(_Converted):
    """`datetime.time`; internally microseconds of the day, in UTC where the time has a zone."""

    EPOCH_ORDINAL: ClassVar[int] = 0

    def to_internal_type(self, obj: datetime.time | None) -> int | None:
        """Microseconds of the day."""
        if obj is None:
            return None
        offset = obj.utcoffset() or datetime.timedelta()
        of_day = datetime.timedelta(
            hours=obj.hour, minutes=obj.minute, seconds=obj.second, microseconds=obj.microsecond
        )
        return (of_day - offset) // datetime.timedelta(microseconds=1)

    def from_internal_type(self, obj: int | None) -> datetime.time | None:
        """The time of so many microseconds of the day."""
        if obj is None:
            return None
        at = datetime.datetime(1970, 1, 1) + datetime.timedelta(microseconds=obj)  # noqa: DTZ001 - a wall clock
        return at.time()

    def __repr__(self) -> str:
        return "TimeTypeInfo"


@dataclass(frozen=True, repr=False)
class TimestampTypeInfo(_Converted):
    """`datetime.datetime`; internally microseconds since the epoch. Without a zone it is local time, as in Python."""

    def to_internal_type(self, obj: datetime.datetime | None) -> int | None:
        """Microseconds since the epoch."""
        return (
            None if obj is None else int(obj.replace(microsecond=0).timestamp()) * _MICROS + obj.microsecond
        )

    def from_internal_type(self, obj: int | None) -> datetime.datetime | None:
        """The local time of so many microseconds since the epoch."""
        if obj is None:
            return None
        seconds, micros = divmod(obj, _MICROS)
        return datetime.datetime.fromtimestamp(seconds).replace(microsecond=micros)  # noqa: DTZ006 - local, as it came

    def __repr__(self) -> str:
        return "TimestampTypeInfo"
