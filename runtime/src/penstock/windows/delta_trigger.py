"""Triggers that PyFlink lacks and Flink has: by the change of a value, and by the time since a window's first or last record."""

from typing import Any

from penstock.common.state_descriptors import ReducingStateDescriptor, ValueStateDescriptor
from penstock.common.time import Time, span_ms
from penstock.windows.triggers import QuietTrigger, Trigger, TriggerContext, TriggerResult


class DeltaTrigger(QuietTrigger):
    """Fires when a record differs from that of the last firing (at first: the first) by more than a threshold."""

    def __init__(self, threshold: float, delta_function: Any) -> None:
        self._threshold = threshold
        self._delta = getattr(delta_function, "get_delta", delta_function)
        self._last = ValueStateDescriptor("trigger-last-element")

    @staticmethod
    def of(threshold: float, delta_function: Any) -> "DeltaTrigger":
        """`delta_function` is `(old, new) -> number`, or an object with `get_delta`."""
        return DeltaTrigger(threshold, delta_function)

    def on_element(self, element: Any, timestamp: int, window: Any, ctx: TriggerContext) -> TriggerResult:
        """Compare with the one before."""
        state = ctx.get_partitioned_state(self._last)
        last = state.value()
        if last is None:
            state.update(element)
            return TriggerResult.CONTINUE
        if self._delta(last, element) > self._threshold:
            state.update(element)
            return TriggerResult.FIRE
        return TriggerResult.CONTINUE

    def can_merge(self) -> bool:
        """No: there is no last record of two windows."""
        return False

    def clear(self, window: Any, ctx: TriggerContext) -> None:
        """Forget the record."""
        ctx.get_partitioned_state(self._last).clear()


class ProcessingTimeoutTrigger(Trigger):
    """As another trigger, and also a time after the window's first record, or its last with `reset_timer_on_new_record`."""

    def __init__(
        self, nested_trigger: Trigger, interval: int, reset_timer_on_new_record: bool, clear_on_timeout: bool
    ) -> None:
        self._nested = nested_trigger
        self._interval = interval
        self._resets = reset_timer_on_new_record
        self._clears = clear_on_timeout
        self._due = ReducingStateDescriptor("trigger-timeout", max)

    @staticmethod
    def of(
        nested_trigger: Trigger,
        timeout: Time,
        reset_timer_on_new_record: bool = False,
        should_clear_on_timeout: bool = True,
    ) -> "ProcessingTimeoutTrigger":
        """One that fires after that time at the latest."""
        return ProcessingTimeoutTrigger(
            nested_trigger, span_ms(timeout), reset_timer_on_new_record, should_clear_on_timeout
        )

    def on_element(self, element: Any, timestamp: int, window: Any, ctx: TriggerContext) -> TriggerResult:
        """Ask the other; wait for the time."""
        result = self._nested.on_element(element, timestamp, window, ctx)
        if result.is_fire():
            self.clear(window, ctx)
            return result
        state = ctx.get_partitioned_state(self._due)
        due = state.get()
        if due is not None and self._resets:
            ctx.delete_processing_time_timer(due)
            state.clear()
            due = None
        if due is None:
            due = ctx.get_current_processing_time() + self._interval
            state.add(due)
            ctx.register_processing_time_timer(due)
        return result

    def on_processing_time(self, time: int, window: Any, ctx: TriggerContext) -> TriggerResult:
        """The time has come, or the other's."""
        if ctx.get_partitioned_state(self._due).get() != time:
            return self._nested.on_processing_time(time, window, ctx)
        result = self._nested.on_processing_time(time, window, ctx)
        if self._clears:
            self.clear(window, ctx)
        else:
            ctx.get_partitioned_state(self._due).clear()
        return TriggerResult.FIRE_AND_PURGE if result.is_purge() else TriggerResult.FIRE

    def on_event_time(self, time: int, window: Any, ctx: TriggerContext) -> TriggerResult:
        """As the other."""
        result = self._nested.on_event_time(time, window, ctx)
        if result.is_fire():
            self.clear(window, ctx)
        return result

    def on_merge(self, window: Any, ctx: TriggerContext) -> None:
        """Refused by `can_merge`."""

    def can_merge(self) -> bool:
        """No: the time since the first record of two windows is not kept."""
        return False

    def clear(self, window: Any, ctx: TriggerContext) -> None:
        """Forget the time, and what the other holds."""
        state = ctx.get_partitioned_state(self._due)
        due = state.get()
        if due is not None:
            ctx.delete_processing_time_timer(due)
            state.clear()
        self._nested.clear(window, ctx)
