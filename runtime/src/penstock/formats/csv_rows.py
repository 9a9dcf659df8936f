"""Rows in single records of CSV, both ways: PyFlink's `CsvRowDeserializationSchema` and `…SerializationSchema`.

Built by programs, called by sources and sinks in slots; files of CSV are in `csv_files`.
"""

from dataclasses import replace
from typing import Any, Self

from penstock.common.serialization import DeserializationSchema, SerializationSchema
from penstock.common.typeinfo import RowTypeInfo, TypeInformation
from penstock.formats.csv_text import CsvDialect, CsvRows
from penstock.formats.rows import BadValue


class CsvRowDeserializationSchema(DeserializationSchema):
    """One line of CSV → Row; made by its builder."""

    class Builder:
        """Collects the schema's settings."""

        def __init__(self, type_info: TypeInformation) -> None:
            self._type = _row_type(type_info)
            self._dialect = CsvDialect()
            self._is_lenient = False

        def set_field_delimiter(self, delimiter: str) -> Self:
            """What stands between cells; a comma by default."""
            self._dialect = replace(self._dialect, separator=delimiter)
            return self

        def set_allow_comments(self, allow_comments: bool) -> Self:
            """Leave out lines that begin with #."""
            self._dialect = replace(self._dialect, allows_comments=allow_comments)
            return self

        def set_array_element_delimiter(self, delimiter: str) -> Self:
            """What stands between the elements of an array; a semicolon by default."""
            self._dialect = replace(self._dialect, array_separator=delimiter)
            return self

        def set_quote_character(self, c: str) -> Self:
            """What encloses a cell; a double quote by default."""
            self._dialect = replace(self._dialect, quote=c)
            return self

        def set_escape_character(self, c: str) -> Self:
            """What takes the next character's meaning away; none by default."""
            self._dialect = replace(self._dialect, escape=c)
            return self

        def set_null_literal(self, null_literal: str) -> Self:
            """The text that means None."""
            self._dialect = replace(self._dialect, null_literal=null_literal)
            return self

        def set_ignore_parse_errors(self, ignore_parse_errors: bool) -> Self:
            """Drop records that do not fit."""
            self._is_lenient = ignore_parse_errors
            return self

        def build(self) -> "CsvRowDeserializationSchema":
            """The schema."""
            return CsvRowDeserializationSchema(self._type, self._dialect, self._is_lenient)

    def __init__(self, type_info: RowTypeInfo, dialect: CsvDialect, ignore_errors: bool = False) -> None:
        self._type, self._dialect, self._is_lenient = type_info, dialect, ignore_errors
        self._rows = CsvRows(type_info, dialect)

    def get_produced_type(self) -> TypeInformation:
        """The type of the rows."""
        return self._type

    def deserialize(self, message: bytes) -> Any:
        """The row; None for a comment, and where a bad one is to be ignored."""
        try:
            text = message.decode().rstrip("\r\n")
            if self._dialect.is_comment(text):
                return None
            return self._rows.row(self._dialect.cells([text])[0])
        except (BadValue, UnicodeDecodeError) as error:
            if self._is_lenient:
                return None
            raise BadValue(f"{error} in {message[:200]!r}") from error

    def __reduce__(self) -> Any:
        return CsvRowDeserializationSchema, (self._type, self._dialect, self._is_lenient)


class CsvRowSerializationSchema(SerializationSchema):
    """Row → one line of CSV; made by its builder."""

    class Builder:
        """Collects the schema's settings."""

        def __init__(self, type_info: TypeInformation) -> None:
            self._type = _row_type(type_info)
            self._dialect = CsvDialect()

        def set_field_delimiter(self, c: str) -> Self:
            """What stands between cells; a comma by default."""
            self._dialect = replace(self._dialect, separator=c)
            return self

        def set_line_delimiter(self, delimiter: str) -> Self:
            """What ends a line; a line feed by default, empty for none."""
            if delimiter not in ("\n", "\r", "\r\n", ""):
                raise ValueError(
                    f"the line delimiter {delimiter!r} is none of \\n, \\r, \\r\\n or the empty text"
                )
            self._dialect = replace(self._dialect, line_end=delimiter)
            return self

        set_line_terminator = set_line_delimiter

        def disable_quote_character(self) -> Self:
            """Never enclose a cell."""
            self._dialect = replace(self._dialect, quote=None)
            return self

        def set_quote_character(self, c: str) -> Self:
            """What encloses a cell; a double quote by default."""
            self._dialect = replace(self._dialect, quote=c)
            return self

        def set_array_element_delimiter(self, delimiter: str) -> Self:
            """What stands between the elements of an array; a semicolon by default."""
            self._dialect = replace(self._dialect, array_separator=delimiter)
            return self

        def set_escape_character(self, c: str) -> Self:
            """What takes the next character's meaning away; none by default."""
            self._dialect = replace(self._dialect, escape=c)
            return self

        def set_null_literal(self, s: str) -> Self:
            """The text that stands for None; empty by default."""
            self._dialect = replace(self._dialect, null_literal=s)
            return self

        def build(self) -> "CsvRowSerializationSchema":
            """The schema."""
            return CsvRowSerializationSchema(self._type, self._dialect)

    def __init__(self, type_info: RowTypeInfo, dialect: CsvDialect) -> None:
        self._type, self._dialect = type_info, dialect
        self._rows = CsvRows(type_info, dialect)

    def serialize(self, element: Any) -> bytes | None:
        """The line of a row; None stays None."""
        if element is None:
            return None
        return (self._dialect.text(self._rows.cells(element)) + self._dialect.line_end).encode()

    def __reduce__(self) -> Any:
        return CsvRowSerializationSchema, (self._type, self._dialect)


def _row_type(declared: TypeInformation) -> RowTypeInfo:
    if not isinstance(declared, RowTypeInfo):
        raise TypeError(f"the CSV schema takes rows, not {declared!r}: give Types.ROW_NAMED(names, types)")
    return declared
