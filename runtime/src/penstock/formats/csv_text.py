"""CSV text to cells and back, and cells to values of a declared type. Used by the CSV schemas and file formats.

Quoting is RFC 4180's (a quote inside is doubled), with an escape character where one is set. Pure.
"""

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from penstock.common.typeinfo import (
    BasicArrayTypeInfo,
    ListTypeInfo,
    ObjectArrayTypeInfo,
    RowTypeInfo,
    TypeInformation,
    Types,
)
from penstock.common.types import Row
from penstock.formats.rows import BadValue, is_bytes, named_row, reader, row_values, writer

_MAX_CELL = 1 << 30


@dataclass(frozen=True, slots=True)
class CsvDialect:
    """How cells stand in text. A `quote` of None: nothing is ever quoted."""

    separator: str = ","
    quote: str | None = '"'
    escape: str | None = None
    null_literal: str | None = None
    array_separator: str = ";"
    line_end: str = "\n"
    allows_comments: bool = False

    def __post_init__(self) -> None:
        for name, value in (("separator", self.separator), ("quote", self.quote), ("escape", self.escape)):
            if value is not None and len(value) != 1:
                raise ValueError(f"the CSV {name} must be one character, not {value!r}")

    def cells(self, records: Sequence[str]) -> list[list[str]]:
        """The cells of each record; a record may have line ends inside quotes, none at its end."""
        csv.field_size_limit(_MAX_CELL)
        try:
            found = list(
                csv.reader(
                    records,
                    delimiter=self.separator,
                    quotechar=self.quote,
                    escapechar=self.escape,
                    quoting=csv.QUOTE_MINIMAL if self.quote else csv.QUOTE_NONE,
                    strict=True,
                )
            )
        except csv.Error as error:
            raise BadValue(f"not CSV: {error}") from error
        if len(found) != len(records):
            raise BadValue(f"not CSV: {len(records)} records hold {len(found)} rows: a quote stays open")
        return found

    def text(self, cells: Sequence[str]) -> str:
        """One record without its line end."""
        buffer = io.StringIO()
        try:
            csv.writer(
                buffer,
                delimiter=self.separator,
                quotechar=self.quote,
                escapechar=self.escape,
                quoting=csv.QUOTE_MINIMAL if self.quote else csv.QUOTE_NONE,
                lineterminator="\r\n",  # says which characters need quotes
            ).writerow(cells)
        except csv.Error as error:
            raise BadValue(f"not writable as CSV without quotes: {cells!r} ({error})") from error
        return buffer.getvalue().removesuffix("\r\n")

    def is_comment(self, record: str) -> bool:
        """Whether a record is left out: a line that begins with #, where comments are allowed."""
        return self.allows_comments and record.startswith("#")

    def is_open(self, line: bytes) -> bool:
        """Whether a line leaves a quote open, so that the record goes on in the next."""
        if self.quote is None:
            return False
        quote = self.quote.encode()
        count = line.count(quote)
        if self.escape is not None and self.escape != self.quote:
            count -= line.count(self.escape.encode() + quote)
        return count % 2 == 1


