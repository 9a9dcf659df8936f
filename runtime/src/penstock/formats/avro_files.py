"""Avro container files: a bulk format for the file source, `AvroBulkWriters` for the file sink, `AvroInputFormat`.

A position is a number of records. Records are dicts, as PyFlink's generic records are.
"""

import gzip
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

from penstock.common.serialization import BulkWriterFactory
from penstock.common.unsupported import unsupported
from penstock.formats.avro_schema import AvroSchema, GenericRecordAvroTypeInfo, load_fastavro
from penstock.formats.files import BulkFormat, FileInput, Records
from penstock.formats.rows import BadValue


@dataclass(frozen=True)
class AvroFileFormat(BulkFormat):
    """Generic records of container files, resolved to `schema` where one is given (not in PyFlink)."""

    schema: AvroSchema | None = None

    def read(self, source: FileInput, position: int) -> Iterator[Records]:
        """Block by block; whole blocks before the position are passed over without decoding."""
        fastavro = load_fastavro()
        with source.stream() as stream:
            try:
                blocks = fastavro.block_reader(stream, self.schema.parsed if self.schema else None)
                number = 0
                for block in blocks:
                    after = number + block.num_records
                    if after > position:
                        records = list(block)[max(0, position - number) :]
                        yield Records(records, range(after - len(records) + 1, after + 1))
                    number = after
            except gzip.BadGzipFile:
                raise
            except (ValueError, EOFError, KeyError, IndexError) as error:
                raise BadValue(f"{source.path}: not a whole Avro file: {error}") from error


class AvroInputFormat:
    """One Avro file as a bounded source, for `env.create_input`."""

    def __init__(self, path: str, schema: AvroSchema) -> None:
        self.path = path
        self.format = AvroFileFormat(schema)
        self._schema = schema

    def get_produced_type(self) -> GenericRecordAvroTypeInfo:
        """The type of the records."""
        return GenericRecordAvroTypeInfo(self._schema)

    @unsupported("Use FileSource.for_bulk_file_format with AvroFileFormat, or env.create_input")
    def get_java_object(self) -> Any:
        """Refused."""


class AvroBulkWriters:
    """Makes writers of Avro container files."""

    @staticmethod
    def for_generic_record(schema: AvroSchema, codec: str = "null") -> BulkWriterFactory:
        """Files of dicts of this schema; `codec` null, deflate, bzip2, xz, or what fastavro finds installed."""
        return AvroWriterFactory(schema, codec)


@dataclass(frozen=True)
class AvroWriterFactory(BulkWriterFactory):
    """Begins Avro files."""

    schema: AvroSchema
    codec: str = "null"

    def create(self, stream: BinaryIO) -> "AvroWriter":
        """A writer; the header is written at once."""
        return AvroWriter(stream, self.schema, self.codec)


class AvroWriter:
    """Writes one Avro file."""

    def __init__(self, stream: BinaryIO, schema: AvroSchema, codec: str) -> None:
        fastavro = load_fastavro()
        self._schema = schema
        self._writer = fastavro.write.Writer(stream, schema.parsed, codec)

    def add(self, elements: Sequence[Any]) -> None:
        """Take records; one that does not fit is named."""
        for element in elements:
            try:
                self._writer.write(element)
            except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
                raise BadValue(
                    f"the record {element!r:.200} does not fit the Avro schema {self._schema.full_name}: {error}"
                ) from error

    def finish(self) -> None:
        """Write the last block."""
        self._writer.flush()
