"""Parquet files: PyFlink's readers for the file source and writers for the file sink.

A position is a number of rows; row groups before it are not read. A writer holds rows back until they make a row
group, so a part's size grows in steps.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

from penstock.common.serialization import BulkWriterFactory, RowDataBulkWriterFactory
from penstock.common.typeinfo import TypeInformation
from penstock.formats.arrow import ArrowRows, load_pyarrow
from penstock.formats.avro_schema import AvroSchema, AvroTypes, GenericRecordAvroTypeInfo
from penstock.formats.files import BulkFormat, FileInput, Records, StreamFormat
from penstock.formats.logical import RowType, declared_type
from penstock.formats.rows import BadValue

_WHAT = "Parquet"
_GROUP_ROWS = 65_536
_CODECS = {"SNAPPY", "GZIP", "ZSTD", "BROTLI", "LZ4", "NONE", "UNCOMPRESSED"}


@dataclass(frozen=True)
class ParquetColumnarRowInputFormat(BulkFormat):
    """Rows of Parquet files, of the named columns only; columns are found by name."""

    row_type: RowType
    hadoop_config: Any = None
    batch_size: int = 2048
    is_utc_timestamp: bool = False
    is_case_sensitive: bool = True

    def get_produced_type(self) -> TypeInformation:
        """The type of the rows."""
        return declared_type(self.row_type)

    def read(self, source: FileInput, position: int) -> Iterator[Records]:
        """Batches of rows."""
        rows = ArrowRows(self.row_type, _WHAT)
        for number, batch in _batches(source, position, rows.names, self.batch_size, self.is_case_sensitive):
            found = rows.rows(batch, source.path)
            yield Records(found, range(number + 1, number + len(found) + 1))


class AvroParquetReaders:
    """Makes readers of Parquet files that give dicts."""

    @staticmethod
    def for_generic_record(schema: AvroSchema) -> StreamFormat:
        """Dicts of this Avro schema's fields."""
        return ParquetRecordFormat(schema)


@dataclass(frozen=True)
class ParquetRecordFormat(StreamFormat):
    """Dicts out of Parquet files."""

    schema: AvroSchema

    def get_produced_type(self) -> GenericRecordAvroTypeInfo:
        """The type of the records."""
        return GenericRecordAvroTypeInfo(self.schema)

    def read(self, source: FileInput, position: int) -> Iterator[Records]:
        """Batches of dicts."""
        rows = ArrowRows(AvroTypes(self.schema).row_type(), _WHAT)
        for number, batch in _batches(source, position, rows.names, 2048, True):
            found = [row.as_dict(recursive=True) for row in rows.rows(batch, source.path)]
            yield Records(found, range(number + 1, number + len(found) + 1))


class ParquetBulkWriters:
    """Makes writers of Parquet files of rows."""

    @staticmethod
    def for_row_type(
        row_type: RowType, hadoop_config: Any = None, utc_timestamp: bool = False
    ) -> RowDataBulkWriterFactory:
        """Files of this type. Of the configuration `parquet.compression` counts (SNAPPY by default)."""
        if not isinstance(row_type, RowType):
            raise TypeError(f"Parquet writes rows, not {row_type!r}: give DataTypes.ROW([...])")
        return ParquetWriterFactory(row_type, _codec(hadoop_config))


class AvroParquetWriters:
    """Makes writers of Parquet files of dicts."""

    @staticmethod
    def for_generic_record(schema: AvroSchema) -> BulkWriterFactory:
        """Files of this Avro schema's fields."""
        return ParquetWriterFactory(AvroTypes(schema).row_type(), "snappy")


@dataclass(frozen=True)
class ParquetWriterFactory(RowDataBulkWriterFactory):
    """Begins Parquet files."""

    row_type: RowType
    codec: str = "snappy"

    def get_row_type(self) -> RowType:
        """The logical type of the rows."""
        return self.row_type

    def create(self, stream: BinaryIO) -> "ParquetWriter":
        """A writer."""
        return ParquetWriter(stream, self.row_type, self.codec)


class ParquetWriter:
    """Writes one Parquet file, row group by row group."""

    def __init__(self, stream: BinaryIO, row_type: RowType, codec: str) -> None:
        self._rows = ArrowRows(row_type, _WHAT)
        from pyarrow import parquet

        self._writer = parquet.ParquetWriter(stream, self._rows.schema, compression=codec)
        self._held: list[Any] = []
        self._count = 0

    def add(self, elements: Sequence[Any]) -> None:
        """Hold the records back until there is a row group of them."""
        self._held.append(self._rows.batch(elements))
        self._count += len(elements)
        if self._count >= _GROUP_ROWS:
            self._write()

    def finish(self) -> None:
        """Write the last row group and the footer."""
        if self._count:
            self._write()
        self._writer.close()

    def _write(self) -> None:
        table = self._rows.pyarrow.Table.from_batches(self._held, self._rows.schema)
        self._writer.write_table(table, row_group_size=_GROUP_ROWS)
        self._held, self._count = [], 0


def _batches(
    source: FileInput, position: int, names: Sequence[str], batch_size: int, is_case_sensitive: bool
) -> Iterator[tuple[int, Any]]:
    """Batches with the number of rows before each."""
    pyarrow = load_pyarrow(_WHAT)
    from pyarrow import parquet

    with source.random() as stream:
        try:
            file = parquet.ParquetFile(stream)
            columns = _columns(file.schema_arrow.names, names, is_case_sensitive, source.path)
            number = 0
            for group in range(file.metadata.num_row_groups):
                after = number + file.metadata.row_group(group).num_rows
                if after > position:
                    yield from _group(file, group, number, position, columns, batch_size)
                number = after
        except pyarrow.ArrowInvalid as error:
            raise BadValue(f"{source.path}: not a whole Parquet file: {error}") from error


def _group(
    file: Any, group: int, number: int, position: int, columns: Mapping[str, str], batch_size: int
) -> Iterator[tuple[int, Any]]:
    found = file.iter_batches(batch_size, row_groups=[group], columns=list(columns), use_threads=False)
    for batch in found:
        skip = max(0, position - number)
        number += batch.num_rows
        if skip >= batch.num_rows:
            continue
        kept = batch.slice(skip)
        yield number - kept.num_rows, kept.rename_columns([columns[name] for name in kept.schema.names])


def _columns(
    present: Sequence[str], names: Sequence[str], is_case_sensitive: bool, path: str
) -> dict[str, str]:
    """The file's name of each wanted column → the wanted name."""
    if is_case_sensitive:
        known = {name: name for name in present}
        wanted = {name: known.get(name) for name in names}
    else:
        known = {name.lower(): name for name in present}
        wanted = {name: known.get(name.lower()) for name in names}
    missing = [name for name, found in wanted.items() if found is None]
    if missing:
        raise BadValue(f"{path}: there is no column {missing[0]!r}; the file has {', '.join(present)}")
    return {str(found): name for name, found in wanted.items()}


def _codec(configuration: Any) -> str:
    read = getattr(configuration, "get_string", None)
    asked = str(read("parquet.compression", "SNAPPY") if read is not None else "SNAPPY").upper()
    if asked not in _CODECS:
        raise ValueError(f"parquet.compression {asked!r} is none of {', '.join(sorted(_CODECS))}")
    return "none" if asked == "UNCOMPRESSED" else asked.lower()
