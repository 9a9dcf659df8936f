"""Converters between plain values (of JSON, CSV text, dicts) and records of a declared type.

Used by the JSON, CSV and Avro formats. A converter is compiled once for a type and called for each record. A
value that does not fit raises `BadValue`, which names the field; nothing is guessed beyond what Flink's
formats accept.
"""

import base64
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from penstock.common.time import Instant
from penstock.common.typeinfo import (
    BasicArrayTypeInfo,
    BasicType,
    BasicTypeInfo,
    ListTypeInfo,
    MapTypeInfo,
    ObjectArrayTypeInfo,
    PickledBytesTypeInfo,
    PrimitiveArrayTypeInfo,
    RowTypeInfo,
    TupleTypeInfo,
    TypeInformation,
    Types,
)
from penstock.common.types import Row, RowKind

Convert = Callable[[Any], Any]
_ARRAYS = (ListTypeInfo, ObjectArrayTypeInfo, BasicArrayTypeInfo, PrimitiveArrayTypeInfo)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_INTEGERS = {
    BasicType.BYTE: 8,
    BasicType.SHORT: 16,
    BasicType.INT: 32,
    BasicType.LONG: 64,
}


_TAKEN: dict[BasicType, type] = {
    BasicType.STRING: str,
    BasicType.BOOLEAN: bool,
    BasicType.DOUBLE: float,
    BasicType.BIG_INT: int,
    BasicType.BIG_DEC: Decimal,
}
# Straight into the slots: Row refuses changes by attribute, and its constructor sorts out ways to be called.
_SET_FIELDS = Row.__dict__["_fields"].__set__
_SET_VALUES = Row.__dict__["_values"].__set__
_SET_KIND = Row.__dict__["_kind"].__set__


class BadValue(ValueError):
    """A value that does not fit its declared type; the message names the field."""


def is_bytes(declared: TypeInformation) -> bool:
    """Whether the type is an array of bytes, which records hold as `bytes`."""
    return isinstance(declared, PrimitiveArrayTypeInfo) and declared.element_type == Types.BYTE()


def holds_decimals(declared: TypeInformation) -> bool:
    """Whether decimals are anywhere in the type."""
    if isinstance(declared, RowTypeInfo | TupleTypeInfo):
        return any(holds_decimals(one) for one in declared.get_field_types())
    if isinstance(declared, MapTypeInfo):
        return holds_decimals(declared.value_type)
    if isinstance(declared, _ARRAYS):
        return holds_decimals(declared.element_type)
    return bool(declared == Types.BIG_DEC())


def reader(declared: TypeInformation, is_strict: bool = False, is_lenient: bool = False) -> Convert:
    """Plain value → record. `is_strict`: a missing field of a row is an error; `is_lenient`: a bad one is None."""
    if isinstance(declared, RowTypeInfo):
        return _row_reader(declared, is_strict, is_lenient)
    convert = _value_reader(declared, is_strict, is_lenient)
    if not is_lenient:
        return lambda value: None if value is None else convert(value)

    def forgiving(value: Any) -> Any:
        try:
            return None if value is None else convert(value)
        except BadValue:
            return None

    return forgiving


def writer(declared: TypeInformation) -> Convert:
    """Record → plain value that JSON can hold."""
    if isinstance(declared, RowTypeInfo):
        return _row_writer(declared)
    convert = _value_writer(declared)
    return lambda value: None if value is None else convert(value)


def named_row(names: tuple[str, ...], values: Sequence[Any]) -> Row:
    """A row with named fields; takes a list as it is. Three times as fast as the constructor: formats live by it."""
    row = Row.__new__(Row)
    _SET_FIELDS(row, names)
    _SET_VALUES(row, values if isinstance(values, list) else list(values))
    _SET_KIND(row, RowKind.INSERT)
    return row


def row_values(element: Any, names: Sequence[str]) -> Sequence[Any]:
    """The fields of a record in the declared order: a Row or a tuple by position, a dict by name."""
    if isinstance(element, Mapping):
        return [element.get(name) for name in names]
    if isinstance(element, Row | tuple | list):
        if len(element) != len(names):
            raise BadValue(
                f"a record of {len(element)} fields where the type declares {len(names)}: {element!r}"
            )
        return list(element)
    raise BadValue(f"a {type(element).__name__} where a Row of {', '.join(names)} is declared: {element!r}")


