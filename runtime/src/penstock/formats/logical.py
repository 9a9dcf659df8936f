"""Logical types as tables have them (PyFlink's `DataTypes`), for formats that write a schema: CSV, Parquet, ORC.

Re-exported by `penstock.table`. `declared_type` says which type of the DataStream API carries each. Values only:
nothing here imports Arrow or converts a record.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Self

from penstock.common.typeinfo import TypeInformation, Types


@dataclass(frozen=True)
class DataType:
    """A logical type; NULL is allowed unless said otherwise."""

    is_nullable: bool = True

    def nullable(self) -> Self:
        """The same type, taking NULL."""
        return replace(self, is_nullable=True)

    def not_null(self) -> Self:
        """The same type, refusing NULL."""
        return replace(self, is_nullable=False)

    @classmethod
    def type_name(cls) -> str:
        """The name without `Type`, in lower case."""
        return cls.__name__.removesuffix("Type").lower()


@dataclass(frozen=True)
class AtomicType(DataType):
    """A type without parts."""


@dataclass(frozen=True)
class NumericType(AtomicType):
    """A number."""


@dataclass(frozen=True)
class TinyIntType(NumericType):
    """8 bits."""


@dataclass(frozen=True)
class SmallIntType(NumericType):
    """16 bits."""


@dataclass(frozen=True)
class IntType(NumericType):
    """32 bits."""


@dataclass(frozen=True)
class BigIntType(NumericType):
    """64 bits."""


@dataclass(frozen=True)
class FloatType(NumericType):
    """4 bytes of floating point."""


@dataclass(frozen=True)
class DoubleType(NumericType):
    """8 bytes of floating point."""


@dataclass(frozen=True)
class DecimalType(NumericType):
    """A decimal number of so many digits, `scale` of them after the point."""

    precision: int = 10
    scale: int = 0


@dataclass(frozen=True)
class BooleanType(AtomicType):
    """True or false."""


@dataclass(frozen=True)
class CharType(AtomicType):
    """Text of a fixed length."""

    length: int = 1


@dataclass(frozen=True)
class VarCharType(AtomicType):
    """Text of at most so many characters."""

    length: int = 0x7FFFFFFF


@dataclass(frozen=True)
class BinaryType(AtomicType):
    """Bytes of a fixed length."""

    length: int = 1


@dataclass(frozen=True)
class VarBinaryType(AtomicType):
    """At most so many bytes."""

    length: int = 0x7FFFFFFF


@dataclass(frozen=True)
class DateType(AtomicType):
    """A date."""


@dataclass(frozen=True)
class TimeType(AtomicType):
    """A time of day."""

    precision: int = 0


@dataclass(frozen=True)
class TimestampType(AtomicType):
    """A date and time without a zone."""

    precision: int = 6


@dataclass(frozen=True)
class LocalZonedTimestampType(AtomicType):
    """A point in time."""

    precision: int = 6


@dataclass(frozen=True)
class ArrayType(DataType):
    """Elements of one type."""

    element_type: DataType = DataType()


@dataclass(frozen=True)
class MapType(DataType):
    """Keys to values."""

    key_type: DataType = DataType()
    value_type: DataType = DataType()


@dataclass(frozen=True)
class RowField:
    """A named part of a row."""

    name: str
    data_type: DataType
    description: str | None = None


@dataclass(frozen=True)
class RowType(DataType):
    """Named fields."""

    fields: tuple[RowField, ...] = ()

    def field_names(self) -> list[str]:
        """The names, in order."""
        return [field.name for field in self.fields]

    def field_types(self) -> list[DataType]:
        """The types, in order."""
        return [field.data_type for field in self.fields]


class DataTypes:
    """Makes logical types."""

    @staticmethod
    def CHAR(length: int, nullable: bool = True) -> CharType:
        """Text of a fixed length."""
        return CharType(nullable, length)

    @staticmethod
    def VARCHAR(length: int, nullable: bool = True) -> VarCharType:
        """Text of at most so many characters."""
        return VarCharType(nullable, length)

    @staticmethod
    def STRING(nullable: bool = True) -> VarCharType:
        """Text."""
        return VarCharType(nullable)

    @staticmethod
    def BOOLEAN(nullable: bool = True) -> BooleanType:
        """True or false."""
        return BooleanType(nullable)

    @staticmethod
    def BINARY(length: int, nullable: bool = True) -> BinaryType:
        """Bytes of a fixed length."""
        return BinaryType(nullable, length)

    @staticmethod
    def VARBINARY(length: int, nullable: bool = True) -> VarBinaryType:
        """At most so many bytes."""
        return VarBinaryType(nullable, length)

    @staticmethod
    def BYTES(nullable: bool = True) -> VarBinaryType:
        """Bytes."""
        return VarBinaryType(nullable)

    @staticmethod
    def DECIMAL(precision: int, scale: int, nullable: bool = True) -> DecimalType:
        """A decimal number."""
        return DecimalType(nullable, precision, scale)

    @staticmethod
    def TINYINT(nullable: bool = True) -> TinyIntType:
        """8 bits."""
        return TinyIntType(nullable)

    @staticmethod
    def SMALLINT(nullable: bool = True) -> SmallIntType:
        """16 bits."""
        return SmallIntType(nullable)

    @staticmethod
    def INT(nullable: bool = True) -> IntType:
        """32 bits."""
        return IntType(nullable)

    @staticmethod
    def BIGINT(nullable: bool = True) -> BigIntType:
        """64 bits."""
        return BigIntType(nullable)

    @staticmethod
    def FLOAT(nullable: bool = True) -> FloatType:
        """4 bytes of floating point."""
        return FloatType(nullable)

    @staticmethod
    def DOUBLE(nullable: bool = True) -> DoubleType:
        """8 bytes of floating point."""
        return DoubleType(nullable)

    @staticmethod
    def DATE(nullable: bool = True) -> DateType:
        """A date."""
        return DateType(nullable)

    @staticmethod
    def TIME(precision: int = 0, nullable: bool = True) -> TimeType:
        """A time of day."""
        return TimeType(nullable, precision)

    @staticmethod
    def TIMESTAMP(precision: int = 6, nullable: bool = True) -> TimestampType:
        """A date and time without a zone."""
        return TimestampType(nullable, precision)

    @staticmethod
    def TIMESTAMP_LTZ(precision: int = 6, nullable: bool = True) -> LocalZonedTimestampType:
        """A point in time."""
        return LocalZonedTimestampType(nullable, precision)

    @staticmethod
    def TIMESTAMP_WITH_LOCAL_TIME_ZONE(precision: int = 6, nullable: bool = True) -> LocalZonedTimestampType:
        """A point in time."""
        return LocalZonedTimestampType(nullable, precision)

    @staticmethod
    def ARRAY(element_type: DataType, nullable: bool = True) -> ArrayType:
        """Elements of one type."""
        return ArrayType(nullable, element_type)

    @staticmethod
    def MAP(key_type: DataType, value_type: DataType, nullable: bool = True) -> MapType:
        """Keys to values."""
        return MapType(nullable, key_type, value_type)

    @staticmethod
    def FIELD(name: str, data_type: DataType, description: str | None = None) -> RowField:
        """A field of a row."""
        return RowField(name, data_type, description)

    @staticmethod
    def ROW(row_fields: Sequence[RowField] = (), nullable: bool = True) -> RowType:
        """A row of these fields."""
        return RowType(nullable, tuple(row_fields))


_BASIC: dict[type[DataType], Callable[[], TypeInformation]] = {
    TinyIntType: Types.BYTE,
    SmallIntType: Types.SHORT,
    IntType: Types.INT,
    BigIntType: Types.LONG,
    FloatType: Types.FLOAT,
    DoubleType: Types.DOUBLE,
    DecimalType: Types.BIG_DEC,
    BooleanType: Types.BOOLEAN,
    CharType: Types.STRING,
    VarCharType: Types.STRING,
    DateType: Types.SQL_DATE,
    TimeType: Types.SQL_TIME,
    TimestampType: Types.SQL_TIMESTAMP,
    LocalZonedTimestampType: Types.INSTANT,
}


def declared_type(data_type: DataType) -> TypeInformation:
    """The DataStream API's type for values of this logical type."""
    make = _BASIC.get(type(data_type))
    if make is not None:
        return make()
    if isinstance(data_type, BinaryType | VarBinaryType):
        return Types.PRIMITIVE_ARRAY(Types.BYTE())
    if isinstance(data_type, ArrayType):
        return Types.LIST(declared_type(data_type.element_type))
    if isinstance(data_type, MapType):
        return Types.MAP(declared_type(data_type.key_type), declared_type(data_type.value_type))
    if isinstance(data_type, RowType):
        types = [declared_type(one) for one in data_type.field_types()]
        return Types.ROW_NAMED(data_type.field_names(), types)
    raise TypeError(f"{data_type!r} is not a type that formats write: use one of DataTypes")
