"""Rows in Arrow's columns and back, by logical type. Used by the Parquet and ORC formats.

pyarrow is an extra and costs time and memory: it is imported by `load_pyarrow`, when a file is read or written.
"""

import datetime
from collections.abc import Callable, Sequence
from typing import Any

from penstock.common.time import Instant
from penstock.common.types import Row
from penstock.formats.avro_schema import FormatNotInstalled
from penstock.formats.logical import (
    ArrayType,
    BigIntType,
    BinaryType,
    BooleanType,
    CharType,
    DataType,
    DateType,
    DecimalType,
    DoubleType,
    FloatType,
    IntType,
    LocalZonedTimestampType,
    MapType,
    RowType,
    SmallIntType,
    TimestampType,
    TimeType,
    TinyIntType,
    VarBinaryType,
    VarCharType,
)
from penstock.formats.rows import BadValue, named_row, row_values

Convert = Callable[[Any], Any]
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_SIMPLE: dict[type[DataType], str] = {
    BooleanType: "bool_",
    TinyIntType: "int8",
    SmallIntType: "int16",
    IntType: "int32",
    BigIntType: "int64",
    FloatType: "float32",
    DoubleType: "float64",
    CharType: "string",
    VarCharType: "string",
    BinaryType: "binary",
    VarBinaryType: "binary",
    DateType: "date32",
}


def load_pyarrow(what: str) -> Any:
    """The library, or an error that names the extra."""
    try:
        import pyarrow
    except ModuleNotFoundError as error:
        raise FormatNotInstalled(
            f"{what} needs the extra 'parquet': pip install 'penstock[parquet]'"
        ) from error
    return pyarrow


def arrow_type(data_type: DataType, pyarrow: Any) -> Any:
    """Arrow's type for a logical one."""
    simple = _SIMPLE.get(type(data_type))
    if simple is not None:
        return getattr(pyarrow, simple)()
    if isinstance(data_type, DecimalType):
        return pyarrow.decimal128(data_type.precision, data_type.scale)
    if isinstance(data_type, TimeType):
        return pyarrow.time32("ms") if data_type.precision <= 3 else pyarrow.time64("us")
    if isinstance(data_type, TimestampType):
        return pyarrow.timestamp("ms" if data_type.precision <= 3 else "us")
    if isinstance(data_type, LocalZonedTimestampType):
        return pyarrow.timestamp("ms" if data_type.precision <= 3 else "us", "UTC")
    if isinstance(data_type, ArrayType):
        return pyarrow.list_(arrow_type(data_type.element_type, pyarrow))
    if isinstance(data_type, MapType):
        return pyarrow.map_(
            arrow_type(data_type.key_type, pyarrow), arrow_type(data_type.value_type, pyarrow)
        )
    if isinstance(data_type, RowType):
        return pyarrow.struct(list(arrow_fields(data_type, pyarrow)))
    raise TypeError(f"{data_type!r} has no column type: use one of DataTypes")


def arrow_fields(row_type: RowType, pyarrow: Any) -> list[Any]:
    """Arrow's fields for those of a row."""
    return [
        pyarrow.field(one.name, arrow_type(one.data_type, pyarrow), one.data_type.is_nullable)
        for one in row_type.fields
    ]


class ArrowRows:
    """Rows of one logical type to record batches and back."""

    def __init__(self, row_type: RowType, what: str) -> None:
        self.pyarrow = load_pyarrow(what)
        self.names = tuple(row_type.field_names())
        self.schema = self.pyarrow.schema(arrow_fields(row_type, self.pyarrow))
        self._to_column = [_to_arrow(one) for one in row_type.field_types()]
        self._of_column = [_of_arrow(one) for one in row_type.field_types()]

    def batch(self, elements: Sequence[Any]) -> Any:
        """A record batch of records; a BadValue names the column that does not fit."""
        rows = [row_values(element, self.names) for element in elements]
        columns = []
        for position, (field, convert) in enumerate(zip(self.schema, self._to_column, strict=True)):
            values = [row[position] for row in rows]
            try:
                if convert is not None:
                    values = [None if value is None else convert(value) for value in values]
                column = self.pyarrow.array(values, field.type)
            except (
                self.pyarrow.ArrowException,
                TypeError,
                ValueError,
                AttributeError,
                OverflowError,
            ) as error:
                raise BadValue(f"column {field.name!r} takes {field.type}: {error}") from error
            if column.null_count and not field.nullable:
                raise BadValue(f"column {field.name!r} is NOT NULL, but a record has None there")
            columns.append(column)
        return self.pyarrow.RecordBatch.from_arrays(columns, schema=self.schema)

    def rows(self, batch: Any, path: str) -> list[Row]:
        """The rows of a batch that was read with this type's columns."""
        columns = []
        for field, convert in zip(self.schema, self._of_column, strict=True):
            column = batch.column(field.name)
            try:
                values = (column if column.type == field.type else column.cast(field.type)).to_pylist()
            except self.pyarrow.ArrowException as error:
                raise BadValue(
                    f"{path}: column {field.name!r} is {column.type} in the file and cannot be read as {field.type}: {error}"
                ) from error
            if convert is not None:
                values = [None if value is None else convert(value) for value in values]
            columns.append(values)
        names = self.names
        return [named_row(names, values) for values in zip(*columns, strict=True)]


def _to_arrow(data_type: DataType) -> Convert | None:
    """None where a value goes as it is."""
    if isinstance(data_type, LocalZonedTimestampType):
        return _moment
    if isinstance(data_type, RowType):
        names = tuple(data_type.field_names())
        parts = [_to_arrow(one) for one in data_type.field_types()]
        return lambda value: {
            name: one if part is None or one is None else part(one)
            for name, part, one in zip(names, parts, row_values(value, names), strict=True)
        }
    if isinstance(data_type, ArrayType):
        element = _to_arrow(data_type.element_type)
        return (
            None
            if element is None
            else lambda value: [None if one is None else element(one) for one in value]
        )
    if isinstance(data_type, MapType):
        item = _to_arrow(data_type.value_type) or _same
        return lambda value: [(key, None if one is None else item(one)) for key, one in value.items()]
    return None


def _of_arrow(data_type: DataType) -> Convert | None:
    if isinstance(data_type, LocalZonedTimestampType):
        return _instant
    if isinstance(data_type, RowType):
        names = tuple(data_type.field_names())
        parts = [_of_arrow(one) for one in data_type.field_types()]
        return lambda value: named_row(
            names,
            [
                one if part is None or one is None else part(one)
                for part, one in zip(parts, (value[name] for name in names), strict=True)
            ],
        )
    if isinstance(data_type, ArrayType):
        element = _of_arrow(data_type.element_type)
        return (
            None
            if element is None
            else lambda value: [None if one is None else element(one) for one in value]
        )
    if isinstance(data_type, MapType):
        item = _of_arrow(data_type.value_type) or _same
        return lambda value: {key: None if one is None else item(one) for key, one in value}
    return None


def _same(value: Any) -> Any:
    return value


def _moment(value: Any) -> datetime.datetime:
    if isinstance(value, Instant):
        return _EPOCH + datetime.timedelta(seconds=value.seconds, microseconds=value.nanos // 1000)
    found: datetime.datetime = value if value.tzinfo is not None else value.replace(tzinfo=datetime.UTC)
    return found


def _instant(value: datetime.datetime) -> Instant:
    past = value - _EPOCH
    return Instant(past.days * 86_400 + past.seconds, past.microseconds * 1000)
