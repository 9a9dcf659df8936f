"""Type declarations of the public API, in PyFlink's shape.

A declared type changes nothing about a Python object in flight; it says how values print and how formats write them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from penstock.common.composite_types import RowTypeInfo, TupleTypeInfo
from penstock.common.time import Instant
from penstock.common.type_information import (
    DateTypeInfo,
    SqlTimeTypeInfo,
    TimestampTypeInfo,
    TimeTypeInfo,
    TypeInformation,
)

__all__ = [
    "BasicArrayTypeInfo",
    "BasicType",
    "BasicTypeInfo",
    "DateTypeInfo",
    "ExternalTypeInfo",
    "InstantTypeInfo",
    "ListTypeInfo",
    "LocalTimeTypeInfo",
    "MapTypeInfo",
    "ObjectArrayTypeInfo",
    "PickledBytesTypeInfo",
    "PrimitiveArrayTypeInfo",
    "RowTypeInfo",
    "SqlTimeTypeInfo",
    "TimeTypeInfo",
    "TimestampTypeInfo",
    "TupleTypeInfo",
    "TypeInformation",
    "Types",
]


class BasicType(Enum):
    """The types without parts."""

    STRING = "String"
    BYTE = "Byte"
    BOOLEAN = "Boolean"
    SHORT = "Short"
    INT = "Integer"
    LONG = "Long"
    FLOAT = "Float"
    DOUBLE = "Double"
    CHAR = "Char"
    BIG_INT = "BigInteger"
    BIG_DEC = "BigDecimal"
    INSTANT = "Instant"


@dataclass(frozen=True, repr=False)
class BasicTypeInfo(TypeInformation):
    """A basic type."""

    basic_type: BasicType

    def __repr__(self) -> str:
        return self.basic_type.value

    @staticmethod
    def STRING_TYPE_INFO() -> "BasicTypeInfo":
        """The same as `Types.STRING()`."""
        return BasicTypeInfo(BasicType.STRING)

    @staticmethod
    def BOOLEAN_TYPE_INFO() -> "BasicTypeInfo":
        """The same as `Types.BOOLEAN()`."""
        return BasicTypeInfo(BasicType.BOOLEAN)

    @staticmethod
    def BYTE_TYPE_INFO() -> "BasicTypeInfo":
        """The same as `Types.BYTE()`."""
        return BasicTypeInfo(BasicType.BYTE)

    @staticmethod
    def SHORT_TYPE_INFO() -> "BasicTypeInfo":
        """The same as `Types.SHORT()`."""
        return BasicTypeInfo(BasicType.SHORT)

    @staticmethod
    def INT_TYPE_INFO() -> "BasicTypeInfo":
        """The same as `Types.INT()`."""
        return BasicTypeInfo(BasicType.INT)

    @staticmethod
    def LONG_TYPE_INFO() -> "BasicTypeInfo":
        """The same as `Types.LONG()`."""
        return BasicTypeInfo(BasicType.LONG)

    @staticmethod
    def FLOAT_TYPE_INFO() -> "BasicTypeInfo":
        """The same as `Types.FLOAT()`."""
        return BasicTypeInfo(BasicType.FLOAT)

    @staticmethod
    def DOUBLE_TYPE_INFO() -> "BasicTypeInfo":
        """The same as `Types.DOUBLE()`."""
        return BasicTypeInfo(BasicType.DOUBLE)

    @staticmethod
    def CHAR_TYPE_INFO() -> "BasicTypeInfo":
        """The same as `Types.CHAR()`."""
        return BasicTypeInfo(BasicType.CHAR)

    @staticmethod
    def BIG_INT_TYPE_INFO() -> "BasicTypeInfo":
        """The same as `Types.BIG_INT()`."""
        return BasicTypeInfo(BasicType.BIG_INT)

    @staticmethod
    def BIG_DEC_TYPE_INFO() -> "BasicTypeInfo":
        """The same as `Types.BIG_DEC()`."""
        return BasicTypeInfo(BasicType.BIG_DEC)

    @staticmethod
    def INSTANT_TYPE_INFO() -> "InstantTypeInfo":
        """The same as `Types.INSTANT()`."""
        return InstantTypeInfo(BasicType.INSTANT)


@dataclass(frozen=True, repr=False)
class InstantTypeInfo(BasicTypeInfo):
    """An Instant; internally microseconds since the epoch."""

    basic_type: BasicType = BasicType.INSTANT

    def need_conversion(self) -> bool:
        """Always."""
        return True

    def to_internal_type(self, obj: Instant | None) -> int | None:
        """Microseconds since the epoch."""
        return None if obj is None else obj.to_epoch_milli() * 1000

    def from_internal_type(self, obj: int | None) -> Instant | None:
        """The instant of so many microseconds since the epoch."""
        return None if obj is None else Instant.of_epoch_milli(obj // 1000)


@dataclass(frozen=True)
class PickledBytesTypeInfo(TypeInformation):
    """Any Python object: the type of a stream that declares none."""

    def __repr__(self) -> str:
        return "PickledByteArrayTypeInfo"


_PRIMITIVE = (
    BasicType.BOOLEAN,
    BasicType.BYTE,
    BasicType.SHORT,
    BasicType.INT,
    BasicType.LONG,
    BasicType.FLOAT,
    BasicType.DOUBLE,
    BasicType.CHAR,
)


def _check_element(array: "_Elements", allowed: tuple[BasicType, ...]) -> None:
    element = array.element_type
    if not isinstance(element, BasicTypeInfo) or element.basic_type not in allowed:
        raise TypeError(
            f"{array!r}: no such array; use Types.OBJECT_ARRAY({element!r}) or Types.LIST({element!r})"
        )


@dataclass(frozen=True)
class _Elements(TypeInformation):
    element_type: TypeInformation

    def __repr__(self) -> str:
        return f"{type(self).__name__}<{self.element_type!r}>"


@dataclass(frozen=True, repr=False)
class PrimitiveArrayTypeInfo(_Elements):
    """An array of numbers, truth values or characters."""

    def __post_init__(self) -> None:
        _check_element(self, _PRIMITIVE)


@dataclass(frozen=True, repr=False)
class BasicArrayTypeInfo(_Elements):
    """An array of numbers, truth values, characters or strings, which may be null."""

    def __post_init__(self) -> None:
        _check_element(self, (*_PRIMITIVE, BasicType.STRING))


@dataclass(frozen=True, repr=False)
class ObjectArrayTypeInfo(_Elements):
    """An array of anything."""


@dataclass(frozen=True, repr=False)
class ListTypeInfo(_Elements):
    """A list."""


@dataclass(frozen=True, repr=False)
class MapTypeInfo(TypeInformation):
    """A map."""

    key_type: TypeInformation
    value_type: TypeInformation

    def __repr__(self) -> str:
        return f"MapTypeInfo<{self.key_type!r}, {self.value_type!r}>"


@dataclass(frozen=True, repr=False)
class LocalTimeTypeInfo(TypeInformation):
    """A local date, time or date-time."""

    class TimeType(Enum):
        """Which of them."""

        LOCAL_DATE = 0
        LOCAL_TIME = 1
        LOCAL_DATE_TIME = 2

    time_type: TimeType

    def __repr__(self) -> str:
        return f"LocalTimeTypeInfo<{self.time_type.name}>"


@dataclass(frozen=True, repr=False)
class ExternalTypeInfo(TypeInformation):
    """Another type, where a table hands its records out."""

    type_info: TypeInformation

    def __repr__(self) -> str:
        return f"ExternalTypeInfo<{self.type_info!r}>"


class Types:
    """Makes type declarations."""

    @staticmethod
    def STRING() -> TypeInformation:
        """String."""
        return BasicTypeInfo(BasicType.STRING)

    @staticmethod
    def BYTE() -> TypeInformation:
        """Byte."""
        return BasicTypeInfo(BasicType.BYTE)

    @staticmethod
    def BOOLEAN() -> TypeInformation:
        """Boolean."""
        return BasicTypeInfo(BasicType.BOOLEAN)

    @staticmethod
    def SHORT() -> TypeInformation:
        """Short."""
        return BasicTypeInfo(BasicType.SHORT)

    @staticmethod
    def INT() -> TypeInformation:
        """Int."""
        return BasicTypeInfo(BasicType.INT)

    @staticmethod
    def LONG() -> TypeInformation:
        """Long."""
        return BasicTypeInfo(BasicType.LONG)

    @staticmethod
    def FLOAT() -> TypeInformation:
        """Float."""
        return BasicTypeInfo(BasicType.FLOAT)

    @staticmethod
    def DOUBLE() -> TypeInformation:
        """Double."""
        return BasicTypeInfo(BasicType.DOUBLE)

    @staticmethod
    def CHAR() -> TypeInformation:
        """Char."""
        return BasicTypeInfo(BasicType.CHAR)

    @staticmethod
    def BIG_INT() -> TypeInformation:
        """Big int."""
        return BasicTypeInfo(BasicType.BIG_INT)

    @staticmethod
    def BIG_DEC() -> TypeInformation:
        """Big dec."""
        return BasicTypeInfo(BasicType.BIG_DEC)

    @staticmethod
    def INSTANT() -> TypeInformation:
        """Instant."""
        return InstantTypeInfo(BasicType.INSTANT)

    @staticmethod
    def SQL_DATE() -> TypeInformation:
        """SQL date."""
        return SqlTimeTypeInfo.DATE()

    @staticmethod
    def SQL_TIME() -> TypeInformation:
        """SQL time."""
        return SqlTimeTypeInfo.TIME()

    @staticmethod
    def SQL_TIMESTAMP() -> TypeInformation:
        """SQL timestamp."""
        return SqlTimeTypeInfo.TIMESTAMP()

    @staticmethod
    def PRIMITIVE_ARRAY(element_type: TypeInformation) -> TypeInformation:
        """An array."""
        return PrimitiveArrayTypeInfo(element_type)

    @staticmethod
    def BASIC_ARRAY(element_type: TypeInformation) -> TypeInformation:
        """An array."""
        return BasicArrayTypeInfo(element_type)

    @staticmethod
    def OBJECT_ARRAY(element_type: TypeInformation) -> TypeInformation:
        """An array."""
        return ObjectArrayTypeInfo(element_type)

    @staticmethod
    def LIST(element_type_info: TypeInformation) -> TypeInformation:
        """A list."""
        return ListTypeInfo(element_type_info)

    @staticmethod
    def MAP(key_type_info: TypeInformation, value_type_info: TypeInformation) -> TypeInformation:
        """A map."""
        return MapTypeInfo(key_type_info, value_type_info)

    @staticmethod
    def TUPLE(field_types: Sequence[TypeInformation]) -> TypeInformation:
        """A tuple."""
        return TupleTypeInfo(tuple(field_types))

    @staticmethod
    def ROW(field_types: Sequence[TypeInformation]) -> TypeInformation:
        """A row with fields f0, f1 and so on."""
        return RowTypeInfo(tuple(field_types))

    @staticmethod
    def ROW_NAMED(field_names: Sequence[str], field_types: Sequence[TypeInformation]) -> TypeInformation:
        """A row with named fields."""
        return RowTypeInfo(tuple(field_types), tuple(field_names))

    @staticmethod
    def PICKLED_BYTE_ARRAY() -> TypeInformation:
        """Any Python object."""
        return PickledBytesTypeInfo()
