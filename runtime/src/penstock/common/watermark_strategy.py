"""How a stream gets its event time and watermarks, in PyFlink's shape. Data only: `operators.watermarks` runs it."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from penstock.common.time import Duration
from penstock.common.unsupported import unsupported
from penstock.common.watermark_generator import WatermarkGenerator


class TimestampAssigner(ABC):
    """Gives a record its event time."""

    @abstractmethod
    def extract_timestamp(self, value: Any, record_timestamp: int) -> int:
        """Milliseconds since the epoch; `record_timestamp` is what the source gave, or the smallest number."""


@dataclass(frozen=True)
class WatermarkAlignment:
    """Sources of a group wait where they are further ahead of the slowest than the drift."""

    group: str
    max_drift_ms: int
    update_interval_ms: int = 1000


@dataclass(frozen=True)
class WatermarkStrategy:
    """A generator of watermarks, an optional assigner of timestamps, an optional idle timeout."""

    out_of_orderness_ms: int | None = None
    """None: no watermarks."""
    timestamp_assigner: TimestampAssigner | None = None
    idle_timeout_ms: int | None = None
    alignment: WatermarkAlignment | None = None
    generator: Callable[[], WatermarkGenerator] | None = None
    """Makes the program's own generator, one for each split."""

    @staticmethod
    def for_monotonous_timestamps() -> "WatermarkStrategy":
        """Timestamps never go back within a split."""
        return WatermarkStrategy(0)

    @staticmethod
    def for_bounded_out_of_orderness(max_out_of_orderness: Duration) -> "WatermarkStrategy":
        """A record is at most that much later than the newest before it."""
        return WatermarkStrategy(max_out_of_orderness.to_millis())

    @staticmethod
    def no_watermarks() -> "WatermarkStrategy":
        """Event time does not advance before the end of input."""
        return WatermarkStrategy()

    @staticmethod
    def for_generator(generator_supplier: Callable[[], WatermarkGenerator]) -> "WatermarkStrategy":
        """Watermarks by a generator of the program; the supplier (a class will do) makes one for each split."""
        return WatermarkStrategy(generator=generator_supplier)

    def with_timestamp_assigner(self, timestamp_assigner: TimestampAssigner) -> "WatermarkStrategy":
        """The same with that assigner."""
        if not hasattr(timestamp_assigner, "extract_timestamp"):
            raise TypeError(
                f"with_timestamp_assigner() takes an object with a method 'extract_timestamp', not {timestamp_assigner!r}: "
                "make a class of TimestampAssigner"
            )
        return replace(self, timestamp_assigner=timestamp_assigner)

    def with_idleness(self, idle_timeout: Duration) -> "WatermarkStrategy":
        """The same; a split silent for that long holds nobody's watermark back."""
        millis = idle_timeout.to_millis()
        if millis <= 0:
            raise ValueError("the idle timeout must be longer than zero")
        return replace(self, idle_timeout_ms=millis)

    def with_watermark_alignment(
        self,
        watermark_group: str,
        max_allowed_watermark_drift: Duration,
        update_interval: Duration | None = None,
    ) -> "WatermarkStrategy":
        """The same; the source waits while its watermark is further ahead of the group's slowest than the drift."""
        interval = 1000 if update_interval is None else update_interval.to_millis()
        drift = max_allowed_watermark_drift.to_millis()
        if drift <= 0 or interval <= 0:
            raise ValueError("the drift and the interval of an alignment must be longer than zero")
        return replace(self, alignment=WatermarkAlignment(watermark_group, drift, interval))


class AssignerWithPeriodicWatermarksWrapper:
    """An assigner written in Java, for the oldest Kafka consumer."""

    @unsupported("Pass a WatermarkStrategy with a TimestampAssigner to assign_timestamps_and_watermarks")
    def __init__(self, j_assigner_with_periodic_watermarks: Any) -> None:
        """Refused."""
