"""Functions over windows, in PyFlink's shape; public at `penstock.datastream.functions`. Called by `operators.window`."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any, Generic

from typing_extensions import TypeVar

from penstock.datastream.function_base import Function
from penstock.operators.runtime_context import RuntimeContext
from penstock.operators.window_content import WindowContext

IN = TypeVar("IN", default=Any)
OUT = TypeVar("OUT", default=Any)
KEY = TypeVar("KEY", default=Any)
W = TypeVar("W", default=Any)
W2 = TypeVar("W2", default=Any)


class KeyedStateStore(ABC):
    """Where keyed state comes from: a RuntimeContext, or the state of one window."""

    @abstractmethod
    def get_state(self, state_descriptor: Any) -> Any:
        """One value a key."""

    @abstractmethod
    def get_list_state(self, state_descriptor: Any) -> Any:
        """A list a key."""

    @abstractmethod
    def get_map_state(self, state_descriptor: Any) -> Any:
        """A map a key."""

    @abstractmethod
    def get_reducing_state(self, state_descriptor: Any) -> Any:
        """One reduced value a key."""

    @abstractmethod
    def get_aggregating_state(self, state_descriptor: Any) -> Any:
        """One accumulator a key."""


KeyedStateStore.register(RuntimeContext)


class WindowFunction(Function, Generic[IN, OUT, KEY, W]):
    """Results of a window of a key."""

    @abstractmethod
    def apply(self, key: KEY, window: W, inputs: Iterable[IN]) -> Iterable[OUT]:
        """The results."""


class AllWindowFunction(Function, Generic[IN, OUT, W]):
    """Results of a window of the whole stream."""

    @abstractmethod
    def apply(self, window: W, inputs: Iterable[IN]) -> Iterable[OUT]:
        """The results."""


class ProcessWindowFunction(Function, Generic[IN, OUT, KEY, W]):
    """Results of a window of a key, with access to time and state."""

    class Context(ABC, Generic[W2]):
        """What the function is given."""

        @abstractmethod
        def window(self) -> W2:
            """The window."""

        @abstractmethod
        def current_processing_time(self) -> int:
            """Milliseconds since the epoch."""

        @abstractmethod
        def current_watermark(self) -> int:
            """The event time of the operator."""

        @abstractmethod
        def window_state(self) -> KeyedStateStore:
            """State of this key and window; clear it in `clear`."""

        @abstractmethod
        def global_state(self) -> KeyedStateStore:
            """State of this key over all windows."""

    @abstractmethod
    def process(
        self, key: KEY, context: "ProcessWindowFunction.Context[W]", elements: Iterable[IN]
    ) -> Iterable[OUT]:
        """The results."""

    def clear(self, context: "ProcessWindowFunction.Context[W]") -> None:
        """The window is gone: clear its state."""


class ProcessAllWindowFunction(Function, Generic[IN, OUT, W]):
    """Results of a window of the whole stream, with access to state."""

    class Context(ABC, Generic[W2]):
        """What the function is given."""

        @abstractmethod
        def window(self) -> W2:
            """The window."""

        @abstractmethod
        def window_state(self) -> KeyedStateStore:
            """State of this window; clear it in `clear`."""

        @abstractmethod
        def global_state(self) -> KeyedStateStore:
            """State over all windows."""

    @abstractmethod
    def process(
        self, context: "ProcessAllWindowFunction.Context[W]", elements: Iterable[IN]
    ) -> Iterable[OUT]:
        """The results."""

    def clear(self, context: "ProcessAllWindowFunction.Context[W]") -> None:
        """The window is gone: clear its state."""


ProcessWindowFunction.Context.register(WindowContext)
ProcessAllWindowFunction.Context.register(WindowContext)


class PassThroughWindowFunction(WindowFunction[IN, IN, KEY, W]):
    """Hands the records of a window on."""

    def apply(self, key: KEY, window: W, inputs: Iterable[IN]) -> Iterable[IN]:
        """The records."""
        yield from inputs


class PassThroughAllWindowFunction(AllWindowFunction[IN, IN, W]):
    """Hands the records of a window on."""

    def apply(self, window: W, inputs: Iterable[IN]) -> Iterable[IN]:
        """The records."""
        yield from inputs
