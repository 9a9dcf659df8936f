"""What a change of every single field costs, in one table; a field that is added has to be put into it."""

import types
import typing
from collections.abc import Iterator

import pytest
from pydantic import BaseModel

from penstock_api.v1beta1.cost import Cost, diff
from penstock_api.v1beta1.deployment import FlinkDeploymentSpec
from penstock_api.v1beta1.session_job import FlinkSessionJobSpec

JOB = {
    Cost.IGNORE: (
        "upgradeMode",
        "stopPolicy",
        "restorePolicy",
        "allowNonRestoredState",
        "allowEmptyState",
        "initialSavepointPath",
        "savepointTriggerNonce",
        "checkpointTriggerNonce",
        "autoscalerResetNonce",
    ),
    Cost.SCALE: ("parallelism",),
    Cost.UPGRADE: ("jarURI", "entryClass", "args", "state", "requirements", "archives"),
    Cost.SAVEPOINT_REDEPLOY: ("savepointRedeployNonce",),
}
REST = {
    Cost.IGNORE: ("upgradeStrategy", "deletion.", "cleanupPolicy.", "jobNamespaces.restartOnChange"),
    Cost.SCALE: ("taskManager.replicas",),
    Cost.UPGRADE: (
        "image",
        "imagePullPolicy",
        "serviceAccount",
        "flinkVersion",
        "mode",
        "engine",
        "ingress.",
        "podTemplate",
        "jobManager.",
        "taskManager.resource.",
        "taskManager.resources.",
        "taskManager.podTemplate",
        "logConfiguration",
        "flinkConfiguration",
        "restartNonce",
        "jobNamespaces.mode",
        "jobNamespaces.nameTemplate",
        "jobNamespaces.podSecurity",
        "batchScheduler.",
        "deploymentName",
    ),
}
"""A name with a dot at its end stands for all below it."""


def model_in(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if typing.get_origin(annotation) in (types.UnionType, typing.Union):
        found = (model_in(part) for part in typing.get_args(annotation))
        return next((model for model in found if model is not None), None)
    return None


def leaves(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, tuple[str, ...]]]:
    """Wire path and attribute names of every field that is not an object itself."""
    for name, field in model.model_fields.items():
        inner = model_in(field.annotation)
        path = f"{prefix}{field.alias or name}"
        if inner is None:
            yield path, (name,)
        else:
            yield from ((below, (name, *rest)) for below, rest in leaves(inner, f"{path}."))


def full(model: type[BaseModel]) -> BaseModel:
    """With every object there, and nothing in them."""
    inner = {name: model_in(field.annotation) for name, field in model.model_fields.items()}
    made = {name: full(kind) for name, kind in inner.items() if kind is not None}
    return model.model_construct().model_copy(update=made)


def with_change(spec: BaseModel, names: tuple[str, ...]) -> BaseModel:
    first, *rest = names
    old = getattr(spec, first)
    if rest:
        return spec.model_copy(update={first: with_change(old, tuple(rest))})
    value = {"some.key": "x"} if first == "flink_configuration" else "another"
    return spec.model_copy(update={first: value})


def declared(path: str) -> list[Cost]:
    inside = path.removeprefix("job.")
    table = JOB if path.startswith("job.") else REST
    return [
        cost
        for cost, names in table.items()
        if any(inside == name or (name.endswith(".") and inside.startswith(name)) for name in names)
    ]


@pytest.mark.parametrize("model", [FlinkDeploymentSpec, FlinkSessionJobSpec])
def test_cost_of_every_field(model: type[BaseModel]) -> None:
    spec, wrong = full(model), []
    for path, names in leaves(model):
        (change,) = diff(spec, with_change(spec, names), standalone=True)
        if declared(path) != [change.cost]:
            wrong.append(f"{path}: {change.cost.name}, the table says {declared(path)}")
    assert not wrong
