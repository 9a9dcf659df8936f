"""Records in the shape of their declared type, as Flink hands them on where a chain of functions ends.

There Flink's serializers give a positional row its field names, make a float of an int for DOUBLE and an int of a float
for INT, cut times to milliseconds, and refuse what does not fit. Called by `taskmanager.output` with whole batches:
values that fit already, the common case, are only looked at, column by column, and stay the objects they are. Pure: no
record is changed in place.
"""

import struct
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from itertools import chain
from operator import attrgetter
from typing import Any

from penstock.common.time import Instant
from penstock.common.type_information import (
    DateTypeInfo,
    TimestampTypeInfo,
    TimeTypeInfo,
    TypeInformation,
)
from penstock.common.typeinfo import (
    BasicArrayTypeInfo,
    BasicType,
    BasicTypeInfo,
    ListTypeInfo,
    MapTypeInfo,
    ObjectArrayTypeInfo,
    PrimitiveArrayTypeInfo,
    RowTypeInfo,
    TupleTypeInfo,
)
from penstock.common.types import Row, row_named

Column = Sequence[Any]


@dataclass(frozen=True, slots=True)
class Conversion:
    """How values of one declared type are checked, many at once, and made fit, one by one."""

    fits: Callable[[Column], bool]
    """Whether all values are in the declared shape; None is not."""
    of: Callable[[Any], Any]
    """The value in the declared shape; TypeError or ValueError if it has none."""
    quickly: Callable[[list[Any]], list[Any] | None] = lambda values: None
    """The same for many values at once; None where it must be done one by one."""

    def all_of(self, values: list[Any]) -> list[Any]:
        """The values in the declared shape: the same list where all fit."""
        if self.fits(values):
            return values
        return self.quickly(values) or [self.of(value) for value in values]


def conversion_of(kind: TypeInformation | None) -> Conversion | None:
    """The conversion to a declared type; None where any object passes as it is."""
    if isinstance(kind, BasicTypeInfo):
        return _basic(kind)
    if isinstance(kind, TupleTypeInfo):
        return _tuple(kind)
    if isinstance(kind, RowTypeInfo):
        return _row(kind)
    if isinstance(kind, MapTypeInfo):
        return _map(kind)
    if isinstance(kind, ListTypeInfo | ObjectArrayTypeInfo | BasicArrayTypeInfo | PrimitiveArrayTypeInfo):
        return _list(kind)
    if isinstance(kind, DateTypeInfo | TimeTypeInfo | TimestampTypeInfo):
        return _DATES[type(kind)]
    return None


def refusal(value: Any, kind: object) -> TypeError:
    """The error of a value that its declared type does not take."""
    return TypeError(
        f"{value!r} ({type(value).__name__}) does not fit the declared type {kind!r}: return such a value, or declare "
        "the type that the function returns"
    )


# ------------------------------------------------------------------------------------------------------- without parts


def _are(wanted: type) -> Callable[[Column], bool]:
    allowed = {wanted}
    return lambda column: allowed.issuperset(map(type, column))


def _basic(kind: BasicTypeInfo) -> Conversion:
    if kind.basic_type in _WIDTHS:
        return _integer(kind, _WIDTHS[kind.basic_type])
    return _PLAIN[kind.basic_type](kind)


_WIDTHS = {
    BasicType.BYTE: "b",
    BasicType.SHORT: "h",
    BasicType.INT: "i",
    BasicType.LONG: "q",
}
"""The widths of integers, as `array` names them."""


def _integer(kind: BasicTypeInfo, width: str) -> Conversion:
    are_ints = _are(int)

    def fits(column: Column) -> bool:
        if not are_ints(column):
            return False
        try:
            array(width, column)
        except OverflowError:
            return False
        return True

    def of(value: Any) -> int:
        if isinstance(value, str | bytes) or not hasattr(value, "__int__"):
            raise refusal(value, kind)
        number = int(value)
        try:
            array(width, (number,))
        except OverflowError:
            raise ValueError(
                f"{number} does not fit the declared type {kind!r}: declare a wider one"
            ) from None
        return number

    return Conversion(fits, of)


def _accepting(kind: object, made: type, *accepted: type) -> Conversion:
    """Values of `made` pass; those of the accepted types are made one."""

    def of(value: Any) -> Any:
        if isinstance(value, (made, *accepted)):
            return made(value)
        raise refusal(value, kind)

    return Conversion(_are(made), of)


def _decimal(kind: BasicTypeInfo) -> Conversion:
    def of(value: Any) -> Decimal:
        if isinstance(value, Decimal | int | float):
            return Decimal(str(value))
        raise refusal(value, kind)

    return Conversion(_are(Decimal), of)


def _single_precision(kind: BasicTypeInfo) -> Conversion:
    def of(value: Any) -> float:
        if not isinstance(value, float | int):
            raise refusal(value, kind)
        number: float = struct.unpack("f", struct.pack("f", value))[0]
        return number

    return Conversion(lambda column: not column, of)


_PLAIN: dict[BasicType, Callable[[BasicTypeInfo], Conversion]] = {
    BasicType.STRING: lambda kind: _accepting(kind, str),
    BasicType.CHAR: lambda kind: _accepting(kind, str),
    BasicType.BOOLEAN: lambda kind: _accepting(kind, bool, int),
    BasicType.DOUBLE: lambda kind: _accepting(kind, float, int),
    BasicType.FLOAT: _single_precision,
    BasicType.BIG_INT: lambda kind: _accepting(kind, int),
    BasicType.BIG_DEC: _decimal,
    BasicType.INSTANT: lambda kind: Conversion(_are(Instant), _same(Instant, kind)),
}


