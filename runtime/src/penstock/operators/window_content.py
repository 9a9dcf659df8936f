"""What a window holds for a key, and what it gives: a list, a reduced value or an accumulator; then maybe a function."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, cast

from penstock.operators.runtime_context import RuntimeContext
from penstock.state.contract import MISSING

_CLEARS_NOTHING = frozenset(
    ("penstock.datastream.window_functions", f"{kind}.clear")
    for kind in ("ProcessWindowFunction", "ProcessAllWindowFunction")
)
"""Module and name of the methods that a function inherits where it has nothing to clear."""


@dataclass(frozen=True, slots=True)
class Content:
    """How records add up. Exactly one of a list (neither given), a reduce function or an AggregateFunction."""

    reduce: Any = None
    aggregate: Any = None

    def adder(self) -> Callable[[Any, Any], Any]:
        """`(held or MISSING, record) -> held`."""
        if self.reduce is not None:
            reduce = getattr(self.reduce, "reduce", self.reduce)
            return lambda held, value: value if held is MISSING else reduce(held, value)
        if self.aggregate is not None:
            function = self.aggregate
            return lambda held, value: function.add(
                value, function.create_accumulator() if held is MISSING else held
            )
        return _append

    def starter(self) -> Callable[[Any], Any]:
        """`record -> held`, of a window that holds nothing."""
        if self.reduce is not None:
            return lambda value: value
        if self.aggregate is not None:
            add, create = self.aggregate.add, self.aggregate.create_accumulator
            return lambda value: add(value, create())
        return lambda value: [value]

    def grower(self) -> Callable[[Any, Any], Any]:
        """`(record, held) -> held`, of a window that holds something."""
        if self.reduce is not None:
            reduce = getattr(self.reduce, "reduce", self.reduce)
            return lambda value, held: reduce(held, value)
        if self.aggregate is not None:
            add: Callable[[Any, Any], Any] = self.aggregate.add
            return add
        return lambda value, held: _append(held, value)

    def merge(self, first: Any, second: Any) -> Any:
        """Two contents as one; either may be MISSING."""
        if first is MISSING or second is MISSING:
            return second if first is MISSING else first
        if self.reduce is not None:
            return getattr(self.reduce, "reduce", self.reduce)(first, second)
        if self.aggregate is not None:
            return self.aggregate.merge(first, second)
        return [*first, *second]

    def elements(self, held: Any) -> list[Any]:
        """What the window function sees."""
        if self.reduce is not None:
            return [held]
        return [self.aggregate.get_result(held)] if self.aggregate is not None else list(held)

    def fold(self, values: list[Any]) -> list[Any]:
        """What the window function sees of these records."""
        held: Any = MISSING
        add = self.adder()
        for value in values:
            held = add(held, value)
        return [] if held is MISSING else self.elements(held)

    def functions(self) -> list[Any]:
        """Functions to open and close."""
        return [function for function in (self.reduce, self.aggregate) if hasattr(function, "open")]


def _append(held: Any, value: Any) -> Any:
    if held is MISSING:
        return [value]
    held.append(value)
    return held


class WindowContext:
    """What a ProcessWindowFunction is given."""

    def __init__(
        self, window: Any, key: Any, runtime: RuntimeContext, state_of_window: Any, times: Any
    ) -> None:
        self._window = window
        self._key = key
        self._runtime = runtime
        self._state_of_window = state_of_window
        self._times = times

    def window(self) -> Any:
        """The window."""
        return self._window

    def current_processing_time(self) -> int:
        """Milliseconds since the epoch."""
        return int(self._times.current_processing_time())

    def current_watermark(self) -> int:
        """The event time of the operator."""
        return int(self._times.current_watermark())

    def window_state(self) -> Any:
        """State of this key and window; clear it in `clear`."""
        return self._state_of_window

    def global_state(self) -> Any:
        """State of this key over all windows."""
        return self._runtime


@dataclass(frozen=True, slots=True)
class Emission:
    """What is called with the elements: nothing, a WindowFunction, a ProcessWindowFunction; keyed or over everything."""

    function: Any = None
    is_process: bool = False
    is_keyed: bool = True

    def results(self, context: WindowContext, key: Any, elements: list[Any]) -> Iterable[Any] | None:
        """The results of a window."""
        if self.function is None:
            return elements
        if self.is_process:
            arguments = (key, context, elements) if self.is_keyed else (context, elements)
            return cast(Iterable[Any] | None, self.function.process(*arguments))
        window = context.window()
        arguments = (key, window, elements) if self.is_keyed else (window, elements)
        return cast(Iterable[Any] | None, self.function.apply(*arguments))

    @property
    def has_clear(self) -> bool:
        """The function does something when a window is gone; PyFlink's base class does nothing."""
        clear = getattr(getattr(self.function, "clear", None), "__func__", None)
        name = (getattr(clear, "__module__", ""), getattr(clear, "__qualname__", ""))
        return self.is_process and name not in _CLEARS_NOTHING

    def clear(self, context: WindowContext) -> None:
        """The window is gone."""
        if self.is_process and self.function is not None:
            self.function.clear(context)
