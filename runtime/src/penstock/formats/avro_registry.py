"""Avro with a Confluent-protocol schema registry: each message is a zero byte, the schema's id, and the record.

Named as Flink's Java classes; PyFlink has none. Records are dicts (`for_generic`) or rows (`for_row`). The
registry is asked in slots, once for each id or schema.
"""

import io
import struct
from dataclasses import dataclass
from enum import Enum
from typing import Any

from penstock.common.serialization import DeserializationSchema, SerializationSchema
from penstock.common.typeinfo import TypeInformation
from penstock.formats.avro_rows import read_record, write_record
from penstock.formats.avro_schema import (
    AvroSchema,
    AvroTypes,
    GenericRecordAvroTypeInfo,
    row_reader,
    row_writer,
)
from penstock.formats.logical import declared_type
from penstock.formats.registry import RegistrySettings, open_registry
from penstock.formats.rows import BadValue

_MAGIC = 0
_PREFIX = struct.Struct(">bI")


class SubjectNameStrategy(Enum):
    """How a subject is named after the topic and the record."""

    TOPIC_NAME = "topic"
    RECORD_NAME = "record"
    TOPIC_RECORD_NAME = "topic-record"

    def subject(self, topic: str, schema: AvroSchema, is_key: bool = False) -> str:
        """The subject of the values (or keys) of a topic."""
        if self is SubjectNameStrategy.RECORD_NAME:
            return schema.full_name
        if self is SubjectNameStrategy.TOPIC_RECORD_NAME:
            return f"{topic}-{schema.full_name}"
        return f"{topic}-{'key' if is_key else 'value'}"


@dataclass(frozen=True)
class ConfluentRegistryAvroDeserializationSchema(DeserializationSchema):
    """Framed bytes → record; the writer's schema comes from the registry, `schema` is what the program reads."""

    schema: AvroSchema | None
    registry: RegistrySettings
    as_rows: bool = False
    ignores_bad: bool = False

    @staticmethod
    def for_generic(
        schema: AvroSchema | None, url: str, ignore_parse_errors: bool = False, **access: str
    ) -> "ConfluentRegistryAvroDeserializationSchema":
        """Dicts. Without a schema, records are read as they were written. `access`: user, password, token, ca_file."""
        settings = RegistrySettings(url, **access)
        return ConfluentRegistryAvroDeserializationSchema(schema, settings, False, ignore_parse_errors)

    @staticmethod
    def for_row(
        schema: AvroSchema, url: str, ignore_parse_errors: bool = False, **access: str
    ) -> "ConfluentRegistryAvroDeserializationSchema":
        """Rows of the schema's fields."""
        settings = RegistrySettings(url, **access)
        return ConfluentRegistryAvroDeserializationSchema(schema, settings, True, ignore_parse_errors)

    def get_produced_type(self) -> TypeInformation | None:
        """The type of the records, where the program gave a schema."""
        if self.schema is None:
            return None
        if self.as_rows:
            return declared_type(AvroTypes(self.schema).row_type())
        return GenericRecordAvroTypeInfo(self.schema)

    def deserialize(self, message: bytes) -> Any:
        """The record; None where a bad one is to be ignored. What the registry refuses is never ignored."""
        try:
            schema_id, stream = _unframed(message)
            writer = open_registry(self.registry).schema(schema_id)
            record = read_record(stream, writer, self.schema)
        except BadValue:
            if self.ignores_bad:
                return None
            raise
        return row_reader(self.schema)(record) if self.as_rows and self.schema else record


@dataclass(frozen=True)
class ConfluentRegistryAvroSerializationSchema(SerializationSchema):
    """Record (dict or row) → framed bytes under `subject`."""

    subject: str
    schema: AvroSchema
    registry: RegistrySettings
    registers: bool = True
    """Register the schema where the subject has none like it; else it must be there."""

    @staticmethod
    def for_generic(
        subject: str, schema: AvroSchema, url: str, auto_register: bool = True, **access: str
    ) -> "ConfluentRegistryAvroSerializationSchema":
        """Dicts or rows. `access`: user, password, token, ca_file."""
        return ConfluentRegistryAvroSerializationSchema(
            subject, schema, RegistrySettings(url, **access), auto_register
        )

    def serialize(self, element: Any) -> bytes | None:
        """The framed bytes; None stays None. The first call asks the registry."""
        if element is None:
            return None
        registry = open_registry(self.registry)
        ask = registry.register if self.registers else registry.look_up
        prefix = _PREFIX.pack(_MAGIC, ask(self.subject, self.schema))
        return write_record(row_writer(self.schema)(element), self.schema, prefix)


def _unframed(message: bytes) -> tuple[int, io.BytesIO]:
    if len(message) < _PREFIX.size or message[0] != _MAGIC:
        raise BadValue(
            f"not framed for a schema registry: it begins with {message[:5]!r} where a zero byte and an id should be"
        )
    stream = io.BytesIO(message)
    _, schema_id = _PREFIX.unpack(stream.read(_PREFIX.size))
    return schema_id, stream
