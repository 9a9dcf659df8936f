"""Triggers: when a window gives its result. Called by `operators.window` with a context for one key and window."""

from abc import ABC, abstractmethod
from enum import Enum
from typing import Any, Generic, TypeAlias

from typing_extensions import TypeVar

from penstock.common.state_descriptors import ReducingStateDescriptor, StateDescriptor
from penstock.common.time import Time, span_ms

T = TypeVar("T", default=Any)
W = TypeVar("W", default=Any)


class TriggerResult(Enum):
    """What to do with a window: give its result, forget its content, both, or neither."""

    CONTINUE = (False, False)
    FIRE_AND_PURGE = (True, True)
    FIRE = (True, False)
    PURGE = (False, True)

    def is_fire(self) -> bool:
        """Whether the result is given."""
        return self.value[0]

    def is_purge(self) -> bool:
        """Whether the content is forgotten."""
        return self.value[1]


class TriggerContext(ABC):
    """Time, timers and state for one key and window."""

    @abstractmethod
    def get_current_processing_time(self) -> int:
        """Milliseconds since the epoch."""

    @abstractmethod
    def get_current_watermark(self) -> int:
        """The event time of the operator."""

    @abstractmethod
    def register_event_time_timer(self, time: int) -> None:
        """Call `on_event_time` when event time reaches it."""

    @abstractmethod
    def register_processing_time_timer(self, time: int) -> None:
        """Call `on_processing_time` at that time."""

    @abstractmethod
    def delete_event_time_timer(self, time: int) -> None:
        """Forget that timer."""

    @abstractmethod
    def delete_processing_time_timer(self, time: int) -> None:
        """Forget that timer."""

    @abstractmethod
    def get_metric_group(self) -> Any:
        """Where a trigger registers metrics of its own."""

    @abstractmethod
    def get_partitioned_state(self, state_descriptor: StateDescriptor) -> Any:
        """State of this key and window."""

    @abstractmethod
    def merge_partitioned_state(self, state_descriptor: StateDescriptor) -> None:
        """After a merge: bring the state of the merged windows into this one's."""


_TriggerContext = TriggerContext


class Trigger(ABC, Generic[T, W]):
    """Decides when a window gives its result."""

    TriggerContext: TypeAlias = _TriggerContext
    OnMergeContext: TypeAlias = _TriggerContext

    @abstractmethod
    def on_element(self, element: Any, timestamp: int, window: Any, ctx: "_TriggerContext") -> TriggerResult:
        """A record came into the window."""

    @abstractmethod
    def on_processing_time(self, time: int, window: Any, ctx: "_TriggerContext") -> TriggerResult:
        """A processing-time timer of the trigger fired."""

    @abstractmethod
    def on_event_time(self, time: int, window: Any, ctx: "_TriggerContext") -> TriggerResult:
        """An event-time timer of the trigger fired."""

    @abstractmethod
    def on_merge(self, window: Any, ctx: "_TriggerContext") -> None:
        """Several windows became this one."""

    @abstractmethod
    def clear(self, window: Any, ctx: "_TriggerContext") -> None:
        """The window is gone: forget timers and state."""

    def can_merge(self) -> bool:
        """Whether it works for windows that merge."""
        return True


class QuietTrigger(Trigger):
    """Does nothing until a subclass says otherwise."""

    def on_element(self, element: Any, timestamp: int, window: Any, ctx: "_TriggerContext") -> TriggerResult:
        """Go on."""
        return TriggerResult.CONTINUE

    def on_processing_time(self, time: int, window: Any, ctx: "_TriggerContext") -> TriggerResult:
        """Go on."""
        return TriggerResult.CONTINUE

    def on_event_time(self, time: int, window: Any, ctx: "_TriggerContext") -> TriggerResult:
        """Go on."""
        return TriggerResult.CONTINUE

    def on_merge(self, window: Any, ctx: "_TriggerContext") -> None:
        """Nothing."""

    def clear(self, window: Any, ctx: "_TriggerContext") -> None:
        """Nothing."""


class NeverTrigger(QuietTrigger):
    """Never fires."""


