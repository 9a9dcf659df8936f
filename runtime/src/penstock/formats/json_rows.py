"""JSON objects as rows, both ways: PyFlink's `JsonRowDeserializationSchema` and `JsonRowSerializationSchema`.

Built by programs, called by sources and sinks in slots. Types that JSON lacks travel as Flink writes them:
dates and times as ISO text, bytes in base64, decimals as numbers.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, Self

import msgspec

from penstock.common.serialization import DeserializationSchema, SerializationSchema
from penstock.common.typeinfo import RowTypeInfo, TypeInformation
from penstock.formats.json_schema import type_of_json_schema
from penstock.formats.rows import BadValue, Convert, holds_decimals, reader, writer

_ENCODER = msgspec.json.Encoder(decimal_format="number")


class JsonRowDeserializationSchema(DeserializationSchema):
    """Bytes of JSON → Row; made by its builder."""

    class Builder:
        """Collects the schema's settings."""

        def __init__(self) -> None:
            self._type: TypeInformation | None = None
            self._is_strict = False
            self._is_lenient = False

        def type_info(self, type_info: TypeInformation) -> Self:
            """The row to read."""
            self._type = type_info
            return self

        def json_schema(self, json_schema: str) -> Self:
            """The row to read, by a JSON schema."""
            if not json_schema:
                raise ValueError("the JSON schema is empty: give its text, or call type_info()")
            self._type = type_of_json_schema(json_schema)
            return self

        def fail_on_missing_field(self) -> Self:
            """Refuse objects without one of the fields; without this they are None."""
            self._is_strict = True
            return self

        def ignore_parse_errors(self) -> Self:
            """Drop what is not JSON, make None of a field that does not fit."""
            self._is_lenient = True
            return self

        def build(self) -> "JsonRowDeserializationSchema":
            """The schema."""
            if self._is_strict and self._is_lenient:
                raise ValueError("fail_on_missing_field() and ignore_parse_errors() exclude each other")
            if self._type is None:
                raise ValueError("the JSON schema knows no type: call type_info() or json_schema()")
            return JsonRowDeserializationSchema(self._type, self._is_strict, self._is_lenient)

    def __init__(
        self, type_info: TypeInformation, fail_on_missing_field: bool = False, ignore_errors: bool = False
    ) -> None:
        self._type = _row_type(type_info)
        self._is_strict = fail_on_missing_field
        self._is_lenient = ignore_errors
        self._compile()

    @staticmethod
    def builder() -> "JsonRowDeserializationSchema.Builder":
        """A new builder."""
        return JsonRowDeserializationSchema.Builder()

    def get_produced_type(self) -> TypeInformation:
        """The type of the rows."""
        return self._type

    def deserialize(self, message: bytes) -> Any:
        """The row; None where a bad one is to be ignored."""
        try:
            return self._convert(self._decode(message))
        except (msgspec.DecodeError, BadValue, UnicodeDecodeError) as error:
            if self._is_lenient:
                return None
            raise BadValue(f"{_cause(error)} in {_excerpt(message)}") from error

    def deserialize_all(self, messages: Sequence[bytes]) -> list[Any]:
        """The rows of many messages."""
        decode, convert = self._decode, self._convert
        try:
            return [convert(decode(message)) for message in messages]
        except (msgspec.DecodeError, BadValue, UnicodeDecodeError):
            return [self.deserialize(message) for message in messages]  # finds the bad ones

    def __getstate__(self) -> dict[str, Any]:
        return {"type": self._type, "is_strict": self._is_strict, "is_lenient": self._is_lenient}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._type, self._is_strict = state["type"], state["is_strict"]
        self._is_lenient = state["is_lenient"]
        self._compile()

    def _compile(self) -> None:
        self._convert: Convert = reader(self._type, self._is_strict, self._is_lenient)
        # Binary floating point would round what is declared decimal.
        hook = Decimal if holds_decimals(self._type) else None
        self._decode: Callable[[bytes], Any] = msgspec.json.Decoder(float_hook=hook).decode


class JsonRowSerializationSchema(SerializationSchema):
    """Row → bytes of JSON; made by its builder."""

    class Builder:
        """Collects the schema's settings."""

        def __init__(self) -> None:
            self._type: TypeInformation | None = None

        def with_type_info(self, type_info: TypeInformation) -> Self:
            """The row to write."""
            self._type = type_info
            return self

        def build(self) -> "JsonRowSerializationSchema":
            """The schema."""
            if self._type is None:
                raise ValueError("the JSON schema knows no type: call with_type_info()")
            return JsonRowSerializationSchema(self._type)

    def __init__(self, type_info: TypeInformation) -> None:
        self._type = _row_type(type_info)
        self._convert: Convert = writer(self._type)

    @staticmethod
    def builder() -> "JsonRowSerializationSchema.Builder":
        """A new builder."""
        return JsonRowSerializationSchema.Builder()

    def serialize(self, element: Any) -> bytes | None:
        """The JSON of a row; None stays None."""
        return None if element is None else _ENCODER.encode(self._convert(element))

    def __getstate__(self) -> dict[str, Any]:
        return {"type": self._type}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._type = state["type"]
        self._convert = writer(self._type)


def _row_type(declared: TypeInformation) -> RowTypeInfo:
    if not isinstance(declared, RowTypeInfo):
        raise TypeError(f"the JSON schema reads rows, not {declared!r}: give Types.ROW_NAMED(names, types)")
    return declared


def _cause(error: Exception) -> str:
    return str(error) if isinstance(error, BadValue) else f"not JSON ({error})"


def _excerpt(message: bytes) -> str:
    return repr(message if len(message) <= 200 else message[:200] + b"...")
