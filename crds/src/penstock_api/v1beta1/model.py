"""The base of every custom-resource model: camelCase on the wire, snake_case in Python, frozen values.

Used by all modules of this package. Unknown input is dropped, never an error: an API server prunes it as well, and a
manifest written for a newer version must still load. Change a value with `model_copy(update=...)`, never in place.
"""

from dataclasses import dataclass
from typing import Any, ClassVar, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from penstock_api.v1beta1.rule import Rule

GROUP = "flink.apache.org"
VERSION = "v1beta1"
ApiVersion = Literal["flink.apache.org/v1beta1"]
API_VERSION: Final = "flink.apache.org/v1beta1"


@dataclass(frozen=True, slots=True)
class IntOrString:
    """Mark: the API server shall take a number as well as a text."""


@dataclass(frozen=True, slots=True)
class Nullable:
    """Mark: the API server shall take null."""


class ApiModel(BaseModel):
    """A part of a custom resource."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        extra="ignore",
        frozen=True,
        use_attribute_docstrings=True,
    )
    api_rules: ClassVar[tuple[Rule, ...]] = ()
    """Rules of the whole object, which may look at `self.metadata.name`."""

    @model_validator(mode="before")
    @classmethod
    def _null_is_unset(cls, body: Any) -> Any:
        """A field that is null is one that is not there, as the API server has it."""
        if isinstance(body, dict):
            return {key: value for key, value in body.items() if value is not None}
        return body

    def to_wire(self) -> dict[str, Any]:
        """The JSON-ready form of the API server: camelCase names, nothing that is unset."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)

    @classmethod
    def from_wire(cls, body: Any) -> Self:
        """Read what the API server (or a manifest) holds; raises pydantic's ValidationError naming the field."""
        return cls.model_validate(body)


class ObjectMeta(ApiModel):
    """The metadata of a Kubernetes object, as far as Penstock reads it."""

    name: str = ""
    namespace: str = ""
    uid: str | None = None
    generation: int | None = None
    resource_version: str | None = None
    creation_timestamp: str | None = None
    deletion_timestamp: str | None = None
    labels: dict[str, str] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)
    finalizers: list[str] = Field(default_factory=list)
    owner_references: list[dict[str, Any]] = Field(default_factory=list)
    managed_fields: list[dict[str, Any]] = Field(default_factory=list)