class EventTimeTrigger(QuietTrigger):
    """Fires when event time passes the end of the window, and at once for records that come after."""

    @staticmethod
    def create() -> "EventTimeTrigger":
        """A new one."""
        return EventTimeTrigger()

    def on_element(self, element: Any, timestamp: int, window: Any, ctx: "_TriggerContext") -> TriggerResult:
        """Fire at once if the window has ended, else at its end."""
        if window.max_timestamp() <= ctx.get_current_watermark():
            return TriggerResult.FIRE
        ctx.register_event_time_timer(window.max_timestamp())
        return TriggerResult.CONTINUE

    def on_event_time(self, time: int, window: Any, ctx: "_TriggerContext") -> TriggerResult:
        """Fire at the end of the window."""
        return TriggerResult.FIRE if time == window.max_timestamp() else TriggerResult.CONTINUE

    def on_merge(self, window: Any, ctx: "_TriggerContext") -> None:
        """Wait for the new end."""
        if window.max_timestamp() > ctx.get_current_watermark():
            ctx.register_event_time_timer(window.max_timestamp())

    def clear(self, window: Any, ctx: "_TriggerContext") -> None:
        """Forget the timer."""
        ctx.delete_event_time_timer(window.max_timestamp())


class ProcessingTimeTrigger(QuietTrigger):
    """Fires when the clock passes the end of the window."""

    @staticmethod
    def create() -> "ProcessingTimeTrigger":
        """A new one."""
        return ProcessingTimeTrigger()

    def on_element(self, element: Any, timestamp: int, window: Any, ctx: "_TriggerContext") -> TriggerResult:
        """Wait for the end."""
        ctx.register_processing_time_timer(window.max_timestamp())
        return TriggerResult.CONTINUE

    def on_processing_time(self, time: int, window: Any, ctx: "_TriggerContext") -> TriggerResult:
        """Fire."""
        return TriggerResult.FIRE

    def on_merge(self, window: Any, ctx: "_TriggerContext") -> None:
        """Wait for the new end."""
        if window.max_timestamp() > ctx.get_current_processing_time():
            ctx.register_processing_time_timer(window.max_timestamp())

    def clear(self, window: Any, ctx: "_TriggerContext") -> None:
        """Forget the timer."""
        ctx.delete_processing_time_timer(window.max_timestamp())


def _add(first: int, second: int) -> int:
    return first + second


class CountTrigger(QuietTrigger):
    """Fires at every so many records of a window."""

    def __init__(self, window_size: int) -> None:
        self._size = int(window_size)
        self._count = ReducingStateDescriptor("trigger-count", _add)

    @staticmethod
    def of(window_size: int) -> "CountTrigger":
        """One that fires at every `window_size` records."""
        return CountTrigger(window_size)

    def on_element(self, element: Any, timestamp: int, window: Any, ctx: "_TriggerContext") -> TriggerResult:
        """Count; fire when the number is reached."""
        state = ctx.get_partitioned_state(self._count)
        state.add(1)
        if state.get() < self._size:
            return TriggerResult.CONTINUE
        state.clear()
        return TriggerResult.FIRE

    def on_merge(self, window: Any, ctx: "_TriggerContext") -> None:
        """Add up the counts."""
        ctx.merge_partitioned_state(self._count)

    def clear(self, window: Any, ctx: "_TriggerContext") -> None:
        """Forget the count."""
        ctx.get_partitioned_state(self._count).clear()


class PurgingTrigger(Trigger):
    """As another trigger, but forgets the content when it fires."""

    def __init__(self, nested_trigger: Trigger) -> None:
        self._nested = nested_trigger

    @staticmethod
    def of(nested_trigger: Trigger) -> "PurgingTrigger":
        """A purging form of that trigger."""
        return PurgingTrigger(nested_trigger)

    @staticmethod
    def _purge(result: TriggerResult) -> TriggerResult:
        return TriggerResult.FIRE_AND_PURGE if result.is_fire() else result

    def on_element(self, element: Any, timestamp: int, window: Any, ctx: "_TriggerContext") -> TriggerResult:
        """As the other."""
        return self._purge(self._nested.on_element(element, timestamp, window, ctx))

    def on_processing_time(self, time: int, window: Any, ctx: "_TriggerContext") -> TriggerResult:
        """As the other."""
        return self._purge(self._nested.on_processing_time(time, window, ctx))

    def on_event_time(self, time: int, window: Any, ctx: "_TriggerContext") -> TriggerResult:
        """As the other."""
        return self._purge(self._nested.on_event_time(time, window, ctx))

    def on_merge(self, window: Any, ctx: "_TriggerContext") -> None:
        """As the other."""
        self._nested.on_merge(window, ctx)

    def clear(self, window: Any, ctx: "_TriggerContext") -> None:
        """As the other."""
        self._nested.clear(window, ctx)

    def can_merge(self) -> bool:
        """As the other."""
        return self._nested.can_merge()


