"""Avro records and files, in PyFlink's place."""

from penstock.connectors.files.avro_input import AvroInputFormat
from penstock.formats.avro_files import AvroBulkWriters, AvroFileFormat
from penstock.formats.avro_registry import (
    ConfluentRegistryAvroDeserializationSchema,
    ConfluentRegistryAvroSerializationSchema,
    SubjectNameStrategy,
)
from penstock.formats.avro_rows import AvroRowDeserializationSchema, AvroRowSerializationSchema
from penstock.formats.avro_schema import AvroSchema, GenericRecordAvroTypeInfo

__all__ = [
    "AvroBulkWriters",
    "AvroFileFormat",
    "AvroInputFormat",
    "AvroRowDeserializationSchema",
    "AvroRowSerializationSchema",
    "AvroSchema",
    "ConfluentRegistryAvroDeserializationSchema",
    "ConfluentRegistryAvroSerializationSchema",
    "GenericRecordAvroTypeInfo",
    "SubjectNameStrategy",
]