def _row_reader(declared: RowTypeInfo, is_strict: bool, is_lenient: bool) -> Convert:
    names = tuple(declared.get_field_names())
    fields = [
        (name, _exact(one), reader(one, is_strict, is_lenient))
        for name, one in zip(names, declared.get_field_types(), strict=True)
    ]

    def convert(value: Any) -> Any:
        if value is None:
            return None
        if type(value) is not dict and not isinstance(value, Mapping):
            raise BadValue(f"expected an object with the fields {', '.join(names)}, found {_shown(value)}")
        if is_strict:
            missing = [name for name in names if name not in value]
            if missing:
                raise BadValue(f"field {missing[0]!r} is missing")
        found: list[Any] = []
        get, add = value.get, found.append
        for name, exact, read in fields:
            field = get(name)
            if type(field) is exact:
                add(field)
                continue
            try:
                add(read(field))
            except BadValue as error:
                raise BadValue(f"field {name!r}: {error}") from None
        return named_row(names, found)

    return convert


def _exact(declared: TypeInformation) -> type | None:
    """The Python type whose values are taken without a look; None if each must be looked at."""
    if not isinstance(declared, BasicTypeInfo):
        return None
    return _TAKEN.get(declared.basic_type)


def _value_reader(declared: TypeInformation, is_strict: bool, is_lenient: bool) -> Convert:
    if isinstance(declared, BasicTypeInfo):
        return _basic_reader(declared.basic_type)
    for moment, read in _MOMENTS:
        if declared == moment:
            return read
    if is_bytes(declared):
        return _read_bytes
    if isinstance(declared, _ARRAYS):
        element = reader(declared.element_type, is_strict, is_lenient)
        return lambda value: [element(one) for one in _sequence(value)]
    if isinstance(declared, MapTypeInfo):
        key = reader(declared.key_type, is_strict, is_lenient)
        item = reader(declared.value_type, is_strict, is_lenient)
        return lambda value: {key(name): item(one) for name, one in _mapping(value).items()}
    if isinstance(declared, TupleTypeInfo):
        parts = [reader(one, is_strict, is_lenient) for one in declared.field_types]
        return lambda value: _tuple(value, parts)
    if isinstance(declared, PickledBytesTypeInfo):
        return lambda value: value
    raise TypeError(f"formats read no {declared!r}: declare the field with one of Types")


def _basic_reader(kind: BasicType) -> Convert:
    if kind in _INTEGERS:
        limit = 1 << (_INTEGERS[kind] - 1)
        return lambda value: (
            value if type(value) is int and -limit <= value < limit else _read_integer(value, limit)
        )
    return {
        BasicType.STRING: _read_text,
        BasicType.CHAR: _read_text,
        BasicType.BOOLEAN: _read_boolean,
        BasicType.FLOAT: _read_float,
        BasicType.DOUBLE: _read_float,
        BasicType.BIG_INT: lambda value: _read_integer(value, None),
        BasicType.BIG_DEC: _read_decimal,
        BasicType.INSTANT: _read_instant,
    }[kind]


def _read_integer(value: Any, limit: int | None) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        raise BadValue(f"expected a whole number, found {_shown(value)}")
    try:
        number = int(value)
        if not isinstance(value, str) and number != value:
            raise BadValue(f"expected a whole number, found {_shown(value)}")
    except (ValueError, OverflowError) as error:
        raise BadValue(f"expected a whole number, found {_shown(value)}") from error
    if limit is not None and not -limit <= number < limit:
        raise BadValue(f"{number} does not fit into {limit.bit_length()} bits")
    return number


