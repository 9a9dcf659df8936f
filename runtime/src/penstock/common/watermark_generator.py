"""A program's own watermark generator. PyFlink has none; these are Flink's. Run by `operators.watermarks`, one for each split."""

from abc import ABC, abstractmethod
from typing import Any, Protocol


class WatermarkOutput(Protocol):
    """Where a generator's watermarks go."""

    def emit_watermark(self, timestamp: int) -> None:
        """No record with this time or an earlier one is expected any more; an earlier watermark than the last is ignored."""

    def mark_idle(self) -> None:
        """Hold nobody's watermark back until the next watermark."""

    def mark_active(self) -> None:
        """Count again."""


class WatermarkGenerator(ABC):
    """Says how far event time has come, from the records and periodically."""

    @abstractmethod
    def on_event(self, event: Any, event_timestamp: int, output: WatermarkOutput) -> None:
        """A record with its event time. Emit here for watermarks that follow marks in the data."""

    @abstractmethod
    def on_periodic_emit(self, output: WatermarkOutput) -> None:
        """Called every `pipeline.auto-watermark-interval` (200 ms)."""