def _same(wanted: type, kind: object) -> Callable[[Any], Any]:
    def of(value: Any) -> Any:
        if isinstance(value, wanted):
            return value
        raise refusal(value, kind)

    return of


def _date(value: Any) -> date:
    if not isinstance(value, date):
        raise refusal(value, "SQL_DATE")
    return date(value.year, value.month, value.day)


def _time(value: Any) -> time:
    if not isinstance(value, time):
        raise refusal(value, "SQL_TIME")
    return time(value.hour, value.minute, value.second, value.microsecond // 1000 * 1000)


def _timestamp(value: Any) -> datetime:
    if not isinstance(value, datetime):
        raise refusal(value, "SQL_TIMESTAMP")
    return value.replace(microsecond=value.microsecond // 1000 * 1000, tzinfo=None)


_DATES: dict[type, Conversion] = {
    DateTypeInfo: Conversion(_are(date), _date),
    TimeTypeInfo: Conversion(lambda column: not column, _time),
    TimestampTypeInfo: Conversion(lambda column: not column, _timestamp),
}


# ---------------------------------------------------------------------------------------------------------- with parts


def _parts(kinds: Sequence[TypeInformation]) -> list[Conversion | None]:
    return [conversion_of(kind) for kind in kinds]


def _of_part(part: Conversion | None, value: Any) -> Any:
    return value if part is None else part.of(value)


def _of_nullable(part: Conversion | None, value: Any) -> Any:
    return value if part is None or value is None else part.of(value)


def _fit(part: Conversion | None, column: Column) -> bool:
    return part is None or part.fits(column)


def _fit_nullable(part: Conversion | None, column: Column) -> bool:
    if part is None or part.fits(column):
        return True
    return part.fits([value for value in column if value is not None])


def _tuple(kind: TupleTypeInfo) -> Conversion:
    parts, size = _parts(kind.field_types), len(kind.field_types)
    checked = [(index, part.fits) for index, part in enumerate(parts) if part is not None]
    are_tuples, sizes = _are(tuple), {size}

    def fits(column: Column) -> bool:
        if not (are_tuples(column) and sizes.issuperset(map(len, column))):
            return False
        columns = list(zip(*column, strict=False))  # all of one length, as was just seen
        return not columns or all(fit(columns[index]) for index, fit in checked)

    def of(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, tuple):
            raise refusal(value, kind)
        if len(value) != size:
            raise ValueError(f"{value!r} has {len(value)} fields, its declared type {kind!r} has {size}")
        return tuple(map(_of_part, parts, value))

    return Conversion(fits, of)


_FIELDS, _VALUES = attrgetter("_fields"), attrgetter("_values")
_NO_NAMES = frozenset((None,))


def _row(kind: RowTypeInfo) -> Conversion:
    parts, names, size = _parts(kind.field_types), kind.field_names, len(kind.field_types)
    are_rows, sizes, named = _are(Row), {size}, {names}

    def columns_fit(rows: Column) -> bool:
        values = list(map(_VALUES, rows))
        return sizes.issuperset(map(len, values)) and all(
            map(_fit_nullable, parts, zip(*values, strict=False))
        )

    def fits(column: Column) -> bool:
        return are_rows(column) and named.issuperset(map(_FIELDS, column)) and columns_fit(column)

    def quickly(values: list[Any]) -> list[Any] | None:
        is_positional = are_rows(values) and _NO_NAMES.issuperset(map(_FIELDS, values))
        return [row_named(names, row) for row in values] if is_positional and columns_fit(values) else None

    def of(value: Any) -> Row:
        if not isinstance(value, Row):
            raise refusal(value, kind)
        fields = value._fields
        missing = [name for name in names if fields is not None and name not in fields]
        if missing:
            raise ValueError(f"{value!r} has no field {missing[0]!r}, which its declared type {kind!r} has")
        values = value.get_fields_by_names(names)
        if len(values) != size:
            raise ValueError(f"{value!r} has {len(values)} fields, its declared type {kind!r} has {size}")
        row = Row.of_kind(value.get_row_kind(), *map(_of_nullable, parts, values))
        row.set_field_names(names)
        return row

    return Conversion(fits, of, quickly)


def _map(kind: MapTypeInfo) -> Conversion:
    keys, items = conversion_of(kind.key_type), conversion_of(kind.value_type)
    are_dicts = _are(dict)

    def fits(column: Column) -> bool:
        if not are_dicts(column):
            return False
        return (keys is None or keys.fits(list(chain.from_iterable(column)))) and _fit_nullable(
            items, list(chain.from_iterable(map(dict.values, column)))
        )

    def of(value: Any) -> dict[Any, Any]:
        if not isinstance(value, dict):
            raise refusal(value, kind)
        return {_of_part(keys, key): _of_nullable(items, item) for key, item in value.items()}

    return Conversion(fits, of)


def _list(
    kind: ListTypeInfo | ObjectArrayTypeInfo | BasicArrayTypeInfo | PrimitiveArrayTypeInfo,
) -> Conversion:
    if isinstance(kind, PrimitiveArrayTypeInfo):
        if kind.element_type == BasicTypeInfo.BYTE_TYPE_INFO():
            return _accepting(kind, bytes, bytearray, memoryview)
        element, of_one, fit = conversion_of(kind.element_type), _of_part, _fit
    else:
        element, of_one, fit = conversion_of(kind.element_type), _of_nullable, _fit_nullable
    are_lists = _are(list)

    def fits(column: Column) -> bool:
        return are_lists(column) and fit(element, list(chain.from_iterable(column)))

    def of(value: Any) -> list[Any]:
        if not isinstance(value, list):
            raise refusal(value, kind)
        return [of_one(element, item) for item in value]

    return Conversion(fits, of)
