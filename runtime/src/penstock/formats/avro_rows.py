"""Single Avro records (no container, no schema in the bytes) as rows: PyFlink's `AvroRow…Schema` classes.

Built by programs, called by sources and sinks in slots. With a schema registry see `avro_registry`.
"""

import io
from typing import Any

from penstock.common.serialization import DeserializationSchema, SerializationSchema
from penstock.common.typeinfo import TypeInformation
from penstock.common.unsupported import UnsupportedOperation
from penstock.formats.avro_schema import AvroSchema, AvroTypes, load_fastavro, row_reader, row_writer
from penstock.formats.logical import declared_type
from penstock.formats.rows import BadValue


def _schema(what: str, record_class: str | None, text: str | None) -> AvroSchema:
    if text is None and record_class is not None:
        raise UnsupportedOperation(
            f"{what}(record_class=...)",
            "there is no JVM behind Penstock that could load the class",
            "Pass the record's schema as avro_schema_string",
        )
    if text is None:
        raise TypeError(f"{what} needs a schema: pass avro_schema_string")
    return AvroSchema.parse_string(text)


class AvroRowDeserializationSchema(DeserializationSchema):
    """Bytes of one record → Row."""

    def __init__(self, record_class: str | None = None, avro_schema_string: str | None = None) -> None:
        self._schema = _schema(type(self).__name__, record_class, avro_schema_string)

    def get_produced_type(self) -> TypeInformation:
        """The type of the rows."""
        return declared_type(AvroTypes(self._schema).row_type())

    def deserialize(self, message: bytes) -> Any:
        """The row."""
        return row_reader(self._schema)(read_record(io.BytesIO(message), self._schema, None))


class AvroRowSerializationSchema(SerializationSchema):
    """Row → bytes of one record."""

    def __init__(self, record_class: str | None = None, avro_schema_string: str | None = None) -> None:
        self._schema = _schema(type(self).__name__, record_class, avro_schema_string)

    def serialize(self, element: Any) -> bytes | None:
        """The bytes of a row; None stays None."""
        return None if element is None else write_record(row_writer(self._schema)(element), self._schema)


def read_record(stream: io.BytesIO, writer: AvroSchema, reader: AvroSchema | None) -> Any:
    """The record at the stream's place, resolved to the reader's schema; a BadValue says what is wrong."""
    fastavro = load_fastavro()
    try:
        found = fastavro.schemaless_reader(stream, writer.parsed, reader.parsed if reader else None)
    except fastavro.read.SchemaResolutionError as error:
        raise BadValue(
            f"records written as {writer.full_name} do not fit the reader's schema: {error}"
        ) from error
    except (EOFError, IndexError, ValueError, KeyError, TypeError, OverflowError) as error:
        raise BadValue(
            f"not an Avro record of {writer.full_name}: {error or type(error).__name__}"
        ) from error
    if stream.read(1):
        raise BadValue(f"bytes are left over behind the Avro record of {writer.full_name}")
    return found


def write_record(plain: Any, schema: AvroSchema, prefix: bytes = b"") -> bytes:
    """The bytes of a record behind `prefix`; a BadValue names the field that does not fit."""
    fastavro = load_fastavro()
    stream = io.BytesIO()
    stream.write(prefix)
    try:
        fastavro.schemaless_writer(stream, schema.parsed, plain)
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
        raise BadValue(
            f"the record does not fit the Avro schema {schema.full_name}: {_why(plain, schema, error)}"
        ) from error
    return stream.getvalue()


def _why(plain: Any, schema: AvroSchema, error: Exception) -> str:
    validation = load_fastavro().validation
    try:
        validation.validate(plain, schema.parsed)
    except validation.ValidationError as found:
        return str(found).replace("\n", " ")
    except (TypeError, KeyError, AttributeError):
        return str(error)
    return str(error)
