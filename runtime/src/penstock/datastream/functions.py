"""Function classes that programs subclass, in PyFlink's shape. They run in slots, called by `operators` and `windows`."""

from abc import abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Generic, TypeAlias

from typing_extensions import TypeVar

from penstock.common.unsupported import unsupported
from penstock.datastream.async_functions import (
    AsyncFunction,
    AsyncRetryPredicate,
    AsyncRetryStrategy,
)
from penstock.datastream.function_base import Function
from penstock.datastream.window_adapters import (
    InternalIterableAllWindowFunction,
    InternalIterableProcessAllWindowFunction,
    InternalIterableProcessWindowFunction,
    InternalIterableWindowFunction,
    InternalProcessAllWindowContext,
    InternalProcessWindowContext,
    InternalSingleValueAllWindowFunction,
    InternalSingleValueProcessAllWindowFunction,
    InternalSingleValueProcessWindowFunction,
    InternalSingleValueWindowFunction,
    InternalWindowFunction,
)
from penstock.datastream.window_functions import (
    AllWindowFunction,
    KeyedStateStore,
    PassThroughAllWindowFunction,
    PassThroughWindowFunction,
    ProcessAllWindowFunction,
    ProcessWindowFunction,
    WindowFunction,
)
from penstock.operators.broadcast import BroadcastContext, BroadcastTimerContext
from penstock.operators.process import (
    KeyedProcessContext,
    OnTimerContext,
    ProcessContext,
    TimerService,
)
from penstock.operators.runtime_context import RuntimeContext

__all__ = [
    "AggregateFunction",
    "AllWindowFunction",
    "AsyncFunction",
    "AsyncFunctionDescriptor",
    "AsyncRetryPredicate",
    "AsyncRetryStrategy",
    "BaseBroadcastProcessFunction",
    "BroadcastProcessFunction",
    "CoFlatMapFunction",
    "CoMapFunction",
    "CoProcessFunction",
    "FilterFunction",
    "FlatMapFunction",
    "Function",
    "FunctionWrapper",
    "InternalIterableAllWindowFunction",
    "InternalIterableProcessAllWindowFunction",
    "InternalIterableProcessWindowFunction",
    "InternalIterableWindowFunction",
    "InternalProcessAllWindowContext",
    "InternalProcessWindowContext",
    "InternalSingleValueAllWindowFunction",
    "InternalSingleValueProcessAllWindowFunction",
    "InternalSingleValueProcessWindowFunction",
    "InternalSingleValueWindowFunction",
    "InternalWindowFunction",
    "JavaFunctionWrapper",
    "KeySelector",
    "KeyedBroadcastProcessFunction",
    "KeyedCoProcessFunction",
    "KeyedProcessFunction",
    "KeyedStateStore",
    "MapFunction",
    "NullByteKeySelector",
    "Partitioner",
    "PassThroughAllWindowFunction",
    "PassThroughWindowFunction",
    "ProcessAllWindowFunction",
    "ProcessFunction",
    "ProcessWindowFunction",
    "ReduceFunction",
    "ReduceFunctionWrapper",
    "RuntimeContext",
    "SinkFunction",
    "SourceFunction",
    "TimerService",
    "WindowFunction",
]
IN1 = TypeVar("IN1", default=Any)
IN2 = TypeVar("IN2", default=Any)
OUT = TypeVar("OUT", default=Any)
KEY = TypeVar("KEY", default=Any)
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


@dataclass(frozen=True)
class AsyncFunctionDescriptor:
    """How an async function runs, as `AsyncDataStream` was told."""

    class OutputMode(Enum):
        """Whether results come in the order of their records."""

        ORDERED = 0
        UNORDERED = 1

    async_function: AsyncFunction
    timeout: Any
    capacity: int
    async_retry_strategy: AsyncRetryStrategy
    output_mode: OutputMode


class KeySelector(Function):
    """Gives a record its key."""

    @abstractmethod
    def get_key(self, value: Any) -> Any:
        """The key."""


class NullByteKeySelector(KeySelector):
    """The same key for every record: keyed operators over a whole stream."""

    def get_key(self, value: Any) -> int:
        """Zero."""
        return 0


class Partitioner(Function):
    """Chooses the subtask for a key."""

    @abstractmethod
    def partition(self, key: Any, num_partitions: int) -> int:
        """A number from 0 to num_partitions - 1."""


