"""Spans and instants of the public API, in PyFlink's shape. Used by programs and by everything that takes a span."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Time:
    """A span in milliseconds, as windows take it."""

    _milliseconds: int

    def to_milliseconds(self) -> int:
        """The span in milliseconds."""
        return self._milliseconds

    @staticmethod
    def milliseconds(milliseconds: int) -> "Time":
        """A span of milliseconds."""
        return Time(int(milliseconds))

    @staticmethod
    def seconds(seconds: int) -> "Time":
        """A span of seconds."""
        return Time(int(seconds * 1000))

    @staticmethod
    def minutes(minutes: int) -> "Time":
        """A span of minutes."""
        return Time(int(minutes * 60_000))

    @staticmethod
    def hours(hours: int) -> "Time":
        """A span of hours."""
        return Time(int(hours * 3_600_000))

    @staticmethod
    def days(days: int) -> "Time":
        """A span of days."""
        return Time(int(days * 86_400_000))


@dataclass(frozen=True, slots=True)
class Duration:
    """A span in nanoseconds."""

    nanos: int

    def to_millis(self) -> int:
        """The span in whole milliseconds."""
        return self.nanos // 1_000_000

    @staticmethod
    def of_nanos(nanos: int) -> "Duration":
        """A span of nanoseconds."""
        return Duration(int(nanos))

    @staticmethod
    def of_millis(millis: int) -> "Duration":
        """A span of milliseconds."""
        return Duration(int(millis * 1_000_000))

    @staticmethod
    def of_seconds(seconds: int) -> "Duration":
        """A span of seconds."""
        return Duration(int(seconds * 1_000_000_000))

    @staticmethod
    def of_minutes(minutes: int) -> "Duration":
        """A span of minutes."""
        return Duration.of_seconds(minutes * 60)

    @staticmethod
    def of_hours(hours: int) -> "Duration":
        """A span of hours."""
        return Duration.of_seconds(hours * 3600)

    @staticmethod
    def of_days(days: int) -> "Duration":
        """A span of days."""
        return Duration.of_seconds(days * 86_400)


@dataclass(frozen=True, slots=True, order=True)
class Instant:
    """A point on the time line: seconds since the epoch and nanoseconds within the second."""

    seconds: int
    nanos: int = 0

    def __repr__(self) -> str:
        return f"Instant<{self.seconds}, {self.nanos}>"

    def to_epoch_milli(self) -> int:
        """Milliseconds since the epoch."""
        return self.seconds * 1000 + self.nanos // 1_000_000

    @staticmethod
    def of_epoch_milli(epoch_milli: int) -> "Instant":
        """The instant of that many milliseconds since the epoch."""
        seconds, millis = divmod(epoch_milli, 1000)
        return Instant(seconds, millis * 1_000_000)


def span_ms(span: "Time | Duration | int") -> int:
    """Milliseconds of whatever the API accepts as a span."""
    if isinstance(span, Time):
        return span.to_milliseconds()
    if isinstance(span, Duration):
        return span.to_millis()
    return int(span)
