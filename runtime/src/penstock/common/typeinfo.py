"""Type declarations of the public API, in PyFlink's shape.

A declared type changes nothing about a Python object in flight; it says how values print and how formats write them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum


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


@dataclass(frozen=True)
class TypeInformation:
    """The type of a stream's records."""


@dataclass(frozen=True)
class BasicTypeInfo(TypeInformation):
    """A basic type."""

    basic_type: BasicType

    def __repr__(self) -> str:
        return self.basic_type.value


@dataclass(frozen=True)
class PickledBytesTypeInfo(TypeInformation):
    """Any Python object: the type of a stream that declares none."""

    def __repr__(self) -> str:
        return "PickledByteArrayTypeInfo"


class SqlTimeType(Enum):
    """The types of date and time."""

    DATE = "SqlDate"
    TIME = "SqlTime"
    TIMESTAMP = "SqlTimestamp"


@dataclass(frozen=True)
class SqlTimeTypeInfo(TypeInformation):
    """A date, a time of day or a timestamp."""

    time_type: SqlTimeType

    def __repr__(self) -> str:
        return self.time_type.value

    @staticmethod
    def DATE() -> "SqlTimeTypeInfo":
        """A date."""
        return SqlTimeTypeInfo(SqlTimeType.DATE)

    @staticmethod
    def TIME() -> "SqlTimeTypeInfo":
        """A time of day."""
        return SqlTimeTypeInfo(SqlTimeType.TIME)

    @staticmethod
    def TIMESTAMP() -> "SqlTimeTypeInfo":
        """A timestamp."""
        return SqlTimeTypeInfo(SqlTimeType.TIMESTAMP)


@dataclass(frozen=True)
class _Elements(TypeInformation):
    element_type: TypeInformation

    def __repr__(self) -> str:
        return f"{type(self).__name__}<{self.element_type!r}>"


@dataclass(frozen=True, repr=False)
class PrimitiveArrayTypeInfo(_Elements):
    """An array of numbers."""


@dataclass(frozen=True, repr=False)
class BasicArrayTypeInfo(_Elements):
    """An array of basic values."""


@dataclass(frozen=True, repr=False)
class ObjectArrayTypeInfo(_Elements):
    """An array of anything."""


@dataclass(frozen=True, repr=False)
class ListTypeInfo(_Elements):
    """A list."""


@dataclass(frozen=True)
class MapTypeInfo(TypeInformation):
    """A map."""

    key_type: TypeInformation
    value_type: TypeInformation

    def __repr__(self) -> str:
        return f"MapTypeInfo<{self.key_type!r}, {self.value_type!r}>"


@dataclass(frozen=True)
class TupleTypeInfo(TypeInformation):
    """A tuple of fixed length."""

    field_types: tuple[TypeInformation, ...]

    def get_field_types(self) -> list[TypeInformation]:
        """The types of the fields, in order."""
        return list(self.field_types)

    def __repr__(self) -> str:
        return f"TupleTypeInfo({', '.join(map(repr, self.field_types))})"


@dataclass(frozen=True)
class RowTypeInfo(TypeInformation):
    """A row; fields are f0, f1, … unless named."""

    field_types: tuple[TypeInformation, ...]
    field_names: tuple[str, ...]

    def get_field_types(self) -> list[TypeInformation]:
        """The types of the fields, in order."""
        return list(self.field_types)

    def get_field_names(self) -> list[str]:
        """The names of the fields, in order."""
        return list(self.field_names)

    def get_field_index(self, field_name: str) -> int:
        """The position of a field; -1 if there is none of that name."""
        return self.field_names.index(field_name) if field_name in self.field_names else -1

    def __repr__(self) -> str:
        named = zip(self.field_names, self.field_types, strict=True)
        return f"RowTypeInfo({', '.join(f'{name}: {kind!r}' for name, kind in named)})"


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
        return BasicTypeInfo(BasicType.INSTANT)

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
        return RowTypeInfo(tuple(field_types), tuple(f"f{i}" for i in range(len(field_types))))

    @staticmethod
    def ROW_NAMED(field_names: Sequence[str], field_types: Sequence[TypeInformation]) -> TypeInformation:
        """A row with named fields."""
        if len(field_names) != len(field_types):
            raise ValueError(f"{len(field_names)} names for {len(field_types)} types of a row")
        return RowTypeInfo(tuple(field_types), tuple(field_names))

    @staticmethod
    def PICKLED_BYTE_ARRAY() -> TypeInformation:
        """Any Python object."""
        return PickledBytesTypeInfo()
