"""Event time: assigns timestamps and makes watermarks, for a source split by split or in the middle of a stream.

Chained right behind every source, whose task calls `hold_split`, `process_split` and `release_split`. The watermark of a source is the
smallest of its splits that are not idle. Nothing here is part of a snapshot: watermarks start anew after a restore.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from penstock.common.durations import parse_duration_ms
from penstock.common.watermark_generator import WatermarkGenerator
from penstock.common.watermark_strategy import WatermarkAlignment, WatermarkStrategy
from penstock.operators.base import PassiveOperator
from penstock.operators.contract import MAX_WATERMARK, MIN_TIMESTAMP, Batch, OperatorContext, is_batch_job

_ALONE = ""
"""The split of a stream that has none."""


@dataclass(frozen=True, slots=True)
class WatermarksFactory:
    """Makes a WatermarksOperator; travels to slots."""

    strategy: WatermarkStrategy
    is_source: bool = True

    def __call__(self) -> Any:
        """A new operator: the strategy's own, if it brings one."""
        create = getattr(self.strategy, "create_operator", None)
        if create is not None:
            return create()
        alignment = self.strategy.alignment
        if alignment is not None and self.is_source:
            return AlignedWatermarksOperator(self.strategy, alignment)
        return WatermarksOperator(self.strategy)


class _Split:
    """One split: its own watermark, from the newest time seen or from a generator; also that generator's output."""

    __slots__ = ("generator", "heard_at", "is_idle", "newest", "watermark")

    def __init__(self, generator: WatermarkGenerator | None) -> None:
        self.newest = MIN_TIMESTAMP
        self.watermark = MIN_TIMESTAMP
        self.heard_at = 0
        self.is_idle = False
        self.generator = generator

    def emit_watermark(self, timestamp: int) -> None:
        """From the generator."""
        self.is_idle = False
        self.watermark = max(self.watermark, int(getattr(timestamp, "timestamp", timestamp)))

    def mark_idle(self) -> None:
        """From the generator."""
        self.is_idle = True

    def mark_active(self) -> None:
        """From the generator."""
        self.is_idle = False

    def see(self, times: list[int], delay: int) -> None:
        """Records that are at most `delay` later than the newest."""
        newest = max(times)
        if newest > self.newest:
            self.newest = newest
            self.watermark = newest - delay - 1

    def ask(self, generator: WatermarkGenerator, batch: Batch) -> None:
        """Show the generator every record."""
        on_event = generator.on_event
        times = batch.timestamps if batch.timestamps is not None else [MIN_TIMESTAMP] * len(batch)
        for value, timestamp in zip(batch.values, times, strict=True):
            on_event(value, timestamp, self)


class WatermarksOperator(PassiveOperator):
    """Gives records their time and the stream its watermarks."""

    def __init__(self, strategy: WatermarkStrategy) -> None:
        self._delay = strategy.out_of_orderness_ms
        self._assigner = strategy.timestamp_assigner
        self._idle_ms = strategy.idle_timeout_ms
        self._make_generator: Callable[[], WatermarkGenerator] | None = strategy.generator
        self._has_watermarks = self._delay is not None or self._make_generator is not None
        self._splits: dict[str, _Split] = {}
        self._ended = MIN_TIMESTAMP
        """The furthest watermark of the splits that have ended: reached once no split is left to hold it back."""
        self._emitted = MIN_TIMESTAMP
        self._is_idle = False
        self._is_closed = False
        self.emit_event_time_lag: int | None = None
        """Milliseconds from the event time of the last record to its passing on; None before there is one with a time."""

    def open(self, ctx: OperatorContext) -> None:
        """Start the clock for idle splits and generators."""
        self.ctx = ctx
        if is_batch_job(ctx.configuration):  # event time jumps to its end with the input
            self._has_watermarks = False
        interval = ctx.configuration.get("pipeline.auto-watermark-interval", "200 ms")
        self._interval = parse_duration_ms(interval)
        if self._assigner is not None and hasattr(self._assigner, "open"):
            self._assigner.open(ctx)
        self._quiet_since = ctx.timers.current_processing_time()
        """When there was last a split: a subtask without one is idle after the same time."""
        if self._has_watermarks:
            self._tick_later(ctx.timers.current_processing_time())

    def process(self, batch: Batch, input_index: int) -> None:
        """Records of a stream that has no splits."""
        self.process_split(_ALONE, batch)

    def hold_split(self, split_id: str) -> None:
        """A split is being read: event time waits for its first record, or until it is idle."""
        if self._has_watermarks and split_id not in self._splits:
            split = self._splits[split_id] = self._new_split()
            split.heard_at = self.ctx.timers.current_processing_time()

    def process_split(self, split_id: str, batch: Batch) -> None:
        """Records of one split."""
        timed = self._with_timestamps(batch)
        if timed.timestamps and timed.timestamps[-1] != MIN_TIMESTAMP:
            self.emit_event_time_lag = self.ctx.timers.current_processing_time() - timed.timestamps[-1]
        if not self._has_watermarks:
            self.ctx.output.emit(timed)
            return
        split = self._splits.get(split_id)
        if split is None:
            split = self._splits[split_id] = self._new_split()
        split.heard_at = self.ctx.timers.current_processing_time()
        split.is_idle = False
        if split.generator is not None:
            split.ask(split.generator, timed)
        elif timed.timestamps and self._delay is not None:
            split.see(timed.timestamps, self._delay)
        self._set_idle(False)
        self.ctx.output.emit(timed)
        self._advance()

    def _new_split(self) -> _Split:
        return _Split(self._make_generator() if self._make_generator is not None else None)

    def release_split(self, split_id: str) -> None:
        """The split is at its end: it holds nobody back."""
        ended = self._splits.pop(split_id, None)
        if ended is not None:
            self._ended = max(self._ended, ended.watermark)
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
        times = [extract(v, t) for v, t in zip(batch.values, given, strict=True)]
        return Batch(batch.values, times if _INTEGERS.issuperset(map(type, times)) else list(map(_ms, times)))

    def _advance(self) -> None:
        marks = [split.watermark for split in self._splits.values() if not split.is_idle]
        if not self._splits:
            marks = [self._ended]
        if not marks or not self._has_watermarks:
            return
        lowest = min(marks)
        if lowest > self._emitted:
            self._emitted = lowest
            self.ctx.output.emit_watermark(lowest)

    def _tick_later(self, now: int) -> None:
        waits = [self._idle_ms] if self._idle_ms is not None else []
        if self._interval > 0 and (waits or self._make_generator is not None):
            waits.append(self._interval)
        if waits:
            self.ctx.timers.call_at(now + max(1, min(waits)), self._tick)

    def _tick(self, timestamp: int) -> None:
        if self._is_closed or self._emitted == MAX_WATERMARK:
            return
        now = self.ctx.timers.current_processing_time()
        for split in self._splits.values():
            if split.generator is not None and self._interval > 0:
                split.generator.on_periodic_emit(split)
            if self._idle_ms is not None and now - split.heard_at >= self._idle_ms:
                split.is_idle = True
        self._check_idle(now)
        self._advance()
        self._tick_later(now)

    def _check_idle(self, now: int) -> None:
        if self._splits:
            self._quiet_since = now
            self._set_idle(all(split.is_idle for split in self._splits.values()))
        elif self._idle_ms is not None and now - self._quiet_since >= self._idle_ms:
            self._set_idle(True)

    def _set_idle(self, is_idle: bool) -> None:
        if is_idle != self._is_idle:
            self._is_idle = is_idle
            self.ctx.output.emit_idle(is_idle)