def _read_float(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        raise BadValue(f"expected a number, found {_shown(value)}")
    try:
        return float(value)
    except ValueError as error:
        raise BadValue(f"expected a number, found {_shown(value)}") from error


def _read_decimal(value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        raise BadValue(f"expected a decimal number, found {_shown(value)}")
    try:
        return Decimal(str(value))
    except InvalidOperation as error:
        raise BadValue(f"expected a decimal number, found {_shown(value)}") from error


def _read_boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip().lower() in ("true", "false"):
        return value.strip().lower() == "true"
    raise BadValue(f"expected true or false, found {_shown(value)}")


def _read_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float | Decimal):
        return str(value)
    raise BadValue(f"expected text, found {_shown(value)}")


def _read_bytes(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    try:
        return base64.b64decode(value, validate=True)
    except (TypeError, ValueError) as error:
        raise BadValue(f"expected bytes in base64, found {_shown(value)}") from error


def _read_date(value: Any) -> date:
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise BadValue(f"expected a date like 2026-11-21, found {_shown(value)}") from error


def _read_time(value: Any) -> time:
    if isinstance(value, time):
        return value
    try:
        return time.fromisoformat(value).replace(tzinfo=None)
    except (TypeError, ValueError) as error:
        raise BadValue(f"expected a time of day like 12:30:00Z, found {_shown(value)}") from error


def _read_timestamp(value: Any) -> datetime:
    found = _read_datetime(value)
    return found if found.tzinfo is None else found.astimezone(UTC).replace(tzinfo=None)


def _read_instant(value: Any) -> Instant:
    if isinstance(value, Instant):
        return value
    found = _read_datetime(value)
    moment = found.replace(tzinfo=UTC) if found.tzinfo is None else found
    past = moment - _EPOCH
    return Instant(past.days * 86_400 + past.seconds, past.microseconds * 1000)


def _read_datetime(value: Any) -> datetime:
    if isinstance(value, datetime):
        return value
    try:
        return datetime.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise BadValue(f"expected a time like 2026-11-21T12:30:00Z, found {_shown(value)}") from error


_MOMENTS: tuple[tuple[TypeInformation, Convert], ...] = (
    (Types.SQL_DATE(), _read_date),
    (Types.SQL_TIME(), _read_time),
    (Types.SQL_TIMESTAMP(), _read_timestamp),
)


def _sequence(value: Any) -> Sequence[Any]:
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return value
    raise BadValue(f"expected an array, found {_shown(value)}")


def _mapping(value: Any) -> Mapping[Any, Any]:
    if isinstance(value, Mapping):
        return value
    raise BadValue(f"expected an object, found {_shown(value)}")


def _tuple(value: Any, parts: Sequence[Convert]) -> tuple[Any, ...]:
    found = _sequence(value)
    if len(found) != len(parts):
        raise BadValue(f"expected {len(parts)} elements, found {len(found)}")
    return tuple(read(one) for read, one in zip(parts, found, strict=True))


def _row_writer(declared: RowTypeInfo) -> Convert:
    names = tuple(declared.get_field_names())
    fields = [writer(one) for one in declared.get_field_types()]

    def convert(element: Any) -> Any:
        if element is None:
            return None
        plain: dict[str, Any] = {}
        for name, write, value in zip(names, fields, row_values(element, names), strict=True):
            try:
                plain[name] = write(value)
            except (BadValue, TypeError, ValueError, AttributeError) as error:
                raise BadValue(f"field {name!r}: {error}") from None
        return plain

    return convert


def _value_writer(declared: TypeInformation) -> Convert:
    if isinstance(declared, BasicTypeInfo) and declared.basic_type is not BasicType.INSTANT:
        return _basic_reader(declared.basic_type)
    if isinstance(declared, BasicTypeInfo) or any(declared == moment for moment, _ in _MOMENTS):
        return _write_moment
    if is_bytes(declared):
        return lambda value: base64.b64encode(value).decode()
    if isinstance(declared, _ARRAYS):
        element = writer(declared.element_type)
        return lambda value: [element(one) for one in _sequence(value)]
    if isinstance(declared, MapTypeInfo):
        key, item = writer(declared.key_type), writer(declared.value_type)
        return lambda value: {key(name): item(one) for name, one in _mapping(value).items()}
    if isinstance(declared, TupleTypeInfo):
        parts = [writer(one) for one in declared.field_types]
        return lambda value: list(_tuple(value, parts))
    if isinstance(declared, PickledBytesTypeInfo):
        return lambda value: value
    raise TypeError(f"formats write no {declared!r}: declare the field with one of Types")


def _write_moment(value: Any) -> str:
    """A date, a time of day with Z, or RFC 3339 in UTC, as Flink's JSON schema writes them."""
    if isinstance(value, Instant):
        value = _EPOCH + timedelta(seconds=value.seconds, microseconds=value.nanos // 1000)
    if isinstance(value, datetime):
        moment = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
        return moment.isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, time):
        return f"{value.replace(tzinfo=None).isoformat()}Z"
    raise BadValue(f"expected a date or time, found {_shown(value)}")


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