class ProcessFunction(Function):
    """Any results, with access to time and side outputs."""

    Context: TypeAlias = ProcessContext

    @abstractmethod
    def process_element(self, value: Any, ctx: ProcessContext) -> Iterable[Any] | None:
        """Handle a record; yield results, `tag, value` for a side output."""


class KeyedProcessFunction(Function):
    """As ProcessFunction, on a keyed stream: with keyed state and timers."""

    Context: TypeAlias = KeyedProcessContext
    OnTimerContext: TypeAlias = _OnTimerContext

    @abstractmethod
    def process_element(self, value: Any, ctx: KeyedProcessContext) -> Iterable[Any] | None:
        """Handle a record; yield results."""

    def on_timer(self, timestamp: int, ctx: "_OnTimerContext") -> Iterable[Any] | None:
        """Handle a timer; yield results."""
        return None


class CoProcessFunction(Function):
    """Two inputs, with access to time and side outputs."""

    Context: TypeAlias = ProcessContext

    @abstractmethod
    def process_element1(self, value: Any, ctx: ProcessContext) -> Iterable[Any] | None:
        """Handle a record of the first input."""

    @abstractmethod
    def process_element2(self, value: Any, ctx: ProcessContext) -> Iterable[Any] | None:
        """Handle a record of the second input."""


class KeyedCoProcessFunction(Function):
    """Two keyed inputs that share keyed state and timers."""

    Context: TypeAlias = KeyedProcessContext
    OnTimerContext: TypeAlias = _OnTimerContext

    @abstractmethod
    def process_element1(self, value: Any, ctx: KeyedProcessContext) -> Iterable[Any] | None:
        """Handle a record of the first input."""

    @abstractmethod
    def process_element2(self, value: Any, ctx: KeyedProcessContext) -> Iterable[Any] | None:
        """Handle a record of the second input."""

    def on_timer(self, timestamp: int, ctx: "_OnTimerContext") -> Iterable[Any] | None:
        """Handle a timer; yield results."""
        return None


class BaseBroadcastProcessFunction(Function):
    """What the functions beside a broadcast stream share."""

    BaseContext: TypeAlias = BroadcastContext
    Context: TypeAlias = BroadcastContext
    ReadOnlyContext: TypeAlias = BroadcastContext


class BroadcastProcessFunction(BaseBroadcastProcessFunction, Generic[IN1, IN2, OUT]):
    """A stream beside a broadcast stream, whose state every subtask holds."""

    @abstractmethod
    def process_element(self, value: IN1, ctx: BroadcastContext) -> Iterable[OUT] | None:
        """Handle a record; broadcast state can be read."""

    @abstractmethod
    def process_broadcast_element(self, value: IN2, ctx: BroadcastContext) -> Iterable[OUT] | None:
        """Handle a broadcast record; broadcast state can be changed, the same way in every subtask."""


class KeyedBroadcastProcessFunction(BaseBroadcastProcessFunction, Generic[KEY, IN1, IN2, OUT]):
    """The same on a keyed stream, with keyed state and timers."""

    OnTimerContext: TypeAlias = BroadcastTimerContext

    @abstractmethod
    def process_element(self, value: IN1, ctx: BroadcastContext) -> Iterable[OUT] | None:
        """Handle a record; broadcast state can be read."""

    @abstractmethod
    def process_broadcast_element(self, value: IN2, ctx: BroadcastContext) -> Iterable[OUT] | None:
        """Handle a broadcast record; broadcast state can be changed, the same way in every subtask."""

    def on_timer(self, timestamp: int, ctx: BroadcastTimerContext) -> Iterable[OUT] | None:
        """Handle a timer; yield results."""
        return None


class FunctionWrapper(Function):
    """A plain callable as a function."""

    def __init__(self, func: Callable[..., Any]) -> None:
        self._func = func


class ReduceFunctionWrapper(FunctionWrapper):
    """A plain callable as a ReduceFunction."""

    def reduce(self, value1: Any, value2: Any) -> Any:
        """The combination."""
        return self._func(value1, value2)


class JavaFunctionWrapper:
    """A function written in Java, or what stands for one."""

    @unsupported("Write the function in Python, or use a connector of penstock.datastream.connectors")
    def __init__(self, j_function: Any) -> None:
        """Refused."""

    @unsupported("Use the object itself")
    def get_java_function(self) -> Any:
        """Refused."""


class SourceFunction(JavaFunctionWrapper):
    """A source in PyFlink's old style, for `add_source`: made by a connector, never from a Java class."""


class SinkFunction(JavaFunctionWrapper):
    """A sink in PyFlink's old style, for `add_sink`: made by a connector, never from a Java class."""
