"""Function classes that programs subclass, in PyFlink's shape. They run in slots, called by `operators` and `windows`."""

from abc import abstractmethod
from collections.abc import Iterable
from typing import Any, ClassVar

from penstock.datastream.async_functions import AsyncFunction, AsyncRetryPredicate, AsyncRetryStrategy
from penstock.datastream.function_base import Function
from penstock.operators.broadcast import BroadcastContext
from penstock.operators.process import (
    KeyedProcessContext,
    OnTimerContext,
    ProcessContext,
    TimerService,
)
from penstock.operators.runtime_context import RuntimeContext
from penstock.operators.window_content import WindowContext

__all__ = [
    "AsyncFunction",
    "AsyncRetryPredicate",
    "AsyncRetryStrategy",
    "Function",
    "RuntimeContext",
    "TimerService",
]
_OnTimerContext = OnTimerContext


class MapFunction(Function):
    """One result a record."""

    @abstractmethod
    def map(self, value: Any) -> Any:
        """The result."""


class FlatMapFunction(Function):
    """Any number of results a record."""

    @abstractmethod
    def flat_map(self, value: Any) -> Iterable[Any]:
        """The results."""


class FilterFunction(Function):
    """Keeps a record or drops it."""

    @abstractmethod
    def filter(self, value: Any) -> bool:
        """Whether to keep it."""


class ReduceFunction(Function):
    """Combines two records."""

    @abstractmethod
    def reduce(self, value1: Any, value2: Any) -> Any:
        """The combination."""


class CoMapFunction(Function):
    """One result a record, of either input."""

    @abstractmethod
    def map1(self, value: Any) -> Any:
        """The result for the first input; None for no result."""

    @abstractmethod
    def map2(self, value: Any) -> Any:
        """The result for the second input; None for no result."""


class CoFlatMapFunction(Function):
    """Any number of results a record, of either input."""

    @abstractmethod
    def flat_map1(self, value: Any) -> Iterable[Any]:
        """The results for the first input."""

    @abstractmethod
    def flat_map2(self, value: Any) -> Iterable[Any]:
        """The results for the second input."""


class AggregateFunction(Function):
    """Adds records to an accumulator."""

    @abstractmethod
    def create_accumulator(self) -> Any:
        """An empty accumulator."""

    @abstractmethod
    def add(self, value: Any, accumulator: Any) -> Any:
        """The accumulator with one more value."""

    @abstractmethod
    def get_result(self, accumulator: Any) -> Any:
        """The result so far."""

    @abstractmethod
    def merge(self, acc_a: Any, acc_b: Any) -> Any:
        """Two accumulators as one."""


class KeySelector(Function):
    """Gives a record its key."""

    @abstractmethod
    def get_key(self, value: Any) -> Any:
        """The key."""


class Partitioner(Function):
    """Chooses the subtask for a key."""

    @abstractmethod
    def partition(self, key: Any, num_partitions: int) -> int:
        """A number from 0 to num_partitions - 1."""


class ProcessFunction(Function):
    """Any results, with access to time and side outputs."""

    Context: ClassVar[Any] = ProcessContext

    @abstractmethod
    def process_element(self, value: Any, ctx: ProcessContext) -> Iterable[Any] | None:
        """Handle a record; yield results, `tag, value` for a side output."""


class KeyedProcessFunction(Function):
    """As ProcessFunction, on a keyed stream: with keyed state and timers."""

    Context: ClassVar[Any] = KeyedProcessContext
    OnTimerContext: ClassVar[Any] = OnTimerContext

    @abstractmethod
    def process_element(self, value: Any, ctx: KeyedProcessContext) -> Iterable[Any] | None:
        """Handle a record; yield results."""

    def on_timer(self, timestamp: int, ctx: "_OnTimerContext") -> Iterable[Any] | None:
        """Handle a timer; yield results."""
        return None


class CoProcessFunction(Function):
    """Two inputs, with access to time and side outputs."""

    Context: ClassVar[Any] = ProcessContext

    @abstractmethod
    def process_element1(self, value: Any, ctx: ProcessContext) -> Iterable[Any] | None:
        """Handle a record of the first input."""

    @abstractmethod
    def process_element2(self, value: Any, ctx: ProcessContext) -> Iterable[Any] | None:
        """Handle a record of the second input."""


class KeyedCoProcessFunction(Function):
    """Two keyed inputs that share keyed state and timers."""

    Context: ClassVar[Any] = KeyedProcessContext
    OnTimerContext: ClassVar[Any] = OnTimerContext

    @abstractmethod
    def process_element1(self, value: Any, ctx: KeyedProcessContext) -> Iterable[Any] | None:
        """Handle a record of the first input."""

    @abstractmethod
    def process_element2(self, value: Any, ctx: KeyedProcessContext) -> Iterable[Any] | None:
        """Handle a record of the second input."""

    def on_timer(self, timestamp: int, ctx: "_OnTimerContext") -> Iterable[Any] | None:
        """Handle a timer; yield results."""
        return None


class BroadcastProcessFunction(Function):
    """A stream beside a broadcast stream, whose state every subtask holds."""

    Context: ClassVar[Any] = BroadcastContext
    ReadOnlyContext: ClassVar[Any] = BroadcastContext
    OnTimerContext: ClassVar[Any] = BroadcastContext

    @abstractmethod
    def process_element(self, value: Any, ctx: Any) -> Iterable[Any] | None:
        """Handle a record; broadcast state can be read."""

    @abstractmethod
    def process_broadcast_element(self, value: Any, ctx: Any) -> Iterable[Any] | None:
        """Handle a broadcast record; broadcast state can be changed, the same way in every subtask."""


class KeyedBroadcastProcessFunction(BroadcastProcessFunction):
    """The same on a keyed stream, with keyed state and timers."""

    def on_timer(self, timestamp: int, ctx: Any) -> Iterable[Any] | None:
        """Handle a timer; yield results."""
        return None


class WindowFunction(Function):
    """Results of a window of a key."""

    @abstractmethod
    def apply(self, key: Any, window: Any, inputs: Iterable[Any]) -> Iterable[Any]:
        """The results."""


class AllWindowFunction(Function):
    """Results of a window of the whole stream."""

    @abstractmethod
    def apply(self, window: Any, inputs: Iterable[Any]) -> Iterable[Any]:
        """The results."""


class ProcessWindowFunction(Function):
    """Results of a window of a key, with access to time and state."""

    Context: ClassVar[Any] = WindowContext

    @abstractmethod
    def process(self, key: Any, context: Any, elements: Iterable[Any]) -> Iterable[Any]:
        """The results."""

    def clear(self, context: Any) -> None:
        """The window is gone: clear its state."""


class ProcessAllWindowFunction(Function):
    """Results of a window of the whole stream, with access to time and state."""

    Context: ClassVar[Any] = WindowContext

    @abstractmethod
    def process(self, context: Any, elements: Iterable[Any]) -> Iterable[Any]:
        """The results."""

    def clear(self, context: Any) -> None:
        """The window is gone: clear its state."""


class SourceFunction:
    """A source in PyFlink's old style, for `add_source`."""


class SinkFunction:
    """A sink in PyFlink's old style, for `add_sink`."""
