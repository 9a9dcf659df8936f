"""A stream by key: rolling reductions, keyed process functions, windows."""
# ruff: noqa: SLF001 - the streams of one package share their parts; programs see none of them

from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING, Any

from penstock.common.typeinfo import TypeInformation
from penstock.datastream.arguments import check_function, check_object
from penstock.datastream.data_stream import DataStream
from penstock.datastream.function_base import Function
from penstock.datastream.key_selectors import selector_of
from penstock.datastream.keyed_refusals import KeyedRefusals
from penstock.graph.jobgraph import Partitioner
from penstock.graph.streamgraph import StreamNode
from penstock.operators.fused import Step
from penstock.operators.keyed_step import KeyedStep
from penstock.operators.process import ProcessFactory
from penstock.operators.reduce import ExtremeField, ReduceFactory, SumField, in_shape

if TYPE_CHECKING:
    from penstock.datastream.joins import IntervalJoin
    from penstock.datastream.windowed_stream import WindowedStream

Position = int | str


class KeyedStream(KeyedRefusals):
    """A stream whose records have a key."""

    class AccumulateType(Enum):
        """The rolling aggregations of one field."""

        MIN = 1
        MAX = 2
        MIN_BY = 3
        MAX_BY = 4
        SUM = 5

    def __init__(self, origin: DataStream, key_selector: Callable[[Any], Any]) -> None:
        parted = origin._partitioned(Partitioner.HASH, key_selector=key_selector)
        super().__init__(origin._environment, origin._node, parted._upstreams, origin._type)
        self._key_selector = key_selector

    def key_by(self, key_selector: Any, key_type: TypeInformation | None = None) -> "KeyedStream":
        """The same records by another key."""
        check_function("key_by", key_selector, "get_key")
        return KeyedStream(self, selector_of(key_selector, key_type))

    def reduce(self, func: Any) -> DataStream:
        """Combine each record with what its key has, and emit the result."""
        check_function("reduce", func, "reduce")
        return self._keyed("Keyed Reduce", ReduceFactory(in_shape(func, self._type)), self._type)

    def sum(self, position_to_sum: Position = 0) -> DataStream:
        """The running sum of a field."""
        return self._keyed("Keyed Aggregation", ReduceFactory(SumField(position_to_sum)), self._type)

    def min(self, position_to_min: Position = 0) -> DataStream:
        """The smallest value of a field; the other fields are those of the first record."""
        return self._extreme(position_to_min, is_max=False, by=False)

    def max(self, position_to_max: Position = 0) -> DataStream:
        """The largest value of a field; the other fields are those of the first record."""
        return self._extreme(position_to_max, is_max=True, by=False)

    def min_by(self, position_to_min_by: Position = 0) -> DataStream:
        """The record with the smallest value of a field."""
        return self._extreme(position_to_min_by, is_max=False, by=True)

    def max_by(self, position_to_max_by: Position = 0) -> DataStream:
        """The record with the largest value of a field."""
        return self._extreme(position_to_max_by, is_max=True, by=True)

    def process(self, func: Any, output_type: TypeInformation | None = None) -> DataStream:
        """Any results, with time, side outputs, keyed state and timers."""
        check_object("process", func, "process_element")
        return self._keyed("Keyed Process", ProcessFactory(func), output_type)

    def interval_join(self, other: "KeyedStream") -> "IntervalJoin":
        """Pairs with the records of another keyed stream whose time lies in an interval around a record's own."""
        from penstock.datastream.joins import IntervalJoin

        return IntervalJoin(self, other)

    def window(self, window_assigner: Any) -> "WindowedStream":
        """Windows for each key."""
        from penstock.datastream.windowed_stream import WindowedStream

        return WindowedStream(self, window_assigner)

    def count_window(self, size: int, slide: int = 0) -> "WindowedStream":
        """Windows of so many records for each key."""
        from penstock.windows.assigners import CountSlidingWindowAssigner, CountTumblingWindowAssigner

        if slide in (0, size):
            return self.window(CountTumblingWindowAssigner.of(size))
        return self.window(CountSlidingWindowAssigner.of(size, slide))

    def _step(self, name: str, step: Step, output_type: TypeInformation | None) -> DataStream:
        """A function with an `open` may use keyed state; any other is a step like those of other streams."""
        check_function(step.kind.value, step.function, step.kind.value)
        opens = getattr(type(step.function), "open", Function.open)
        if opens is Function.open:
            return super()._step(name, step, output_type)
        return self._keyed(name, ProcessFactory(KeyedStep(step)), output_type)

    def _extreme(self, position: Position, is_max: bool, by: bool) -> DataStream:
        return self._keyed("Keyed Aggregation", ReduceFactory(ExtremeField(position, is_max, by)), self._type)

    def _keyed(self, name: str, make: Callable[[], Any], output_type: TypeInformation | None) -> DataStream:
        node = self._add(name, make)
        node.declared = output_type
        mark_keyed(node, self._key_selector)
        return DataStream(self._environment, node, None, output_type)


def mark_keyed(node: StreamNode, *selectors: Callable[[Any], Any]) -> None:
    """Give a node keyed state."""
    node.is_keyed = True
    node.is_stateful = True
    node.key_selectors = selectors
