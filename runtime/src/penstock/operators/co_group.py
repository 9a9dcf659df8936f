"""Window joins and co-groups: two streams in the windows of one key. The window operator, with the side of each record beside it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from penstock.operators.contract import Batch
from penstock.operators.window import WindowFactory, WindowOperator
from penstock.operators.window_content import WindowContext


@dataclass(frozen=True, slots=True)
class CoGroupFactory(WindowFactory):
    """Makes a CoGroupOperator; its emission is a CoGroupEmission."""

    def __call__(self) -> "CoGroupOperator":
        """A new operator."""
        return CoGroupOperator(self)


class CoGroupOperator(WindowOperator):
    """A window operator of two inputs; assigners and triggers see the records, contents are (side, record)."""

    def process(self, batch: Batch, input_index: int) -> None:
        """As for one input, with the key of this one."""
        self._side = input_index
        self._key_of = self.ctx.key_selectors[input_index]
        super().process(batch, 0)

    def _put(self, value: Any, timestamp: int, namespace: Any) -> bool:
        return super()._put((self._side, value), timestamp, namespace)


@dataclass(frozen=True, slots=True)
class CoGroupEmission:
    """What is called with a window's records of both sides: a co-group, or a join of every pair."""

    function: Any
    is_join: bool

    def results(self, context: WindowContext, key: Any, elements: list[Any]) -> Iterable[Any] | None:
        """The results of a window."""
        sides: tuple[list[Any], list[Any]] = ([], [])
        for side, value in elements:
            sides[side].append(value)
        if self.is_join:
            return self._pairs(*sides)
        call = getattr(self.function, "co_group", self.function)
        results: Iterable[Any] | None = call(*sides)
        return results

    def _pairs(self, first: list[Any], second: list[Any]) -> Iterable[Any]:
        flat = getattr(self.function, "flat_join", None)
        if flat is not None:
            for left in first:
                for right in second:
                    yield from flat(left, right) or ()
            return
        join = getattr(self.function, "join", self.function)
        for left in first:
            for right in second:
                yield join(left, right)

    def clear(self, context: WindowContext) -> None:
        """Nothing is kept."""
