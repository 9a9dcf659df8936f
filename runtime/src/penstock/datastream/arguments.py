"""What a program passes to a stream, looked at when it does: a mistake is named where it was made, not by a slot that fails.

Called by the stream classes; raises TypeError, as PyFlink does. Looks only, never calls what it is given.
"""

from typing import Any

from penstock.common.type_information import TypeInformation


def check_function(call: str, function: Any, method: str) -> None:
    """A callable, or an object with that method."""
    if not callable(function) and not hasattr(function, method):
        raise TypeError(
            f"{call}() takes a callable or an object with a method {method!r}, not {_shown(function)}"
        )


def check_object(call: str, function: Any, *methods: str) -> None:
    """An object with these methods: a function alone cannot be told what is asked of it."""
    missing = [method for method in methods if not callable(getattr(function, method, None))]
    if missing or isinstance(function, type):
        wanted = " and ".join(repr(method) for method in methods)
        raise TypeError(
            f"{call}() takes an object with the method{'s' * (len(methods) > 1)} {wanted}, not {_shown(function)}"
        )


def check_type(type_info: Any) -> None:
    """A declared type, or None."""
    if type_info is not None and not isinstance(type_info, TypeInformation):
        raise TypeError(
            f"a declared type is made by Types, as Types.INT() or Types.ROW([...]), and is not {type_info!r}"
        )


def check_stream(call: str, stream: Any, kind: type) -> None:
    """Another stream."""
    if not isinstance(stream, kind):
        raise TypeError(f"{call}() takes streams of the same environment, not {_shown(stream)}")


def _shown(value: Any) -> str:
    return f"{value!r} ({type(value).__name__})"
