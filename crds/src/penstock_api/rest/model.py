"""The bases of REST bodies: Flink spells its fields with hyphens, in camelCase or with underscores, by endpoint.

Used by every module of this package. Reading ignores unknown fields, so other versions of Flink can be read; writing
uses Flink's spelling and leaves out what is unset, except where Flink writes null.
"""

import json
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, PlainSerializer, SerializerFunctionWrapHandler, model_serializer
from pydantic.alias_generators import to_camel


def to_hyphens(name: str) -> str:
    """`start_time` becomes `start-time`."""
    return name.replace("_", "-")


def _plain_number(value: float) -> float | str:
    return "NaN" if value != value else value


Number = Annotated[float, PlainSerializer(_plain_number, return_type=float | str)]
"""A float whose NaN is the text `"NaN"`, as Flink writes it."""


class RestModel(BaseModel):
    """A body, or a part of one, whose fields are spelt with underscores."""

    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True, extra="ignore", frozen=True)

    written_as_null: ClassVar[frozenset[str]] = frozenset()
    """Wire names that are written as null, not left out, while they are unset."""

    @model_serializer(mode="wrap")
    def _leave_out_unset(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        fields: dict[str, Any] = handler(self)
        return {
            name: value for name, value in fields.items() if value is not None or name in self.written_as_null
        }

    def to_json(self) -> bytes:
        """The body as the server sends it."""
        return json.dumps(self.model_dump(mode="json", by_alias=True), separators=(",", ":")).encode()


class HyphenModel(RestModel):
    """Fields are spelt with hyphens."""

    model_config = ConfigDict(alias_generator=to_hyphens)


class CamelModel(RestModel):
    """Fields are spelt in camelCase."""

    model_config = ConfigDict(alias_generator=to_camel)
