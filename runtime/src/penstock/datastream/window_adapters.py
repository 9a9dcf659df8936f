"""Every kind of window function under one signature, `process(key, window, context, input_data)`, as PyFlink has them.

Public at `penstock.datastream.functions`, for programs that build a WindowOperationDescriptor of their own; the engine
itself calls window functions without them.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any, Generic

from penstock.datastream.function_base import Function
from penstock.datastream.window_functions import (
    IN,
    KEY,
    OUT,
    AllWindowFunction,
    KeyedStateStore,
    ProcessAllWindowFunction,
    ProcessWindowFunction,
    W,
    WindowFunction,
)
from penstock.operators.runtime_context import RuntimeContext


class InternalWindowFunction(Function, Generic[IN, OUT, KEY, W]):
    """A window function of any kind."""

    class InternalWindowContext(ABC):
        """What it is given: time and state."""

        @abstractmethod
        def current_processing_time(self) -> int:
            """Milliseconds since the epoch."""

        @abstractmethod
        def current_watermark(self) -> int:
            """The event time of the operator."""

        @abstractmethod
        def window_state(self) -> KeyedStateStore:
            """State of this key and window."""

        @abstractmethod
        def global_state(self) -> KeyedStateStore:
            """State of this key over all windows."""

    @abstractmethod
    def process(
        self, key: KEY, window: W, context: "InternalWindowFunction.InternalWindowContext", input_data: IN
    ) -> Iterable[OUT]:
        """The results of a window."""

    @abstractmethod
    def clear(self, window: W, context: "InternalWindowFunction.InternalWindowContext") -> None:
        """The window is gone."""


Context = InternalWindowFunction.InternalWindowContext


class _Wrapping(InternalWindowFunction[Any, Any, Any, Any]):
    """Opens and closes the function inside; has nothing to clear."""

    def __init__(self, wrapped_function: Any) -> None:
        self._function = wrapped_function

    def open(self, runtime_context: RuntimeContext) -> None:
        self._function.open(runtime_context)

    def close(self) -> None:
        self._function.close()

    def clear(self, window: Any, context: Context) -> None:
        """Nothing to clear."""


class InternalSingleValueWindowFunction(_Wrapping):
    """A WindowFunction after a reduction."""

    _function: WindowFunction[Any, Any, Any, Any]

    def process(self, key: Any, window: Any, context: Context, input_data: Any) -> Iterable[Any]:
        """The results for the one value."""
        return self._function.apply(key, window, [input_data])


class InternalIterableWindowFunction(_Wrapping):
    """A WindowFunction over all records."""

    _function: WindowFunction[Any, Any, Any, Any]

    def process(self, key: Any, window: Any, context: Context, input_data: Any) -> Iterable[Any]:
        """The results for the records."""
        return self._function.apply(key, window, input_data)


class InternalSingleValueAllWindowFunction(_Wrapping):
    """An AllWindowFunction after a reduction."""

    _function: AllWindowFunction[Any, Any, Any]

    def process(self, key: Any, window: Any, context: Context, input_data: Any) -> Iterable[Any]:
        """The results for the one value."""
        return self._function.apply(window, [input_data])


class InternalIterableAllWindowFunction(_Wrapping):
    """An AllWindowFunction over all records."""

    _function: AllWindowFunction[Any, Any, Any]

    def process(self, key: Any, window: Any, context: Context, input_data: Any) -> Iterable[Any]:
        """The results for the records."""
        return self._function.apply(window, input_data)


class InternalProcessWindowContext(ProcessWindowFunction.Context[Any]):
    """The context of a ProcessWindowFunction over an internal one; moved from window to window."""

    def __init__(self, window: Any = None, underlying: Context | None = None) -> None:
        self._window = window
        self._underlying = underlying

    def _inner(self) -> Context:
        if self._underlying is None:
            raise RuntimeError("this context belongs to no window yet")
        return self._underlying

    def window(self) -> Any:
        """The window."""
        return self._window

    def current_processing_time(self) -> int:
        """Milliseconds since the epoch."""
        return self._inner().current_processing_time()

    def current_watermark(self) -> int:
        """The event time of the operator."""
        return self._inner().current_watermark()

    def window_state(self) -> KeyedStateStore:
        """State of this key and window."""
        return self._inner().window_state()

    def global_state(self) -> KeyedStateStore:
        """State of this key over all windows."""
        return self._inner().global_state()


class InternalProcessAllWindowContext(InternalProcessWindowContext, ProcessAllWindowFunction.Context[Any]):
    """The same for a ProcessAllWindowFunction."""


class _Processing(_Wrapping):
    """Clears by the function inside."""

    def clear(self, window: Any, context: Context) -> None:
        """Let the function clear its state."""
        self._function.clear(self._context(window, context))

    def _context(self, window: Any, context: Context) -> InternalProcessWindowContext:
        return InternalProcessAllWindowContext(window, context)


class InternalSingleValueProcessWindowFunction(_Processing):
    """A ProcessWindowFunction after a reduction."""

    def process(self, key: Any, window: Any, context: Context, input_data: Any) -> Iterable[Any]:
        """The results for the one value."""
        results: Iterable[Any] = self._function.process(key, self._context(window, context), [input_data])
        return results


class InternalIterableProcessWindowFunction(_Processing):
    """A ProcessWindowFunction over all records."""

    def process(self, key: Any, window: Any, context: Context, input_data: Any) -> Iterable[Any]:
        """The results for the records."""
        results: Iterable[Any] = self._function.process(key, self._context(window, context), input_data)
        return results


class InternalSingleValueProcessAllWindowFunction(_Processing):
    """A ProcessAllWindowFunction after a reduction."""

    def process(self, key: Any, window: Any, context: Context, input_data: Any) -> Iterable[Any]:
        """The results for the one value."""
        results: Iterable[Any] = self._function.process(self._context(window, context), [input_data])
        return results


class InternalIterableProcessAllWindowFunction(_Processing):
    """A ProcessAllWindowFunction over all records."""

    def process(self, key: Any, window: Any, context: Context, input_data: Any) -> Iterable[Any]:
        """The results for the records."""
        results: Iterable[Any] = self._function.process(self._context(window, context), input_data)
        return results