class ContinuousEventTimeTrigger(QuietTrigger):
    """Fires at every interval of event time, and at the end of the window."""

    def __init__(self, interval: int) -> None:
        self._interval = int(interval)
        self._next = ReducingStateDescriptor("trigger-next-fire", min)

    @staticmethod
    def of(interval: Time) -> "ContinuousEventTimeTrigger":
        """One that fires at every interval."""
        return ContinuousEventTimeTrigger(span_ms(interval))

    def on_element(self, element: Any, timestamp: int, window: Any, ctx: "_TriggerContext") -> TriggerResult:
        """Wait for the next interval and the end."""
        if window.max_timestamp() <= ctx.get_current_watermark():
            return TriggerResult.FIRE
        ctx.register_event_time_timer(window.max_timestamp())
        state = ctx.get_partitioned_state(self._next)
        if state.get() is None:
            self.register_next_fire_timestamp(timestamp - timestamp % self._interval, window, ctx, state)
        return TriggerResult.CONTINUE

    def on_event_time(self, time: int, window: Any, ctx: "_TriggerContext") -> TriggerResult:
        """Fire, and wait for the next interval."""
        if time == window.max_timestamp():
            return TriggerResult.FIRE
        state = ctx.get_partitioned_state(self._next)
        if state.get() != time:
            return TriggerResult.CONTINUE
        state.clear()
        self.register_next_fire_timestamp(time, window, ctx, state)
        return TriggerResult.FIRE

    def on_merge(self, window: Any, ctx: "_TriggerContext") -> None:
        """Go on with the earliest of the merged."""
        ctx.merge_partitioned_state(self._next)
        ctx.register_event_time_timer(window.max_timestamp())
        following = ctx.get_partitioned_state(self._next).get()
        if following is not None:
            ctx.register_event_time_timer(following)

    def clear(self, window: Any, ctx: "_TriggerContext") -> None:
        """Forget timers and state."""
        state = ctx.get_partitioned_state(self._next)
        following = state.get()
        if following is not None:
            ctx.delete_event_time_timer(following)
        state.clear()
        ctx.delete_event_time_timer(window.max_timestamp())

    def register_next_fire_timestamp(
        self, time: int, window: Any, ctx: "_TriggerContext", fire_timestamp_state: Any
    ) -> None:
        """Wait for one interval after `time`, at most to the window's end."""
        following = min(time + self._interval, window.max_timestamp())
        fire_timestamp_state.add(following)
        ctx.register_event_time_timer(following)


class ContinuousProcessingTimeTrigger(QuietTrigger):
    """Fires at every interval of the clock."""

    def __init__(self, interval: int) -> None:
        self._interval = int(interval)
        self._next = ReducingStateDescriptor("trigger-next-fire", min)

    @staticmethod
    def of(interval: Time) -> "ContinuousProcessingTimeTrigger":
        """One that fires at every interval."""
        return ContinuousProcessingTimeTrigger(span_ms(interval))

    def on_element(self, element: Any, timestamp: int, window: Any, ctx: "_TriggerContext") -> TriggerResult:
        """Wait for the next interval."""
        state = ctx.get_partitioned_state(self._next)
        if state.get() is None:
            now = ctx.get_current_processing_time()
            self.register_next_fire_timestamp(now - now % self._interval, window, ctx, state)
        return TriggerResult.CONTINUE

    def on_processing_time(self, time: int, window: Any, ctx: "_TriggerContext") -> TriggerResult:
        """Fire, and wait for the next interval."""
        state = ctx.get_partitioned_state(self._next)
        if state.get() != time:
            return TriggerResult.CONTINUE
        state.clear()
        # A window of event time may end behind the clock: it would fire at its end again and again, for ever.
        if window.max_timestamp() > time:
            self.register_next_fire_timestamp(time, window, ctx, state)
        return TriggerResult.FIRE

    def on_merge(self, window: Any, ctx: "_TriggerContext") -> None:
        """Go on with the earliest of the merged."""
        ctx.merge_partitioned_state(self._next)
        following = ctx.get_partitioned_state(self._next).get()
        if following is not None:
            ctx.register_processing_time_timer(following)

    def clear(self, window: Any, ctx: "_TriggerContext") -> None:
        """Forget timer and state."""
        state = ctx.get_partitioned_state(self._next)
        following = state.get()
        if following is not None:
            ctx.delete_processing_time_timer(following)
        state.clear()

    def register_next_fire_timestamp(
        self, time: int, window: Any, ctx: "_TriggerContext", fire_timestamp_state: Any
    ) -> None:
        """Wait for one interval after `time`, at most to the window's end."""
        following = min(time + self._interval, window.max_timestamp())
        fire_timestamp_state.add(following)
        ctx.register_processing_time_timer(following)
