"""Rolling reductions of a keyed stream: reduce, sum, min, max, min_by, max_by.

Emits the new value for every record; in batch mode the last value of every key, at the end of input.
"""

from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

from penstock.common.composite_types import RowTypeInfo
from penstock.common.conversion import conversion_of
from penstock.common.type_information import TypeInformation
from penstock.common.types import Row
from penstock.operators.base import PassiveOperator
from penstock.operators.contract import MAX_WATERMARK, MIN_TIMESTAMP, Batch, OperatorContext, is_batch_job
from penstock.operators.quick_groups import quick_groups
from penstock.operators.runtime_context import RuntimeContext

TABLE = "_reduce"


@dataclass(frozen=True, slots=True)
class ReduceFactory:
    """Makes a ReduceOperator; `function` is a callable of two values or an object with `reduce`."""

    function: Any

    def __call__(self) -> "ReduceOperator":
        """A new operator."""
        return ReduceOperator(self.function)


def in_shape(function: Any, declared: TypeInformation | None) -> Any:
    """The reduce function of a stream of that type: rows keep the type's names from one reduction to the next."""
    return _InShape(function, declared) if isinstance(declared, RowTypeInfo) else function


class _InShape:
    """A reduce function whose results take their declared shape."""

    def __init__(self, function: Any, declared: RowTypeInfo) -> None:
        self._function = function
        self._declared = declared

    def open(self, runtime_context: RuntimeContext) -> None:
        """Open the function."""
        shape = conversion_of(self._declared)
        self._shape: Callable[[Any], Any] = shape.of if shape is not None else lambda value: value
        self._reduce: Callable[[Any, Any], Any] = getattr(self._function, "reduce", self._function)
        if hasattr(self._function, "open"):
            self._function.open(runtime_context)

    def reduce(self, value1: Any, value2: Any) -> Any:
        """The result, with the names of its fields."""
        return self._shape(self._reduce(value1, value2))

    def close(self) -> None:
        """Close the function."""
        if hasattr(self._function, "close"):
            self._function.close()


class ReduceOperator(PassiveOperator):
    """Keeps one value a key."""

    def __init__(self, function: Any) -> None:
        self._function = function
        self._reduce: Callable[[Any, Any], Any] = getattr(function, "reduce", function)

    def open(self, ctx: OperatorContext) -> None:
        """Open the function and its table."""
        self.ctx = ctx
        if ctx.state is None:
            raise RuntimeError(f"{ctx.operator_name!r} needs keyed state")
        self._table = ctx.state.table(TABLE)
        self._key_of = ctx.key_selectors[0]
        self._quick = quick_groups(ctx.state, self._table)
        self._is_batch = is_batch_job(ctx.configuration)
        self._last: dict[Any, tuple[Any, int]] = {}
        """In batch mode: the value of each key, and its newest event time."""
        if hasattr(self._function, "open"):
            self._function.open(RuntimeContext(ctx))

    def process(self, batch: Batch, input_index: int) -> None:
        """Reduce each record into its key's value."""
        if self._is_batch:
            self._hold(batch)
            return
        reduce = self._reduce
        group_of: Callable[[Any], MutableMapping[Any, Any]] = self._table.group_of
        if self._quick is not None and self._quick.can_run:
            group_of = self._quick.__getitem__
        results: list[Any] = []
        append = results.append
        for key, value in zip(list(map(self._key_of, batch.values)), batch.values, strict=True):
            group = group_of(key)
            if key in group:
                value = reduce(group[key], value)
            group[key] = value
            append(value)
        self.ctx.output.emit(Batch(results, batch.timestamps))

    def _hold(self, batch: Batch) -> None:
        last, key_of, reduce = self._last, self._key_of, self._reduce
        times = batch.timestamps if batch.timestamps is not None else [MIN_TIMESTAMP] * len(batch)
        for value, timestamp in zip(batch.values, times, strict=True):
            key = key_of(value)
            held = last.get(key)
            last[key] = (
                (value, timestamp) if held is None else (reduce(held[0], value), max(held[1], timestamp))
            )

    def on_watermark(self, timestamp: int) -> None:
        """Batch mode: results come before the end of event time, or those behind would take them for late."""
        if timestamp == MAX_WATERMARK:
            self._give()
        self.ctx.output.emit_watermark(timestamp)

    def finish(self) -> None:
        """Batch mode: nothing is kept back."""
        self._give()

    def _give(self) -> None:
        """Batch mode: emit what every key came to."""
        if self._last:
            values, times = zip(*self._last.values(), strict=True)
            is_timed = max(times) > MIN_TIMESTAMP
            self.ctx.output.emit(Batch(list(values), list(times) if is_timed else None))
            self._last = {}

    def close(self) -> None:
        """Close the function."""
        if hasattr(self._function, "close"):
            self._function.close()


def _with_field(record: Any, position: int | str, value: Any) -> Any:
    """A record like this one but for one field."""
    if isinstance(record, tuple):
        if hasattr(record, "_replace") and isinstance(position, str):
            return record._replace(**{position: value})
        index = range(len(record))[int(position)]
        changed = (*record[:index], value, *record[index + 1 :])
        return type(record)._make(changed) if hasattr(record, "_make") else changed
    if isinstance(record, Row):
        copy = Row(*record)
        fields = record.__reduce__()[1][0]
        if fields is not None:
            copy.set_field_names(fields)
        copy[position] = value
        return copy
    if isinstance(record, (list, dict)):
        altered: Any = record.copy()
        altered[position] = value
        return altered
    return value


def _field(record: Any, position: int | str) -> Any:
    if isinstance(record, tuple) and isinstance(position, str):
        return getattr(record, position)
    if isinstance(record, (tuple, list, Row, dict)):
        item: Any = record
        return item[position]
    return record


@dataclass(frozen=True, slots=True)
class SumField:
    """Adds up one field; the other fields stay those of the first record."""

    position: int | str

    def reduce(self, value1: Any, value2: Any) -> Any:
        """The first record with the sum."""
        position = self.position
        if (
            type(value1) is tuple and type(position) is int and position >= 0
        ):  # the common case, without calls
            total = value1[position] + value2[position]
            return (*value1[:position], total, *value1[position + 1 :])
        total = _field(value1, self.position) + _field(value2, self.position)
        return _with_field(value1, self.position, total)


@dataclass(frozen=True, slots=True)
class ExtremeField:
    """Keeps the smallest or largest of one field, or (`by`) the whole record that holds it; the first on ties."""

    position: int | str
    is_max: bool
    by: bool

    def reduce(self, value1: Any, value2: Any) -> Any:
        """The record so far, or the next one if it is more extreme."""
        old, new = _field(value1, self.position), _field(value2, self.position)
        if not (new > old if self.is_max else new < old):
            return value1
        return value2 if self.by else _with_field(value1, self.position, new)
