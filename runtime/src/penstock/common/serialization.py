"""Schemas between bytes and records: what programs hand to connectors. Travel by pickle; called in slots."""

from typing import Any


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

    def __init__(self, charset: str = "UTF-8") -> None:
        self.charset = charset

    @staticmethod
    def simple_string_encoder(charset_name: str = "UTF-8") -> "Encoder":
        """One line a record: its `str()`."""
        return Encoder(charset_name)

    def encode(self, element: Any) -> bytes:
        """The line of a record, newline included."""
        return f"{element}\n".encode(self.charset)
