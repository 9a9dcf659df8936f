"""Window assigners: which windows a record belongs to. Called by `operators.window` for every record."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable
from typing import Any, Generic, Protocol, TypeAlias

from typing_extensions import TypeVar

from penstock.common.serializer import TypeSerializer
from penstock.common.state_descriptors import ValueStateDescriptor
from penstock.common.time import Time, span_ms
from penstock.windows.serializers import (
    CountWindowSerializer,
    GlobalWindowSerializer,
    TimeWindowSerializer,
)
from penstock.windows.triggers import (
    CountTrigger,
    EventTimeTrigger,
    NeverTrigger,
    ProcessingTimeTrigger,
    PurgingTrigger,
    Trigger,
)
from penstock.windows.window import CountWindow, GlobalWindow, TimeWindow

T = TypeVar("T", default=Any)
W = TypeVar("W", default=Any)


class WindowAssignerContext(Protocol):
    """What an assigner may ask."""

    def get_current_processing_time(self) -> int:
        """Milliseconds since the epoch."""

    def get_runtime_context(self) -> Any:
        """Keyed state."""


_WindowAssignerContext = WindowAssignerContext


class WindowAssigner(ABC, Generic[T, W]):
    """Gives a record its windows."""

    WindowAssignerContext: TypeAlias = _WindowAssignerContext

    @abstractmethod
    def assign_windows(
        self, element: Any, timestamp: int, context: "_WindowAssignerContext"
    ) -> Collection[Any]:
        """The windows of a record."""

    @abstractmethod
    def get_default_trigger(self, env: Any) -> Trigger:
        """The trigger where the program sets none."""

    @abstractmethod
    def is_event_time(self) -> bool:
        """Whether windows end by event time."""

    def get_window_serializer(self) -> TypeSerializer[Any]:
        """How a window becomes bytes; kept for compatibility, as windows here are pickled."""
        return TimeWindowSerializer()


class MergeCallback(ABC, Generic[W]):
    """Told by `merge_windows` which windows become one."""

    @abstractmethod
    def merge(self, to_be_merged: Iterable[Any], merge_result: Any) -> None:
        """These become that one; it is new or one of them."""


_MergeCallback = MergeCallback


class MergingWindowAssigner(WindowAssigner[T, W]):
    """Gives a record windows that may merge with the key's others."""

    MergeCallback: TypeAlias = _MergeCallback

    @abstractmethod
    def merge_windows(self, windows: Iterable[Any], callback: "_MergeCallback") -> None:
        """Tell the callback which of these windows of a key are to be one; those not named stay as they are."""


class _EventTime(WindowAssigner):
    def get_default_trigger(self, env: Any) -> Trigger:
        """At the end of the window."""
        return EventTimeTrigger()

    def is_event_time(self) -> bool:
        """Yes."""
        return True


class _ProcessingTime(WindowAssigner):
    def get_default_trigger(self, env: Any) -> Trigger:
        """At the end of the window."""
        return ProcessingTimeTrigger()

    def is_event_time(self) -> bool:
        """No."""
        return False


def _tumbling(timestamp: int, size: int, offset: int) -> list[TimeWindow]:
    start = timestamp - (timestamp - offset) % size
    return [TimeWindow(start, start + size)]


def _sliding(timestamp: int, size: int, slide: int, offset: int) -> list[TimeWindow]:
    last = timestamp - (timestamp - offset) % slide
    return [TimeWindow(start, start + size) for start in range(last, timestamp - size, -slide)]


def _checked(timestamp: int) -> int:
    if timestamp <= -(2**63):
        raise ValueError(
            "a record without event time came into an event-time window: call assign_timestamps_and_watermarks "
            "with a timestamp assigner, or use processing-time windows"
        )
    return timestamp


class _Tumbling(WindowAssigner):
    def __init__(self, size: int, offset: int = 0) -> None:
        if size <= 0 or abs(offset) >= size:
            raise ValueError(
                f"a tumbling window needs a size over 0 and an offset below it: {size}, {offset}"
            )
        self._size, self._offset = size, offset


