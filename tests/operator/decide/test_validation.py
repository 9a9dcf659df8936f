"""Validation names the field and the fix; a valid spec passes."""

import copy
from collections.abc import Callable

import pytest

from penstock_api.reasons import Reason
from penstock_api.v1beta1.deployment import FlinkDeployment
from penstock_operator.decide.validate import validate
from tests.operator.simulation import BASE


def problems(change: Callable[[dict], None]) -> list[tuple[Reason, str]]:
    body = copy.deepcopy(BASE)
    change(body)
    return [(problem.reason, problem.message) for problem in validate(FlinkDeployment.from_wire(body))]


def test_valid_spec_passes() -> None:
    assert problems(lambda body: None) == []


@pytest.mark.parametrize(
    ("change", "reason", "word"),
    [
        (lambda b: b["spec"].update(flinkVersion="v1_20"), Reason.ENGINE_NOT_AVAILABLE, "engine"),
        (lambda b: b["metadata"].update(name="Big"), Reason.VALIDATION_ERROR, "metadata.name"),
        (lambda b: b["spec"].pop("job"), Reason.VALIDATION_ERROR, "spec.job"),
        (lambda b: b["spec"]["job"].pop("jarURI"), Reason.VALIDATION_ERROR, "jarURI"),
        (lambda b: b["spec"]["job"].update(jarURI="gs://x/y.py"), Reason.VALIDATION_ERROR, "s3://"),
        (lambda b: b["spec"]["job"].update(parallelism=0), Reason.VALIDATION_ERROR, "parallelism"),
        (lambda b: b["spec"].update(taskManager={"replicas": 0}), Reason.VALIDATION_ERROR, "replicas"),
        (
            lambda b: b["spec"]["flinkConfiguration"].pop("state.checkpoints.dir"),
            Reason.VALIDATION_ERROR,
            "state.checkpoints.dir",
        ),
        (
            lambda b: b["spec"]["flinkConfiguration"].pop("state.savepoints.dir"),
            Reason.VALIDATION_ERROR,
            "state.savepoints.dir",
        ),
        (
            lambda b: b["spec"]["flinkConfiguration"].update({"kubernetes.cluster-id": "x"}),
            Reason.VALIDATION_ERROR,
            "kubernetes.cluster-id",
        ),
        (lambda b: b["spec"].update(deletion={"deadline": "soon"}), Reason.VALIDATION_ERROR, "deadline"),
        (
            lambda b: b["spec"].update(jobManager={"resource": {"memory": "lots"}}),
            Reason.VALIDATION_ERROR,
            "memory",
        ),
        (lambda b: b["spec"].update(jobManager={"replicas": 2}), Reason.VALIDATION_ERROR, "replicas"),
        (
            lambda b: b["spec"].update(logConfiguration={"a": "b"}),
            Reason.VALIDATION_ERROR,
            "logConfiguration",
        ),
        (
            lambda b: b["spec"].update(
                podTemplate={"spec": {"volumes": [{"persistentVolumeClaim": {"claimName": "data"}}]}}
            ),
            Reason.VOLUME_NEEDS_SHARED_NAMESPACE,
            "data",
        ),
    ],
)
def test_refused_spec_names_the_field(change: Callable[[dict], None], reason: Reason, word: str) -> None:
    [(found, message)] = problems(change)
    assert found is reason
    assert word in message
