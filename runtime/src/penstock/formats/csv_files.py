"""Files of CSV: PyFlink's `CsvReaderFormat` for the file source and `CsvBulkWriters` for the file sink.

A position is the byte offset of a record's start. A record may span lines where a quote is open.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import Any, BinaryIO

from penstock.common.serialization import RowDataBulkWriterFactory
from penstock.common.types import Row
from penstock.formats.csv_schema import CsvSchema
from penstock.formats.csv_text import CsvDialect, CsvRows, records_of
from penstock.formats.files import FileInput, Records, StreamFormat, line_chunks
from penstock.formats.logical import RowType
from penstock.formats.rows import BadValue


@dataclass(frozen=True)
class CsvReaderFormat(StreamFormat):
    """Rows of a CSV file."""

    schema: CsvSchema
    ignores_bad: bool = False

    @staticmethod
    def for_schema(schema: CsvSchema, ignore_parse_errors: bool = False) -> "CsvReaderFormat":
        """Read files of this schema; bad records fail the job, or are left out."""
        return CsvReaderFormat(schema, ignore_parse_errors)

    def get_produced_type(self) -> Any:
        """The type of the rows."""
        return self.schema.declared_type()

    def read(self, source: FileInput, position: int) -> Iterator[Records]:
        """Records as (cell order, text); the header is read first, wherever reading begins."""
        order, first = self._header(source)
        for records in _records(source, max(position, first), self.schema.dialect):
            records.items = [(order, text) for text in records.items]
            yield records

    def decode(self, items: list[Any]) -> list[Row]:
        """The rows, without comments and empty lines."""
        dialect, rows = self.schema.dialect, self._rows
        found: list[Row] = []
        for order, text in items:
            try:
                record = _text(text)
                if record and not dialect.is_comment(record):
                    found.append(rows.row(dialect.cells([record])[0], order))
            except BadValue as error:
                if not self.ignores_bad:
                    raise BadValue(f"{error} in {text[:200]!r}") from None
        return found

    @cached_property
    def _rows(self) -> CsvRows:
        return CsvRows(
            self.schema.declared_type(),
            self.schema.dialect,
            [column.separator for column in self.schema.columns],
        )

    def _header(self, source: FileInput) -> tuple[list[int] | None, int]:
        """Which cell each column is in (None: in their order), and where data begin."""
        schema, order, end = self.schema, None, 0
        to_skip = int(schema.has_header) + int(schema.skips_first_row)
        if not to_skip:
            return None, 0
        seen: list[str] = []
        for records in _records(source, 0, schema.dialect):
            for text, after in zip(records.items, records.ends, strict=True):
                record = _text(text)
                if schema.dialect.is_comment(record):
                    continue
                seen.append(record)
                if len(seen) == to_skip:
                    end = after
                    break
            if end:
                break
        if schema.has_header and seen:
            order = self._order(schema.dialect.cells([seen[0]])[0], source.path)
        return order, end or (1 << 62)

    def _order(self, header: Sequence[str], path: str) -> list[int] | None:
        names = [column.name for column in self.schema.columns]
        given = [cell.strip() for cell in header]
        if given == names:
            return None
        missing = [name for name in names if name not in given]
        if missing or self.schema.is_header_strict:
            raise BadValue(
                f"{path}: the header names {', '.join(given)} where the schema has {', '.join(names)}"
            )
        return [given.index(name) for name in names]


class CsvBulkWriters:
    """Makes writers of CSV files."""

    @staticmethod
    def for_schema(schema: CsvSchema) -> "CsvWriterFactory":
        """Files of this schema."""
        return CsvWriterFactory(schema)


@dataclass(frozen=True)
class CsvWriterFactory(RowDataBulkWriterFactory):
    """Begins CSV files."""

    schema: CsvSchema

    def get_row_type(self) -> RowType:
        """The logical type of the rows."""
        return self.schema.row_type()

    def create(self, stream: BinaryIO) -> "CsvWriter":
        """A writer; the header comes first where the schema has one."""
        return CsvWriter(self.schema, stream)


class CsvWriter:
    """Writes one CSV file."""

    def __init__(self, schema: CsvSchema, stream: BinaryIO) -> None:
        self._dialect = schema.dialect
        self._stream = stream
        self._rows = CsvRows(
            schema.declared_type(), schema.dialect, [column.separator for column in schema.columns]
        )
        if schema.has_header:
            self._write([[column.name for column in schema.columns]])

    def add(self, elements: Sequence[Any]) -> None:
        """Write the rows."""
        self._write([self._rows.cells(element) for element in elements])

    def finish(self) -> None:
        """A CSV file has no end of its own."""

    def _write(self, rows: Sequence[Sequence[str]]) -> None:
        end = self._dialect.line_end
        self._stream.write("".join(self._dialect.text(cells) + end for cells in rows).encode())


def _records(source: FileInput, offset: int, dialect: CsvDialect) -> Iterator[Records]:
    held: list[bytes] = []
    for lines, end in line_chunks(source, offset):
        pending = held + lines
        found = list(records_of(pending, dialect))
        held = []
        _, taken, is_open = found[-1]
        if is_open:
            found, held = found[:-1], pending[-taken:]
        if found:
            ends = list(accumulate((len(text) + 1 for text, _, _ in found), initial=offset))[1:]
            if not held:
                ends[-1] = end
            offset = ends[-1]
            yield Records([text for text, _, _ in found], ends)
    if held:
        # An open quote at the end of the file: decoding says what is wrong with it.
        yield Records([b"\n".join(held)], [offset + sum(len(line) + 1 for line in held)])


def _text(record: bytes) -> str:
    try:
        return record.decode().removesuffix("\r")
    except UnicodeDecodeError as error:
        raise BadValue(f"not text in UTF-8 ({error.reason})") from error
