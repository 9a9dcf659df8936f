"""Interval join: each record with those of the other stream, of the same key, whose time lies in an interval around its own.

Either side is kept in event-time order for as long as a record of the other side that is not late could need it.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from penstock.operators.base import PassiveOperator
from penstock.operators.collector import Collector
from penstock.operators.contract import MIN_TIMESTAMP, Batch, OperatorContext
from penstock.operators.runtime_context import RuntimeContext
from penstock.state.contract import MISSING

LEFT, RIGHT = 0, 1


class JoinContext:
    """What a ProcessJoinFunction is given with a pair."""

    __slots__ = ("_left", "_right")

    def get_left_timestamp(self) -> int:
        """The event time of the left record."""
        return self._left

    def get_right_timestamp(self) -> int:
        """The event time of the right record."""
        return self._right

    def get_timestamp(self) -> int:
        """The event time of the result: the later of the two."""
        return max(self._left, self._right)

    def _at(self, left: int, right: int) -> None:
        self._left, self._right = left, right


@dataclass(frozen=True, slots=True)
class IntervalJoinFactory:
    """Makes an IntervalJoinOperator. Right times lie from left + `lower` to left + `upper`, both included."""

    function: Any
    lower: int
    upper: int
    late_tags: tuple[str | None, str | None] = (None, None)

    def __call__(self) -> "IntervalJoinOperator":
        """A new operator."""
        return IntervalJoinOperator(self)


class IntervalJoinOperator(PassiveOperator):
    """Runs a ProcessJoinFunction, or a plain `(left, right) -> results`."""

    def __init__(self, spec: IntervalJoinFactory) -> None:
        self._spec = spec
        self._context = JoinContext()
        function = spec.function
        self._takes_context = hasattr(function, "process_element")
        self._call = function.process_element if self._takes_context else function
        # How far the other side's times may lie from a record of this side.
        self._reach = ((spec.lower, spec.upper), (-spec.upper, -spec.lower))

    def open(self, ctx: OperatorContext) -> None:
        """Open the function and the two tables: for each key (times, values), by time."""
        self.ctx = ctx
        if ctx.state is None:
            raise RuntimeError(f"{ctx.operator_name!r} needs keyed state")
        self._state = ctx.state
        self._buffers = (ctx.state.table("_left"), ctx.state.table("_right"))
        self._late = ctx.metrics.counter("numLateRecordsDropped")
        if hasattr(self._spec.function, "open"):
            self._spec.function.open(RuntimeContext(ctx))

    def process(self, batch: Batch, input_index: int) -> None:
        """Keep each record and give its pairs."""
        collector = Collector()
        times = batch.timestamps if batch.timestamps is not None else [MIN_TIMESTAMP] * len(batch)
        key_of = self.ctx.key_selectors[input_index]
        watermark = self.ctx.timers.current_watermark()
        for value, timestamp in zip(batch.values, times, strict=True):
            if timestamp == MIN_TIMESTAMP:
                raise ValueError(
                    "a record without event time came into an interval join: call assign_timestamps_and_watermarks "
                    "with a timestamp assigner before it"
                )
            if timestamp < watermark:
                self._drop(value, timestamp, input_index, collector)
                continue
            self._state.set_current_key(key_of(value))
            self._keep(value, timestamp, input_index)
            self._pair(value, timestamp, input_index, collector)
        collector.flush(self.ctx.output)

    def _drop(self, value: Any, timestamp: int, side: int, collector: Collector) -> None:
        tag = self._spec.late_tags[side]
        if tag is not None:
            collector.take_side(tag, value, timestamp)
        else:
            self._late(1)

    def _keep(self, value: Any, timestamp: int, side: int) -> None:
        table = self._buffers[side]
        held = table.for_update()
        times, values = held if held is not MISSING else ([], [])
        place = bisect_right(times, timestamp)
        times.insert(place, timestamp)
        values.insert(place, value)
        table.put((times, values))
        needed_until = timestamp + max(0, self._reach[side][1])
        self.ctx.timers.register_event_timer(needed_until, side)

    def _pair(self, value: Any, timestamp: int, side: int, collector: Collector) -> None:
        held = self._buffers[1 - side].get()
        if held is MISSING:
            return
        times, values = held
        lower, upper = self._reach[side]
        for place in range(bisect_left(times, timestamp + lower), bisect_right(times, timestamp + upper)):
            other, other_time = values[place], times[place]
            stamp = max(timestamp, other_time)
            if side == LEFT:
                results = self._results(value, other, timestamp, other_time)
            else:
                results = self._results(other, value, other_time, timestamp)
            collector.take(results, stamp)

    def _results(self, left: Any, right: Any, left_time: int, right_time: int) -> Iterable[Any] | None:
        if not self._takes_context:
            plain: Iterable[Any] | None = self._call(left, right)
            return plain
        self._context._at(left_time, right_time)  # noqa: SLF001 - the operator moves its own context
        results: Iterable[Any] | None = self._call(left, right, self._context)
        return results

    def on_event_timer(self, timestamp: int, key: Any, namespace: Any) -> None:
        """No record to come can need that record of that side."""
        table = self._buffers[namespace]
        held = table.for_update()
        if held is MISSING:
            return
        times, values = held
        gone = bisect_right(times, timestamp - max(0, self._reach[namespace][1]))
        if gone == len(times):
            table.remove()
        else:
            table.put((times[gone:], values[gone:]))

    def close(self) -> None:
        """Close the function."""
        if hasattr(self._spec.function, "close"):
            self._spec.function.close()