class CsvRows:
    """Cells to rows of a declared type and back. `separators` are those of array columns, by position."""

    def __init__(
        self, declared: RowTypeInfo, dialect: CsvDialect, separators: Sequence[str | None] = ()
    ) -> None:
        self.names = tuple(declared.get_field_names())
        self._dialect = dialect
        types = declared.get_field_types()
        between = [
            (separators[i] if i < len(separators) else None) or dialect.array_separator
            for i in range(len(types))
        ]
        self._readers = [self._cell_reader(one, sep) for one, sep in zip(types, between, strict=True)]
        self._writers = [self._cell_writer(one, sep) for one, sep in zip(types, between, strict=True)]

    def row(self, cells: Sequence[str], order: Sequence[int] | None = None) -> Row:
        """The row of a record's cells; `order` says which cell each field is in, where a header told."""
        if order is not None:
            try:
                cells = [cells[position] for position in order]
            except IndexError:
                raise BadValue(f"{len(cells)} cells, fewer than the header names") from None
        if len(cells) != len(self._readers):
            raise BadValue(f"{len(cells)} cells where {len(self._readers)} columns are declared")
        values = []
        for name, read, cell in zip(self.names, self._readers, cells, strict=True):
            try:
                values.append(read(cell))
            except BadValue as error:
                raise BadValue(f"column {name!r}: {error}") from None
        return named_row(self.names, values)

    def cells(self, element: Any) -> list[str]:
        """The cells of a record."""
        found = []
        for name, write, value in zip(
            self.names, self._writers, row_values(element, self.names), strict=True
        ):
            try:
                found.append(write(value))
            except (BadValue, TypeError, ValueError, AttributeError) as error:
                raise BadValue(f"column {name!r}: {error}") from None
        return found

    def _cell_reader(self, declared: TypeInformation, separator: str) -> Callable[[str], Any]:
        null = self._dialect.null_literal
        if isinstance(declared, RowTypeInfo):
            parts = [self._cell_reader(one, separator) for one in declared.get_field_types()]
            names = tuple(declared.get_field_names())
            return lambda cell: _nested(cell, null, separator, names, parts)
        element = _element(declared)
        if element is not None:
            read = self._cell_reader(element, separator)
            return lambda cell: (
                None if cell == null else [read(one) for one in cell.split(separator)] if cell else []
            )
        convert = reader(declared)
        is_text = declared in (Types.STRING(), Types.CHAR())
        return lambda cell: (
            None if cell == null or (not cell and not is_text) else convert(cell if is_text else cell.strip())
        )

    def _cell_writer(self, declared: TypeInformation, separator: str) -> Callable[[Any], str]:
        null = self._dialect.null_literal or ""
        if isinstance(declared, RowTypeInfo):
            parts = [self._cell_writer(one, separator) for one in declared.get_field_types()]
            names = declared.get_field_names()
            return lambda value: (
                null
                if value is None
                else separator.join(
                    write(one) for write, one in zip(parts, row_values(value, names), strict=True)
                )
            )
        element = _element(declared)
        if element is not None:
            write = self._cell_writer(element, separator)
            return lambda value: null if value is None else separator.join(map(write, value))
        convert = writer(declared)
        is_moment = declared in (Types.SQL_TIMESTAMP(), Types.SQL_TIME())
        return lambda value: null if value is None else _cell(convert(value), is_moment)


def records_of(lines: Sequence[bytes], dialect: CsvDialect) -> Iterator[tuple[bytes, int, bool]]:
    """Lines joined into records: text, how many lines it took, and (the last only) whether a quote stays open."""
    held: list[bytes] = []
    is_open = False
    for line in lines:
        held.append(line)
        if len(held) > 1 or not (dialect.allows_comments and line.startswith(b"#")):
            is_open ^= dialect.is_open(line)
        if not is_open:
            yield b"\n".join(held), len(held), False
            held = []
    if held:
        yield b"\n".join(held), len(held), True


def _element(declared: TypeInformation) -> TypeInformation | None:
    if isinstance(declared, ListTypeInfo | ObjectArrayTypeInfo | BasicArrayTypeInfo) and not is_bytes(
        declared
    ):
        found: TypeInformation = declared.element_type
        return found
    return None


def _nested(
    cell: str,
    null: str | None,
    separator: str,
    names: tuple[str, ...],
    parts: Sequence[Callable[[str], Any]],
) -> Any:
    if cell == null:
        return None
    found = cell.split(separator)
    if len(found) != len(parts):
        raise BadValue(f"{len(found)} parts between {separator!r} where {len(parts)} are declared")
    return named_row(names, [read(one) for read, one in zip(parts, found, strict=True)])


def _cell(plain: Any, is_moment: bool) -> str:
    if isinstance(plain, bool):
        return str(plain).lower()
    if is_moment:
        return str(plain).removesuffix("Z").replace("T", " ")
    return str(plain)
