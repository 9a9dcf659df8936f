"""CSV rows and files, in PyFlink's place."""

from penstock.formats.csv_files import CsvBulkWriters, CsvReaderFormat
from penstock.formats.csv_rows import CsvRowDeserializationSchema, CsvRowSerializationSchema
from penstock.formats.csv_schema import CsvSchema, CsvSchemaBuilder

__all__ = [
    "CsvBulkWriters",
    "CsvReaderFormat",
    "CsvRowDeserializationSchema",
    "CsvRowSerializationSchema",
    "CsvSchema",
    "CsvSchemaBuilder",
]
