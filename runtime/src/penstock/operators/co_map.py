"""map and flat_map over two connected streams."""

from dataclasses import dataclass
from typing import Any

from penstock.operators.base import PassiveOperator
from penstock.operators.contract import Batch, OperatorContext
from penstock.operators.runtime_context import RuntimeContext


@dataclass(frozen=True, slots=True)
class CoMapFactory:
    """Makes a CoMapOperator; `is_flat` calls flat_map1 and flat_map2."""

    function: Any
    is_flat: bool

    def __call__(self) -> "CoMapOperator":
        """A new operator."""
        return CoMapOperator(self.function, self.is_flat)


class CoMapOperator(PassiveOperator):
    """Runs a CoMapFunction or CoFlatMapFunction."""

    def __init__(self, function: Any, is_flat: bool) -> None:
        self._function = function
        self._is_flat = is_flat
        names = ("flat_map1", "flat_map2") if is_flat else ("map1", "map2")
        self._calls = [getattr(function, name) for name in names]

    def open(self, ctx: OperatorContext) -> None:
        """Open the function."""
        self.ctx = ctx
        if hasattr(self._function, "open"):
            self._function.open(RuntimeContext(ctx))

    def process(self, batch: Batch, input_index: int) -> None:
        """Call the method of the input; a map that gives None gives nothing."""
        call = self._calls[input_index]
        state = self.ctx.state
        values: list[Any] = []
        times: list[int] | None = [] if batch.timestamps is not None else None
        for position, value in enumerate(batch.values):
            if state is not None:
                state.set_current_key(self.ctx.key_selectors[input_index](value))
            result = call(value)
            results = (result or ()) if self._is_flat else (() if result is None else (result,))
            before = len(values)
            values.extend(results)
            if times is not None and batch.timestamps is not None:
                times.extend([batch.timestamps[position]] * (len(values) - before))
        self.ctx.output.emit(Batch(values, times))

    def close(self) -> None:
        """Close the function."""
        if hasattr(self._function, "close"):
            self._function.close()
