"""Validation of a blue/green deployment: its own fields, then its sides as the FlinkDeployments that they will be. Pure."""

from collections.abc import Iterator, Mapping

from penstock_api.reasons import Reason
from penstock_api.v1beta1.blue_green import FlinkBlueGreenDeployment
from penstock_api.v1beta1.deployment import FlinkDeployment
from penstock_api.v1beta1.model import ObjectMeta
from penstock_operator.decide.blue_green.situation import DEFAULTS, PREFIX, child_spec, template_of
from penstock_operator.decide.validate import validate as validate_side
from penstock_operator.model.blue_green import Color
from penstock_operator.model.duration import parse_duration
from penstock_operator.model.facts import Problem
from penstock_operator.model.launch import with_defaults

LONGEST_NAME = 39
"""So that `<name>-green` has at most the 45 letters of a FlinkDeployment's name."""


def validate(resource: FlinkBlueGreenDeployment, defaults: Mapping[str, str]) -> tuple[Problem, ...]:
    """Everything that is wrong with the wanted spec."""
    own = tuple(_own(resource))
    if own or resource.spec.template is None or resource.spec.template.spec is None:
        return own
    side = sample_side(resource, Color.GREEN)
    full = side.model_copy(update={"spec": with_defaults(side.spec, defaults)})
    return tuple(
        Problem(found.reason, f"spec.template: {found.message}", found.component)
        for found in validate_side(full)
    )


def sample_side(resource: FlinkBlueGreenDeployment, color: Color) -> FlinkDeployment:
    """The FlinkDeployment that a side would be, for what is asked of it before it is there."""
    meta = resource.metadata
    return FlinkDeployment(
        metadata=ObjectMeta(name=color.child(meta.name), namespace=meta.namespace),
        spec=child_spec(template_of(resource.spec), color, None),
    )


def _own(resource: FlinkBlueGreenDeployment) -> Iterator[Problem]:
    spec, name = resource.spec, resource.metadata.name
    if len(name) > LONGEST_NAME:
        yield _refuse(f"metadata.name {name!r} is longer than {LONGEST_NAME} letters: its sides add -green")
    if spec.template is None or spec.template.spec is None:
        yield _refuse("spec.template.spec is missing: it is the FlinkDeployment's spec")
        return
    if spec.template.spec.job is None:
        yield _refuse("spec.template.spec.job is missing: a session cluster has no job to hand over")
    if spec.ingress is not None and not spec.ingress.template:
        yield _refuse("spec.ingress.template is missing: write a host, as in {{name}}.example.com")
    for key, text in spec.configuration.items():
        if key.removeprefix(PREFIX) not in DEFAULTS:
            known = ", ".join(PREFIX + each for each in DEFAULTS)
            yield _refuse(f"spec.configuration[{key}] is not known: the keys are {known}")
            continue
        try:
            parse_duration(text)
        except ValueError as error:
            yield _refuse(f"spec.configuration[{key}]: {error}")


def _refuse(message: str) -> Problem:
    return Problem(Reason.VALIDATION_ERROR, message)