class TumblingEventTimeWindows(_Tumbling, _EventTime):
    """Windows of one size, one after the other, by event time."""

    @staticmethod
    def of(size: Time, offset: Time | None = None) -> "TumblingEventTimeWindows":
        """Windows of that size."""
        return TumblingEventTimeWindows(span_ms(size), span_ms(offset or 0))

    def assign_windows(
        self, element: Any, timestamp: int, context: "_WindowAssignerContext"
    ) -> Collection[TimeWindow]:
        """One."""
        return _tumbling(_checked(timestamp), self._size, self._offset)


class TumblingProcessingTimeWindows(_Tumbling, _ProcessingTime):
    """Windows of one size, one after the other, by the clock."""

    @staticmethod
    def of(size: Time, offset: Time | None = None) -> "TumblingProcessingTimeWindows":
        """Windows of that size."""
        return TumblingProcessingTimeWindows(span_ms(size), span_ms(offset or 0))

    def assign_windows(
        self, element: Any, timestamp: int, context: "_WindowAssignerContext"
    ) -> Collection[TimeWindow]:
        """One."""
        return _tumbling(context.get_current_processing_time(), self._size, self._offset)


class _Sliding(WindowAssigner):
    def __init__(self, size: int, slide: int, offset: int = 0) -> None:
        if size <= 0 or slide <= 0 or abs(offset) >= slide:
            raise ValueError(
                f"a sliding window needs a size and a slide over 0, and an offset below the slide: {size}, {slide}, {offset}"
            )
        self._size, self._slide, self._offset = size, slide, offset

    @property
    def slide_ms(self) -> int:
        """From the start of one window to the start of the next."""
        return self._slide


class SlidingEventTimeWindows(_Sliding, _EventTime):
    """Windows of one size that begin at every slide, by event time."""

    @staticmethod
    def of(size: Time, slide: Time, offset: Time | None = None) -> "SlidingEventTimeWindows":
        """Windows of that size and slide."""
        return SlidingEventTimeWindows(span_ms(size), span_ms(slide), span_ms(offset or 0))

    def assign_windows(
        self, element: Any, timestamp: int, context: "_WindowAssignerContext"
    ) -> Collection[TimeWindow]:
        """Size by slide many."""
        return _sliding(_checked(timestamp), self._size, self._slide, self._offset)


class SlidingProcessingTimeWindows(_Sliding, _ProcessingTime):
    """Windows of one size that begin at every slide, by the clock."""

    @staticmethod
    def of(size: Time, slide: Time, offset: Time | None = None) -> "SlidingProcessingTimeWindows":
        """Windows of that size and slide."""
        return SlidingProcessingTimeWindows(span_ms(size), span_ms(slide), span_ms(offset or 0))

    def assign_windows(
        self, element: Any, timestamp: int, context: "_WindowAssignerContext"
    ) -> Collection[TimeWindow]:
        """Size by slide many."""
        now = context.get_current_processing_time()
        return _sliding(now, self._size, self._slide, self._offset)


class SessionWindowTimeGapExtractor(ABC):
    """Gives a record the gap that ends its session."""

    @abstractmethod
    def extract(self, element: Any) -> int:
        """Milliseconds."""


class _FixedGap(SessionWindowTimeGapExtractor):
    def __init__(self, gap: int) -> None:
        if gap <= 0:
            raise ValueError("the gap of a session must be longer than zero")
        self._gap = gap

    def extract(self, element: Any) -> int:
        return self._gap


class SessionWindows(MergingWindowAssigner):
    """Windows that end after a gap without records and merge when they touch."""

    def __init__(self, gap: SessionWindowTimeGapExtractor | int) -> None:
        self._gap = _FixedGap(gap) if isinstance(gap, int) else gap

    def _session(self, element: Any, time: int) -> list[TimeWindow]:
        gap = self._gap.extract(element)
        if gap <= 0:
            raise ValueError(f"the gap of a session must be longer than zero, not {gap} ms")
        return [TimeWindow(time, time + gap)]

    def merge_windows(self, windows: Iterable[Any], callback: "_MergeCallback") -> None:
        """Those that overlap or touch."""
        TimeWindow.merge_windows(windows, callback)


