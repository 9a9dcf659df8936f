"""Values of a declared type as Flink writes them: the text of Java's classes. Used by the print sink and by text files. Pure."""

import struct
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

from penstock.common.typeinfo import (
    BasicType,
    BasicTypeInfo,
    ListTypeInfo,
    MapTypeInfo,
    PickledBytesTypeInfo,
    RowTypeInfo,
    TupleTypeInfo,
    TypeInformation,
)
from penstock.common.types import Row

Text = Callable[[Any], str]


def text_of(kind: TypeInformation | None) -> Text:
    """How records of that type are written: Python's `str` where none is declared, FLOAT with the digits of 32 bits."""
    if kind is None or isinstance(kind, PickledBytesTypeInfo):
        return str
    return _text_of(kind) if _holds_float(kind) else java_text


def printed_text_of(kind: TypeInformation | None) -> Text:
    """How `print()` writes records of that type: as `text_of`, but the fields of a row with Python's `str`, as PyFlink does."""
    return _printed_row if isinstance(kind, RowTypeInfo) else text_of(kind)


def _printed_row(value: Any) -> str:
    return f"{value.get_row_kind()}[{','.join(map(str, value))}]" if isinstance(value, Row) else str(value)


def _parts(kind: TypeInformation) -> tuple[TypeInformation, ...]:
    if isinstance(kind, RowTypeInfo | TupleTypeInfo):
        return kind.field_types
    if isinstance(kind, MapTypeInfo):
        return kind.key_type, kind.value_type
    return (kind.element_type,) if isinstance(kind, ListTypeInfo) else ()


def _holds_float(kind: TypeInformation) -> bool:
    is_float = isinstance(kind, BasicTypeInfo) and kind.basic_type is BasicType.FLOAT
    return is_float or any(map(_holds_float, _parts(kind)))


def _text_of(kind: TypeInformation) -> Text:
    texts = [_text_of(part) if _holds_float(part) else java_text for part in _parts(kind)]
    if isinstance(kind, BasicTypeInfo):
        return _java_float
    if isinstance(kind, ListTypeInfo):
        return _unless_none(lambda value: f"[{', '.join(map(texts[0], value))}]")
    if isinstance(kind, MapTypeInfo):
        key, item = texts
        return _unless_none(
            lambda value: "{" + ", ".join(f"{key(k)}={item(v)}" for k, v in value.items()) + "}"
        )
    return _unless_none(lambda value: _fields_text(value, texts))


def _fields_text(value: Any, texts: list[Text]) -> str:
    if len(value) != len(texts):
        return java_text(value)
    fields = ["null" if field is None else text(field) for text, field in zip(texts, value, strict=True)]
    return (
        f"{value.get_row_kind()}[{', '.join(fields)}]" if isinstance(value, Row) else f"({','.join(fields)})"
    )


def _unless_none(text: Text) -> Text:
    return lambda value: str(value) if value is None else text(value)


def _java_float(value: Any) -> str:
    """As Float.toString: the fewest digits that read back as the same 32 bits."""
    if not isinstance(value, float):
        return java_text(value)
    packed = struct.pack("f", value)
    (short,) = struct.unpack("f", packed)
    if short != short or short in (float("inf"), float("-inf")):
        return _java_double(short)
    shortest = next(
        text for digits in range(1, 10) if struct.pack("f", float(text := f"{value:.{digits}g}")) == packed
    )
    return _java_double(float(shortest))


def java_text(value: Any) -> str:
    """The text of a declared value as Flink prints it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _java_double(value)
    if isinstance(value, Row):
        return f"{value.get_row_kind()}[{', '.join(map(_part, value))}]"
    if isinstance(value, tuple):
        return f"({','.join(map(_part, value))})"
    if isinstance(value, list):
        return f"[{', '.join(map(_part, value))}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_part(k)}={_part(v)}" for k, v in value.items()) + "}"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}.{f'{value.microsecond:06d}'.rstrip('0') or '0'}"
    return str(value)


def _part(value: Any) -> str:
    return "null" if value is None else java_text(value)


def _java_double(value: float) -> str:
    """As Double.toString: plain from 0.001 up to 10 million, else a mantissa with one digit before the point."""
    if value != value or value in (float("inf"), float("-inf")):
        return {float("inf"): "Infinity", float("-inf"): "-Infinity"}.get(value, "NaN")
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        text = format(Decimal(repr(value)), "f")
        return text if "." in text else text + ".0"
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    power = len(digits) - 1 + int(exponent)
    fraction = "".join(map(str, digits[1:])) or "0"
    return f"{'-' if sign else ''}{digits[0]}.{fraction}E{power}"
