"""Event time: assigns timestamps and makes watermarks, for a source split by split or in the middle of a stream.

Chained right behind every source, whose task calls `process_split` and `release_split`. The watermark of a source is the
smallest of its splits that are not idle. Nothing here is part of a snapshot: watermarks start anew after a restore.
"""

from dataclasses import dataclass
from typing import Any

from penstock.common.durations import parse_duration_ms
from penstock.common.watermark_strategy import WatermarkStrategy
from penstock.operators.base import PassiveOperator
from penstock.operators.contract import MAX_WATERMARK, MIN_TIMESTAMP, Batch, OperatorContext, is_batch_job

_ALONE = ""
"""The split of a stream that has none."""


@dataclass(frozen=True, slots=True)
class WatermarksFactory:
    """Makes a WatermarksOperator; travels to slots."""

    strategy: WatermarkStrategy

    def __call__(self) -> Any:
        """A new operator: the strategy's own, if it brings one."""
        create = getattr(self.strategy, "create_operator", None)
        return create() if create is not None else WatermarksOperator(self.strategy)


@dataclass(slots=True)
class _Split:
    newest: int = MIN_TIMESTAMP
    heard_at: int = 0
    is_idle: bool = False


class WatermarksOperator(PassiveOperator):
    """Gives records their time and the stream its watermarks."""

    def __init__(self, strategy: WatermarkStrategy) -> None:
        self._delay = strategy.out_of_orderness_ms
        self._assigner = strategy.timestamp_assigner
        self._idle_ms = strategy.idle_timeout_ms
        self._splits: dict[str, _Split] = {}
        self._ended = MIN_TIMESTAMP
        """The newest time of the splits that have ended: reached once no split is left to hold it back."""
        self._emitted = MIN_TIMESTAMP
        self._is_idle = False
        self._is_closed = False

    def open(self, ctx: OperatorContext) -> None:
        """Start the clock for idle splits."""
        self.ctx = ctx
        if is_batch_job(ctx.configuration):  # event time jumps to its end with the input
            self._delay = None
        interval = ctx.configuration.get("pipeline.auto-watermark-interval", "200 ms")
        self._interval = max(1, parse_duration_ms(interval))
        if self._assigner is not None and hasattr(self._assigner, "open"):
            self._assigner.open(ctx)
        self._quiet_since = ctx.timers.current_processing_time()
        """When there was last a split: a subtask without one is idle after the same time."""
        if self._delay is not None:
            self._tick_later(ctx.timers.current_processing_time())

    def process(self, batch: Batch, input_index: int) -> None:
        """Records of a stream that has no splits."""
        self.process_split(_ALONE, batch)

    def process_split(self, split_id: str, batch: Batch) -> None:
        """Records of one split."""
        timed = self._with_timestamps(batch)
        if self._delay is None:
            self.ctx.output.emit(timed)
            return
        split = self._splits.setdefault(split_id, _Split())
        split.heard_at = self.ctx.timers.current_processing_time()
        split.is_idle = False
        if timed.timestamps:
            split.newest = max(split.newest, max(timed.timestamps))
        self._set_idle(False)
        self.ctx.output.emit(timed)
        self._advance()

    def release_split(self, split_id: str) -> None:
        """The split is at its end: it holds nobody back."""
        ended = self._splits.pop(split_id, None)
        if ended is not None:
            self._ended = max(self._ended, ended.newest)
            self._advance()

    def on_watermark(self, timestamp: int) -> None:
        """Only the last one passes: this operator makes its own."""
        if timestamp == MAX_WATERMARK:
            self._set_idle(False)
            self._emitted = MAX_WATERMARK
            self.ctx.output.emit_watermark(timestamp)

    def close(self) -> None:
        """Stop the clock."""
        self._is_closed = True

    def _with_timestamps(self, batch: Batch) -> Batch:
        if self._assigner is None:
            return batch
        extract = self._assigner.extract_timestamp
        given = batch.timestamps if batch.timestamps is not None else [MIN_TIMESTAMP] * len(batch)
        return Batch(batch.values, [extract(v, t) for v, t in zip(batch.values, given, strict=True)])

    def _advance(self) -> None:
        newest = [split.newest for split in self._splits.values() if not split.is_idle]
        if not self._splits:
            newest = [self._ended]
        if not newest or self._delay is None:
            return
        lowest = min(newest)
        if lowest == MIN_TIMESTAMP:
            return
        watermark = lowest - self._delay - 1
        if watermark > self._emitted:
            self._emitted = watermark
            self.ctx.output.emit_watermark(watermark)

    def _tick_later(self, now: int) -> None:
        if self._idle_ms is not None:
            self.ctx.timers.call_at(now + min(self._interval, self._idle_ms), self._tick)

    def _tick(self, timestamp: int) -> None:
        if self._is_closed or self._emitted == MAX_WATERMARK:
            return
        now = self.ctx.timers.current_processing_time()
        for split in self._splits.values():
            split.is_idle = now - split.heard_at >= (self._idle_ms or 0)
        if self._splits:
            self._quiet_since = now
        is_quiet = now - self._quiet_since >= (self._idle_ms or 0)
        if all(split.is_idle for split in self._splits.values()) and (self._splits or is_quiet):
            self._set_idle(True)
        self._advance()
        self._tick_later(now)

    def _set_idle(self, is_idle: bool) -> None:
        if is_idle != self._is_idle:
            self._is_idle = is_idle
            self.ctx.output.emit_idle(is_idle)
