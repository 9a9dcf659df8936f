"""Schemas between bytes and records: what programs hand to connectors. Travel by pickle; called in slots."""

from collections.abc import Callable, Sequence
from typing import Any, BinaryIO, Protocol

from penstock.common.java_text import text_of
from penstock.common.type_information import TypeInformation
from penstock.common.unsupported import unsupported


class SerializationSchema:
    """Turns a record into bytes. Subclass it and override `serialize`."""

    def serialize(self, element: Any) -> bytes | None:
        """The bytes of a record; None for a record without content (Kafka's tombstone)."""
        raise TypeError(f"{type(self).__name__} does not override serialize")


class DeserializationSchema:
    """Turns bytes into a record. Subclass it and override `deserialize`."""

    def deserialize(self, message: bytes) -> Any:
        """The record of those bytes."""
        raise TypeError(f"{type(self).__name__} does not override deserialize")

    def deserialize_all(self, messages: Sequence[bytes]) -> list[Any]:
        """One result for each message, in order; overridden where one call for many is faster."""
        deserialize = self.deserialize
        return [deserialize(message) for message in messages]


class SimpleStringSchema(SerializationSchema, DeserializationSchema):
    """Text in one charset, both ways."""

    def __init__(self, charset: str = "UTF-8") -> None:
        self.charset = charset

    def serialize(self, element: Any) -> bytes:
        """The encoded text; anything but text is refused with its type."""
        if not isinstance(element, str):
            raise TypeError(
                f"SimpleStringSchema writes str, got {type(element).__name__}: map the stream to str before the sink"
            )
        return element.encode(self.charset)

    def deserialize(self, message: bytes) -> str:
        """The decoded text."""
        return message.decode(self.charset)

    def deserialize_all(self, messages: Sequence[bytes]) -> list[Any]:
        """The decoded texts."""
        charset = self.charset
        return [message.decode(charset) for message in messages]


class ByteArraySchema(SerializationSchema, DeserializationSchema):
    """Bytes as they are."""

    def serialize(self, element: Any) -> bytes:
        """The bytes themselves."""
        return bytes(element)

    def deserialize(self, message: bytes) -> bytes:
        """The bytes themselves."""
        return message


class Encoder:
    """Turns a record into the bytes of a file, its separator included."""

    def __init__(self, charset: str = "UTF-8", type_info: TypeInformation | None = None) -> None:
        self.charset = charset
        self.type_info = type_info
        """The declared type of records, which are then written as Flink writes it: `(a,1)`, `true`, `1.0E-7`."""
        self._text: Callable[[Any], str] | None = None

    @staticmethod
    def simple_string_encoder(charset_name: str = "UTF-8") -> "Encoder":
        """One line a record: its text."""
        return Encoder(charset_name)

    def encode(self, element: Any) -> bytes:
        """The line of a record, newline included."""
        if self._text is None:
            self._text = text_of(self.type_info)
        return f"{self._text(element)}\n".encode(self.charset)

    def __reduce__(self) -> Any:
        return type(self), (self.charset, self.type_info)

    def for_declared_type(self, type_info: TypeInformation) -> "Encoder":
        """The same for a stream whose records have a declared type."""
        return Encoder(self.charset, type_info) if type(self) is Encoder else self


class RowFieldExtractorSchema(SerializationSchema):
    """Writes one field of a row, bytes as they are and text as UTF-8 (a Kafka key, say)."""

    def __init__(self, field_index: int) -> None:
        if field_index < 0:
            raise ValueError(f"a row has no field {field_index}: count from 0")
        self.field_index = field_index

    def serialize(self, element: Any) -> bytes | None:
        """The field's bytes; None stays None."""
        value = element[self.field_index]
        if value is None or isinstance(value, bytes):
            return value
        return str(value).encode()


class BulkWriter(Protocol):
    """Writes the records of one file in a format whose file is whole only when it ends."""

    def add(self, elements: Sequence[Any]) -> None:
        """Take records; may hold them back."""
        ...

    def finish(self) -> None:
        """Write what was held back and the file's end. The stream stays open; nothing is added afterwards."""
        ...


class BulkWriterFactory:
    """Begins files of a bulk format for `FileSink.for_bulk_format`; made by the formats' writers. Travels by pickle."""

    def create(self, stream: BinaryIO) -> BulkWriter:
        """A writer onto an empty stream, which need not be seekable."""
        raise TypeError(f"{type(self).__name__} does not override create")

    @unsupported("Pass the factory itself to FileSink.for_bulk_format")
    def get_java_object(self) -> Any:
        """Refused."""


class RowDataBulkWriterFactory(BulkWriterFactory):
    """A bulk format of rows whose type is known."""

    def get_row_type(self) -> Any:
        """The logical type of the rows."""
        raise TypeError(f"{type(self).__name__} does not override get_row_type")
