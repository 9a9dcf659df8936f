"""AdmissionReviews are answered: refusals say what to do, warnings what surprises, session jobs get their label."""

import base64
import copy
import json
from collections.abc import Mapping
from typing import Any

import pytest

from penstock_api.v1beta1.deployment import FlinkDeployment
from penstock_operator.decide.validate_artifact import Resolve
from penstock_operator.model.facts import Ref
from penstock_operator.webhook.review import review
from tests.operator.simulation import BASE


class World:
    """What is in the cluster."""

    def __init__(self, session: dict[str, Any] | None = None, **defaults: str) -> None:
        self._session = session
        self._defaults = defaults
        self.resolve: Resolve | None = None

    def defaults(self, namespace: str) -> Mapping[str, str]:
        return self._defaults

    def deployment(self, ref: Ref) -> FlinkDeployment | None:
        return FlinkDeployment.from_wire(self._session) if self._session else None

    def exists(self, kind: str, ref: Ref) -> bool | None:
        return self._session is not None


def ask(
    kind: str,
    body: dict[str, Any],
    old: dict[str, Any] | None = None,
    *,
    world: World | None = None,
    mutate: bool = False,
    operation: str | None = None,
) -> dict[str, Any]:
    request = {
        "uid": "u-1",
        "kind": {"group": "flink.apache.org", "version": "v1beta1", "kind": kind},
        "operation": operation or ("UPDATE" if old else "CREATE"),
        "namespace": "team",
        "object": body,
        "oldObject": old,
    }
    wire = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request}
    found = review(wire, world or World(), mutate=mutate)
    assert found["response"]["uid"] == "u-1"
    response: dict[str, Any] = found["response"]
    return response


def deployment(**spec: Any) -> dict[str, Any]:
    body: dict[str, Any] = copy.deepcopy(BASE)
    body["spec"].update(spec)
    return body


WRONG = deployment(flinkConfiguration={})
SESSION_JOB = {
    "metadata": {"name": "job"},
    "spec": {"deploymentName": "session", "job": {"jarURI": "https://repo.example/a.py", "parallelism": 1}},
}


def test_a_valid_resource_is_allowed() -> None:
    assert ask("FlinkDeployment", deployment()) == {"uid": "u-1", "allowed": True}


def test_a_wrong_resource_is_refused_with_what_to_do() -> None:
    found = ask("FlinkDeployment", WRONG)
    assert not found["allowed"]
    assert found["status"]["code"] == 422
    assert "state.checkpoints.dir" in found["status"]["message"]


def test_the_layers_below_the_resource_count() -> None:
    keys = {"state.checkpoints.dir": "s3://b/c", "state.savepoints.dir": "s3://b/s"}
    assert ask("FlinkDeployment", WRONG, world=World(None, **keys))["allowed"]


def test_a_value_that_cannot_be_read_is_refused_with_its_field() -> None:
    found = ask("FlinkDeployment", deployment(job={"upgradeMode": "sometimes"}))
    assert "spec.job.upgradeMode cannot be 'sometimes'" in found["status"]["message"]


@pytest.mark.parametrize(
    ("kind", "body", "old", "operation"),
    [
        ("FlinkDeployment", {**WRONG, "metadata": {"labels": {"flink.apache.org/canary": "true"}}}, None, None),
        ("FlinkDeployment", {**WRONG, "metadata": {"name": "a", "finalizers": []}}, WRONG, None),
        ("FlinkDeployment", {**WRONG, "metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}}, None, None),
        ("FlinkDeployment", WRONG, None, "DELETE"),
        ("Pod", {"metadata": {}}, None, None),
    ],
)  # fmt: skip
def test_what_is_left_alone(
    kind: str, body: dict[str, Any], old: dict[str, Any] | None, operation: str | None
) -> None:
    assert ask(kind, body, old, operation=operation)["allowed"]


def test_a_change_of_the_spec_is_looked_at() -> None:
    assert not ask("FlinkDeployment", WRONG, deployment())["allowed"]


def test_what_surprises_is_a_warning() -> None:
    body = deployment()
    body["spec"]["flinkConfiguration"].update(
        {"kubernetes.operator.config.cache.size": "5", "kubernetes.operator.no.such.key": "x"}
    )
    [first, second] = ask("FlinkDeployment", body)["warnings"]
    assert "config.cache.size] has no effect: nothing is cached" in first
    assert "no.such.key] is not known" in second


def test_a_session_job_is_judged_with_its_cluster() -> None:
    application = World({"metadata": {"name": "session"}, "spec": {"job": {}}})
    session = World({"metadata": {"name": "session"}, "spec": {}})
    assert (
        "application cluster" in ask("FlinkSessionJob", SESSION_JOB, world=application)["status"]["message"]
    )
    assert ask("FlinkSessionJob", SESSION_JOB, world=session)["allowed"]
    assert ask("FlinkSessionJob", SESSION_JOB)["allowed"]


def test_a_snapshot_needs_its_job() -> None:
    body = {
        "metadata": {"name": "s"},
        "spec": {"savepoint": {}, "jobReference": {"kind": "FlinkDeployment", "name": "clicks"}},
    }
    assert "there is no FlinkDeployment 'clicks'" in ask("FlinkStateSnapshot", body)["status"]["message"]
    assert ask("FlinkStateSnapshot", body, world=World(deployment()))["allowed"]
    assert ask("FlinkStateSnapshot", {**body, "status": {"state": "COMPLETED"}})["allowed"]


@pytest.mark.parametrize(
    ("labels", "operations"),
    [
        (None, [{"op": "add", "path": "/metadata/labels", "value": {"target.session": "session"}}]),
        ({"a": "b"}, [{"op": "add", "path": "/metadata/labels/target.session", "value": "session"}]),
        (
            {"target.session": "old"},
            [{"op": "add", "path": "/metadata/labels/target.session", "value": "session"}],
        ),
    ],
)
def test_a_session_job_is_labelled(labels: dict[str, str] | None, operations: list[dict[str, Any]]) -> None:
    body: dict[str, Any] = copy.deepcopy(SESSION_JOB)
    if labels is not None:
        body["metadata"]["labels"] = labels
    found = ask("FlinkSessionJob", body, body, mutate=True)
    assert found["patchType"] == "JSONPatch"
    assert json.loads(base64.b64decode(found["patch"])) == operations
    body["metadata"]["labels"] = {"target.session": "session"}
    assert "patch" not in ask("FlinkSessionJob", body, mutate=True)
    assert "patch" not in ask("FlinkDeployment", deployment(), mutate=True)


@pytest.mark.parametrize("body", [{}, {"apiVersion": "admission.k8s.io/v1beta1"}, {"request": {"uid": "u"}}])
def test_what_is_no_review_raises(body: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="no AdmissionReview"):
        review(body, World())


def test_a_secret_in_plain_text_is_a_warning_without_its_value() -> None:
    body = deployment()
    body["spec"]["flinkConfiguration"]["s3.secret-key"] = "hunter2"
    [said] = ask("FlinkDeployment", body)["warnings"]
    assert "s3.secret-key" in said
    assert "hunter2" not in said


def test_what_the_label_selector_does_not_choose_is_for_another_operator() -> None:
    world = World(**{"kubernetes.operator.label.selector": "tier=gold"})
    theirs = copy.deepcopy(WRONG)
    assert ask("FlinkDeployment", theirs, world=world)["allowed"]
    assert "patch" not in ask("FlinkSessionJob", SESSION_JOB, world=world, mutate=True)
    theirs["metadata"]["labels"] = {"tier": "gold"}
    assert not ask("FlinkDeployment", theirs, world=world)["allowed"]
