"""A pod template of another shape is refused by a sentence that says where; it raised an error of no reason before."""

from typing import Any

import pytest

from penstock_api.v1beta1.deployment import FlinkDeployment
from penstock_operator.decide.validate import validate
from penstock_operator.model.pod_template import misshapen

CASES: list[tuple[dict[str, Any], str]] = [
    ({"spec": "not an object"}, ".spec must be an object, not 'not an object'"),
    ({"spec": []}, ".spec must be an object, not a list"),
    ({"metadata": 1}, ".metadata must be an object, not 1"),
    ({"metadata": {"labels": ["a"]}}, ".metadata.labels must be an object, not a list"),
    ({"spec": {"containers": "none"}}, ".spec.containers must be a list, not 'none'"),
    ({"spec": {"containers": {"name": "x"}}}, ".spec.containers must be a list, not an object"),
    ({"spec": {"containers": [None]}}, ".spec.containers[0] must be an object, not null"),
    ({"spec": {"containers": ["x"]}}, ".spec.containers[0] must be an object, not 'x'"),
    (
        {"spec": {"containers": [{"env": [{"valueFrom": "x"}]}]}},
        ".spec.containers[0].env[0].valueFrom must be an object, not 'x'",
    ),
    (
        {"spec": {"volumes": [{"projected": {"sources": {}}}]}},
        ".spec.volumes[0].projected.sources must be a list, not an object",
    ),
    ({"spec": {"imagePullSecrets": ["mine"]}}, ".spec.imagePullSecrets[0] must be an object, not 'mine'"),
]


@pytest.mark.parametrize(("template", "said"), CASES)
def test_what_has_another_shape_is_named(template: dict[str, Any], said: str) -> None:
    assert misshapen(template) == said


@pytest.mark.parametrize("part", ["podTemplate", "jobManager", "taskManager"])
def test_it_is_refused_wherever_it_stands(part: str) -> None:
    wrong: dict[str, Any] = {"spec": "x"}
    spec = {part: wrong if part == "podTemplate" else {"podTemplate": wrong}}
    body = {"metadata": {"name": "clicks", "namespace": "team"}, "spec": {"job": {"jarURI": "x.py"}, **spec}}
    [problem] = validate(FlinkDeployment.from_wire(body))
    path = "spec.podTemplate" if part == "podTemplate" else f"spec.{part}.podTemplate"
    assert problem.message == f"{path}.spec must be an object, not 'x'"


@pytest.mark.parametrize("template", [None, {}, {"spec": None}, {"spec": {"containers": None, "other": 1}}])
def test_what_nobody_reads_may_be_anything(template: dict[str, Any] | None) -> None:
    assert misshapen(template) is None
