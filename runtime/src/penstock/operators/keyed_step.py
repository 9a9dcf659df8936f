"""map, filter and flat_map of a keyed stream whose function has an `open`: it may use keyed state. Run by `operators.process`.

A plain function of a keyed stream needs no key and is fused as on any other stream.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from penstock.operators.fused import Step, StepKind
from penstock.operators.runtime_context import RuntimeContext


@dataclass(frozen=True, slots=True)
class KeyedStep:
    """The step as a process function."""

    step: Step

    def open(self, runtime_context: RuntimeContext) -> None:
        """Open the function."""
        self.step.function.open(runtime_context)

    def process_element(self, value: Any, ctx: Any) -> Iterable[Any] | None:
        """Call it, with the record's key set."""
        result = self.step.callable()(value)
        if self.step.kind is StepKind.FLAT_MAP:
            flat: Iterable[Any] | None = result
            return flat
        if self.step.kind is StepKind.FILTER:
            return (value,) if result else None
        return (result,)

    def close(self) -> None:
        """Close the function."""
        if hasattr(self.step.function, "close"):
            self.step.function.close()