class EventTimeSessionWindows(SessionWindows, _EventTime):
    """Sessions that end after a gap of event time without records."""

    @staticmethod
    def with_gap(size: Time) -> "EventTimeSessionWindows":
        """Sessions with one gap."""
        return EventTimeSessionWindows(span_ms(size))

    @staticmethod
    def with_dynamic_gap(extractor: SessionWindowTimeGapExtractor) -> "DynamicEventTimeSessionWindows":
        """Sessions whose gap the records set."""
        return DynamicEventTimeSessionWindows(extractor)

    def assign_windows(
        self, element: Any, timestamp: int, context: "_WindowAssignerContext"
    ) -> Collection[TimeWindow]:
        """The session of this record alone."""
        return self._session(element, _checked(timestamp))


class DynamicEventTimeSessionWindows(EventTimeSessionWindows):
    """The same with a gap that the records set."""


class ProcessingTimeSessionWindows(SessionWindows, _ProcessingTime):
    """Sessions that end after a gap without records."""

    @staticmethod
    def with_gap(size: Time) -> "ProcessingTimeSessionWindows":
        """Sessions with one gap."""
        return ProcessingTimeSessionWindows(span_ms(size))

    @staticmethod
    def with_dynamic_gap(extractor: SessionWindowTimeGapExtractor) -> "DynamicProcessingTimeSessionWindows":
        """Sessions whose gap the records set."""
        return DynamicProcessingTimeSessionWindows(extractor)

    def assign_windows(
        self, element: Any, timestamp: int, context: "_WindowAssignerContext"
    ) -> Collection[TimeWindow]:
        """The session of this record alone."""
        return self._session(element, context.get_current_processing_time())


class DynamicProcessingTimeSessionWindows(ProcessingTimeSessionWindows):
    """The same with a gap that the records set."""


class GlobalWindows(_ProcessingTime):
    """One window for everything; give it a trigger."""

    @staticmethod
    def create() -> "GlobalWindows":
        """A new one."""
        return GlobalWindows()

    def assign_windows(
        self, element: Any, timestamp: int, context: "_WindowAssignerContext"
    ) -> Collection[GlobalWindow]:
        """The one."""
        return [GlobalWindow()]

    def get_default_trigger(self, env: Any) -> Trigger:
        """Never."""
        return NeverTrigger()

    def get_window_serializer(self) -> TypeSerializer[Any]:
        """One byte."""
        return GlobalWindowSerializer()


class CountSlidingWindowAssigner(_ProcessingTime):
    """Windows of so many records of a key that begin at every so many."""

    def __init__(self, window_size: int, window_slide: int) -> None:
        if window_size < 1 or window_slide < 1:
            raise ValueError(f"a count window needs a size and a slide over 0: {window_size}, {window_slide}")
        self._size, self._slide = window_size, window_slide
        self._seen = ValueStateDescriptor("window-records-seen")

    @staticmethod
    def of(window_size: int, window_slide: int) -> "CountSlidingWindowAssigner":
        """Windows of that size and slide."""
        return CountSlidingWindowAssigner(window_size, window_slide)

    def assign_windows(
        self, element: Any, timestamp: int, context: "_WindowAssignerContext"
    ) -> Collection[CountWindow]:
        """By the number of the key's records so far."""
        state = context.get_runtime_context().get_state(self._seen)
        number = state.value() or 0
        state.update(number + 1)
        last = number // self._slide
        first = max(0, (number - self._size) // self._slide + 1)
        return [
            CountWindow(identifier)
            for identifier in range(first, last + 1)
            if self._holds(identifier, number)
        ]

    def _holds(self, identifier: int, number: int) -> bool:
        return identifier * self._slide <= number < identifier * self._slide + self._size

    def get_default_trigger(self, env: Any) -> Trigger:
        """When the window is full."""
        return PurgingTrigger(CountTrigger(self._size))

    def get_window_serializer(self) -> TypeSerializer[Any]:
        """The number."""
        return CountWindowSerializer()


class CountTumblingWindowAssigner(CountSlidingWindowAssigner):
    """Windows of so many records of a key, one after the other."""

    def __init__(self, window_size: int) -> None:
        super().__init__(window_size, window_size)

    @staticmethod
    def of(window_size: int) -> "CountTumblingWindowAssigner":  # type: ignore[override]
        """Windows of that size."""
        return CountTumblingWindowAssigner(window_size)
