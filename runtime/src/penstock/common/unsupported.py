"""What PyFlink has and Penstock refuses: one exception and one decorator, so that every refusal says what, why and what instead.

Used where the API only wraps an object of the JVM, or a feature that Flink's Java side alone offers. The list of refusals is
part of the compatibility page (docs/reference/pyflink-compatibility.md), which a test compares with `refusals()`.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn, TypeVar

F = TypeVar("F", bound=Callable[..., Any])

NO_JVM = "there is no JVM behind Penstock"


@dataclass(frozen=True, slots=True)
class Refusal:
    """What is refused, why, and what to use in its place."""

    what: str
    why: str
    alternative: str

    def __str__(self) -> str:
        return f"{self.what} is not supported: {self.why}. {self.alternative}"


class UnsupportedOperation(RuntimeError):
    """A call that Penstock refuses. `refusal` holds the parts of the message."""

    def __init__(self, what: str, why: str, alternative: str) -> None:
        self.refusal = Refusal(what, why, alternative)
        super().__init__(str(self.refusal))

    def __reduce__(self) -> Any:
        return UnsupportedOperation, (self.refusal.what, self.refusal.why, self.refusal.alternative)


_REFUSALS: dict[str, Refusal] = {}


def unsupported(alternative: str, why: str = NO_JVM) -> Callable[[F], F]:
    """Make a function one that raises UnsupportedOperation; its body is never run."""

    def refused(function: F) -> F:
        what = function.__qualname__.removesuffix(".__init__")
        refusal = Refusal(what, why, alternative)
        _REFUSALS[f"{function.__module__}.{what}"] = refusal

        @functools.wraps(function)
        def refuse(*_: Any, **__: Any) -> NoReturn:
            raise UnsupportedOperation(refusal.what, refusal.why, refusal.alternative)

        return refuse  # type: ignore[return-value]

    return refused


def refusals() -> dict[str, Refusal]:
    """Everything that modules loaded so far refuse, by its full name."""
    return dict(_REFUSALS)
