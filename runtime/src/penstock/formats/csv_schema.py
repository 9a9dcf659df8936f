"""The schema of a CSV file: PyFlink's `CsvSchema` and its builder. Values only; used by `csv_files`."""

from dataclasses import dataclass, field, replace
from typing import Self

from penstock.common.typeinfo import RowTypeInfo
from penstock.formats.csv_text import CsvDialect
from penstock.formats.logical import ArrayType, DataType, DataTypes, NumericType, RowType, declared_type


@dataclass(frozen=True, slots=True)
class CsvColumn:
    """One column; `separator` stands between the elements of an array (None: the schema's own)."""

    name: str
    data_type: DataType
    separator: str | None = None


@dataclass(frozen=True, slots=True)
class CsvSchema:
    """Columns and how they stand in the file; made by its builder."""

    columns: tuple[CsvColumn, ...] = ()
    dialect: CsvDialect = field(default_factory=CsvDialect)
    has_header: bool = False
    is_header_strict: bool = False
    skips_first_row: bool = False
    any_property_name: str | None = None

    @staticmethod
    def builder() -> "CsvSchemaBuilder":
        """A new builder."""
        return CsvSchemaBuilder()

    def size(self) -> int:
        """How many columns."""
        return len(self.columns)

    def row_type(self) -> RowType:
        """The logical type of the rows."""
        return DataTypes.ROW([DataTypes.FIELD(column.name, column.data_type) for column in self.columns])

    def declared_type(self) -> RowTypeInfo:
        """The DataStream API's type of the rows."""
        found = declared_type(self.row_type())
        if not isinstance(found, RowTypeInfo):
            raise TypeError("the CSV schema has no columns")
        return found

    def __str__(self) -> str:
        return f"CsvSchema({', '.join(column.name for column in self.columns)})"


class CsvSchemaBuilder:
    """Collects columns, then how they stand in the file."""

    def __init__(self) -> None:
        self._schema = CsvSchema()

    def build(self) -> CsvSchema:
        """The schema; an error if it has no columns."""
        if not self._schema.columns:
            raise ValueError("the CSV schema has no columns: call add_string_column() and its like")
        return self._schema

    def add_number_column(self, name: str, number_type: NumericType | None = None) -> Self:
        """A column of numbers; BIGINT unless told otherwise."""
        return self._add(CsvColumn(name, number_type or DataTypes.BIGINT()))

    def add_string_column(self, name: str) -> Self:
        """A column of text."""
        return self._add(CsvColumn(name, DataTypes.STRING()))

    def add_boolean_column(self, name: str) -> Self:
        """A column of true and false."""
        return self._add(CsvColumn(name, DataTypes.BOOLEAN()))

    def add_array_column(self, name: str, separator: str = ";", element_type: DataType | None = None) -> Self:
        """A column of arrays; of text unless told otherwise."""
        array = DataTypes.ARRAY(element_type or DataTypes.STRING())
        return self._add(CsvColumn(name, array, separator))

    def add_columns_from(self, schema: CsvSchema) -> Self:
        """All columns of another schema."""
        for column in schema.columns:
            self._add(column)
        return self

    def clear_columns(self) -> Self:
        """Forget every column."""
        self._schema = replace(self._schema, columns=())
        return self

    def size(self) -> int:
        """How many columns so far."""
        return len(self._schema.columns)

    def set_use_header(self, use: bool = True) -> Self:
        """The first line names the columns, in any order; written too."""
        return self._set(has_header=use)

    def set_strict_headers(self, strict: bool = True) -> Self:
        """The header must name exactly the schema's columns in their order."""
        return self._set(is_header_strict=strict)

    def set_skip_first_data_row(self, skip: bool = True) -> Self:
        """Leave out the first row after the header."""
        return self._set(skips_first_row=skip)

    def set_any_property_name(self, name: str) -> Self:
        """Kept for compatibility: columns beyond the schema's are refused."""
        return self._set(any_property_name=name)

    def set_allow_comments(self, allow: bool = True) -> Self:
        """Leave out lines that begin with #."""
        return self._dialect(allows_comments=allow)

    def set_column_separator(self, char: str) -> Self:
        """What stands between cells."""
        return self._dialect(separator=char)

    def set_array_element_separator(self, separator: str) -> Self:
        """What stands between the elements of an array."""
        if not separator:
            raise ValueError("the array element separator is empty: call disable_array_element_separator()")
        return self._dialect(array_separator=separator)

    def disable_array_element_separator(self) -> Self:
        """No common separator: columns keep their own."""
        return self._dialect(array_separator=";")

    def remove_array_element_separator(self, index: int) -> Self:
        """The column at `index` goes by the common separator."""
        columns = list(self._schema.columns)
        if not isinstance(columns[index].data_type, ArrayType):
            raise ValueError(f"the column {columns[index].name!r} is no array")
        columns[index] = replace(columns[index], separator=None)
        self._schema = replace(self._schema, columns=tuple(columns))
        return self

    def set_quote_char(self, char: str) -> Self:
        """What encloses a cell."""
        return self._dialect(quote=char)

    def disable_quote_char(self) -> Self:
        """Cells are never enclosed."""
        return self._dialect(quote=None)

    def set_escape_char(self, char: str) -> Self:
        """What takes the next character's meaning away."""
        return self._dialect(escape=char)

    def disable_escape_char(self) -> Self:
        """No escape character; the default."""
        return self._dialect(escape=None)

    def set_line_separator(self, separator: str) -> Self:
        """What ends a written line."""
        return self._dialect(line_end=separator)

    def set_null_value(self, null_value: str) -> Self:
        """The text that means None."""
        return self._dialect(null_literal=null_value)

    def _add(self, column: CsvColumn) -> Self:
        if any(known.name == column.name for known in self._schema.columns):
            raise ValueError(f"the CSV schema has two columns {column.name!r}")
        self._schema = replace(self._schema, columns=(*self._schema.columns, column))
        return self

    def _set(self, **changes: object) -> Self:
        self._schema = replace(self._schema, **changes)  # type: ignore[arg-type]
        return self

    def _dialect(self, **changes: object) -> Self:
        return self._set(dialect=replace(self._schema.dialect, **changes))  # type: ignore[arg-type]
