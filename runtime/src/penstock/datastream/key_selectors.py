"""Key selectors and partitioners as the engine calls them: plain functions of a record, opened where they run.

Made by the stream classes. Most are the function itself or a bound method; only a class with an `open` of its own, or a
declared key type whose rows get names, costs a call more.
"""

from collections.abc import Callable
from typing import Any

from penstock.common.composite_types import RowTypeInfo
from penstock.common.conversion import conversion_of
from penstock.common.type_information import TypeInformation
from penstock.common.unsupported import UnsupportedOperation
from penstock.datastream.function_base import Function


def caller_of(function: Any, method: str) -> Callable[..., Any]:
    """The function, or the method of an object, which is opened before its first call."""
    call: Callable[..., Any] = getattr(function, method, function)
    opens = getattr(type(function), "open", Function.open)
    return call if opens is Function.open or call is function else _Opened(function, method)


def selector_of(key_selector: Any, key_type: TypeInformation | None) -> Callable[[Any], Any]:
    """The key of a record; rows of a declared type get its names."""
    select = caller_of(key_selector, "get_key")
    return _Named(select, key_type) if isinstance(key_type, RowTypeInfo) else select


class _NoContext:
    def __getattr__(self, name: str) -> Any:
        raise UnsupportedOperation(
            f"{name} of the runtime context of a key selector or partitioner",
            "keys are taken in more than one task",
            "Take what it needs when the object is made",
        )


class _Opened:
    """Opens its object before the first call, in every process that calls it."""

    def __init__(self, function: Any, method: str) -> None:
        self._function = function
        self._method = method
        self._call: Callable[..., Any] | None = None

    def __call__(self, *arguments: Any) -> Any:
        if self._call is None:
            self._function.open(_NoContext())
            self._call = getattr(self._function, self._method)
        return self._call(*arguments)

    def __reduce__(self) -> Any:
        return _Opened, (self._function, self._method)


class _Named:
    """Gives keys their declared shape."""

    def __init__(self, select: Callable[[Any], Any], kind: RowTypeInfo) -> None:
        self._select = select
        self._kind = kind
        conversion = conversion_of(kind)
        self._shape: Callable[[Any], Any] = conversion.of if conversion is not None else lambda key: key

    def __call__(self, value: Any) -> Any:
        return self._shape(self._select(value))

    def __reduce__(self) -> Any:
        return _Named, (self._select, self._kind)
