"""CustomResourceDefinitions, made from the models: schema, printer columns, short names, subresources.

Called by the generator (`crdgen`), by the operator to install them and to check what is installed. Schemas are
structural and, as upstream's, without required fields or defaults: those are the operator's code. Rules are marks on the
models, and none refuses what upstream would have stored. Pure.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from penstock_api.v1beta1.blue_green import FlinkBlueGreenDeployment
from penstock_api.v1beta1.deployment import FlinkDeployment
from penstock_api.v1beta1.model import GROUP, VERSION, ApiModel, IntOrString, Nullable
from penstock_api.v1beta1.rule import Rule
from penstock_api.v1beta1.session_job import FlinkSessionJob
from penstock_api.v1beta1.state_snapshot import FlinkStateSnapshot

Schema = dict[str, Any]
"""A part of an OpenAPI v3 schema, as it goes to the API server."""

_SCALARS: dict[Any, str] = {str: "string", int: "integer", float: "number", bool: "boolean"}


@dataclass(frozen=True, slots=True)
class ScalePaths:
    """Where `kubectl scale` and autoscalers read and write."""

    spec: str
    status: str
    selector: str


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind: its model, its names, its columns in `kubectl get` (title and path)."""

    model: type[ApiModel]
    plural: str
    short: str
    columns: tuple[tuple[str, str], ...]
    scale: ScalePaths | None = None

    @property
    def name(self) -> str:
        """The kind's name."""
        return self.model.__name__

    @property
    def crd_name(self) -> str:
        """Name of its CustomResourceDefinition."""
        return f"{self.plural}.{GROUP}"


_JOB_STATE = ("Job Status", ".status.jobStatus.state")
_LIFECYCLE = ("Lifecycle State", ".status.lifecycleState")

KINDS: tuple[Kind, ...] = (
    Kind(
        FlinkDeployment,
        "flinkdeployments",
        "flinkdep",
        (_JOB_STATE, _LIFECYCLE),
        ScalePaths(
            ".spec.taskManager.replicas",
            ".status.taskManager.replicas",
            ".status.taskManager.labelSelector",
        ),
    ),
    Kind(FlinkSessionJob, "flinksessionjobs", "sessionjob", (_JOB_STATE, _LIFECYCLE)),
    Kind(
        FlinkStateSnapshot,
        "flinkstatesnapshots",
        "flinksnp",
        (
            ("Path", ".status.path"),
            ("Result Timestamp", ".status.resultTimestamp"),
            ("Snapshot State", ".status.state"),
        ),
    ),
    Kind(FlinkBlueGreenDeployment, "flinkbluegreendeployments", "flinkbgdep", (_JOB_STATE,)),
)


def build_crd(kind: Kind) -> dict[str, Any]:
    """The CustomResourceDefinition of a kind."""
    subresources: dict[str, Any] = {"status": {}}
    if kind.scale is not None:
        subresources["scale"] = {
            "specReplicasPath": kind.scale.spec,
            "statusReplicasPath": kind.scale.status,
            "labelSelectorPath": kind.scale.selector,
        }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": kind.crd_name},
        "spec": {
            "group": GROUP,
            "names": {
                "kind": kind.name,
                "listKind": f"{kind.name}List",
                "plural": kind.plural,
                "shortNames": [kind.short],
                "singular": kind.name.lower(),
            },
            "scope": "Namespaced",
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "additionalPrinterColumns": [
                        {"name": title, "type": "string", "jsonPath": path} for title, path in kind.columns
                    ],
                    "schema": {"openAPIV3Schema": _root_schema(kind.model)},
                    "subresources": subresources,
                }
            ],
        },
    }


def build_crds() -> list[dict[str, Any]]:
    """The CustomResourceDefinitions of all kinds."""
    return [build_crd(kind) for kind in KINDS]


def schema_fields(schema: Schema, prefix: str = "") -> Iterator[str]:
    """Every field of a schema as a dotted path: to find what an installed definition lacks."""
    for name, inner in schema.get("properties", {}).items():
        yield f"{prefix}{name}"
        yield from schema_fields(inner, f"{prefix}{name}.")
        yield from schema_fields(inner.get("items", {}), f"{prefix}{name}[].")


def missing_fields(installed: dict[str, Any], kind: Kind) -> list[str]:
    """Fields of this version's schema that an installed CustomResourceDefinition does not hold."""
    versions = installed.get("spec", {}).get("versions", [])
    held: dict[str, Any] = next((version for version in versions if version.get("name") == VERSION), {})
    present = set(schema_fields(held.get("schema", {}).get("openAPIV3Schema", {})))
    return [path for path in schema_fields(_root_schema(kind.model)) if path not in present]


def _root_schema(model: type[ApiModel]) -> Schema:
    whole = _model_schema(model)
    properties = {name: whole["properties"][name] for name in ("spec", "status")}
    schema: Schema = {"type": "object", "description": _first_paragraph(model), "properties": properties}
    _add_rules(schema, model.api_rules)
    return schema


def _model_schema(model: type[ApiModel]) -> Schema:
    properties: dict[str, Schema] = {}
    for name, field in model.model_fields.items():
        schema = _type_schema(field.annotation)
        if any(isinstance(mark, Nullable) for mark in field.metadata):
            schema["nullable"] = True
        if field.description:
            schema["description"] = field.description
        _add_rules(schema, [mark for mark in field.metadata if isinstance(mark, Rule)])
        properties[field.alias or name] = schema
    return {"type": "object", "description": _first_paragraph(model), "properties": properties}


def _add_rules(schema: Schema, rules: Sequence[Rule]) -> None:
    if rules:
        schema["x-kubernetes-validations"] = [
            {"rule": rule.expression, "message": rule.message} for rule in rules
        ]


def _first_paragraph(model: type[ApiModel]) -> str:
    return " ".join((model.__doc__ or "").strip().split("\n\n")[0].split())


def _type_schema(annotation: Any) -> Schema:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        if any(isinstance(mark, IntOrString) for mark in arguments[1:]):
            return {"anyOf": [{"type": "integer"}, {"type": "string"}], "x-kubernetes-int-or-string": True}
        return _type_schema(arguments[0])
    if origin in (Union, UnionType):
        return _type_schema(next(argument for argument in arguments if argument is not NoneType))
    if origin is Literal:
        return {"type": "string"}
    if origin is list:
        return {"type": "array", "items": _type_schema(arguments[0])}
    if origin is dict:
        return _map_schema(arguments[1])
    if annotation in _SCALARS:
        return {"type": _SCALARS[annotation]}
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return {"type": "string", "enum": [member.value for member in annotation]}
    if isinstance(annotation, type) and issubclass(annotation, ApiModel):
        return _model_schema(annotation)
    raise TypeError(f"no schema for {annotation!r}: use a scalar, an Enum, a list, a dict or an ApiModel")


def _map_schema(value: Any) -> Schema:
    if value is Any:
        return {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    return {"type": "object", "additionalProperties": _type_schema(value)}