class AlignedWatermarksOperator(WatermarksOperator):
    """The same for a source that waits for the slowest of its group: it reports its watermark and holds its task's input back."""

    def __init__(self, strategy: WatermarkStrategy, alignment: WatermarkAlignment) -> None:
        super().__init__(strategy)
        self._alignment = alignment
        self._limit = MIN_TIMESTAMP - 1
        """The furthest watermark with which it may read on; at first it waits for an answer."""

    def open(self, ctx: OperatorContext) -> None:
        """Start to report."""
        super().open(ctx)
        self._report(0)

    def _report(self, _due: int) -> None:
        if self._is_closed:
            return
        own = None if self._is_idle or self._emitted == MAX_WATERMARK else self._emitted
        self.ctx.report_event_time(self._alignment.group, own)
        self.ctx.timers.call_at(
            self.ctx.timers.current_processing_time() + self._alignment.update_interval_ms, self._report
        )

    def close(self) -> None:
        """Hold nobody back any more."""
        if not self._is_closed and hasattr(self, "ctx"):
            self.ctx.report_event_time(self._alignment.group, None)
        super().close()

    def on_group_time(self, group: str, lowest: int | None) -> None:
        """The JobManager's answer: the lowest watermark of the group, None if nobody holds the others back."""
        if group == self._alignment.group:
            self._limit = MAX_WATERMARK if lowest is None else lowest + self._alignment.max_drift_ms

    def splits_ahead(self) -> frozenset[str]:
        """Splits that have to wait for the slowest of the group, be it one beside them: they must not be read."""
        limit = self._limit
        if limit == MAX_WATERMARK:
            return frozenset()
        return frozenset(name for name, split in self._splits.items() if split.watermark > limit)

    def _tick(self, timestamp: int) -> None:
        now = self.ctx.timers.current_processing_time()
        for name in self.splits_ahead():
            self._splits[name].heard_at = now  # it is silent because it waits
        super()._tick(timestamp)

    def has_room(self) -> bool:
        """Not too far ahead of the group."""
        return self._emitted <= self._limit or self._emitted == MAX_WATERMARK

    def is_settled(self) -> bool:
        """Nothing is held."""
        return True

    def set_quiet(self, is_quiet: bool) -> None:
        """It says nothing by itself but watermarks of records."""


_INTEGERS = frozenset((int,))


def _ms(timestamp: Any) -> int:
    """An event time as whole milliseconds: seconds times a thousand are often a float."""
    if isinstance(timestamp, str | bytes) or not hasattr(timestamp, "__int__"):
        raise TypeError(
            f"extract_timestamp gave {timestamp!r}: it must give milliseconds since the epoch as an int"
        )
    return int(timestamp)
