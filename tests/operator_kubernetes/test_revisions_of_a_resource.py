"""ControllerRevisions of a resource: kept once, bounded, owned; no reason to keep a job from running."""

import json
import os
from collections.abc import Mapping
from typing import Any

import pytest

from penstock_api.reasons import Reason
from penstock_api.v1beta1.deployment import FlinkDeployment
from penstock_operator.clients.kube import KubeClient
from penstock_operator.errors import ExternalError
from penstock_operator.platforms import kubernetes_revisions

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def resource(client: KubeClient, namespace: str) -> FlinkDeployment:
    body = {
        "apiVersion": "flink.apache.org/v1beta1",
        "kind": "FlinkDeployment",
        "metadata": {"name": f"clicks-{os.urandom(2).hex()}", "namespace": namespace},
        "spec": {"job": {"jarURI": "local:///opt/job.py", "parallelism": 1}},
    }
    return FlinkDeployment.from_wire(client.create(body))


def kept(client: KubeClient, namespace: str) -> dict[int, Any]:
    found = client.list("ControllerRevision", namespace)
    return {each["revision"]: each["data"]["spec"] for each in found}


def test_they_are_kept_once_and_only_as_many_as_are_told_of(
    client: KubeClient, namespace: str, resource: FlinkDeployment
) -> None:
    for number in range(1, 5):
        numbers = tuple(range(max(1, number - 1), number + 1))
        spec = json.dumps({"job": {"args": [str(number)]}})
        kubernetes_revisions.keep(client, resource, number, spec, numbers)
    versions = {each["metadata"]["uid"] for each in client.list("ControllerRevision", namespace)}
    kubernetes_revisions.keep(client, resource, 4, json.dumps({"job": {"args": ["4"]}}), (3, 4))
    assert kept(client, namespace) == {3: {"job": {"args": ["3"]}}, 4: {"job": {"args": ["4"]}}}
    assert {each["metadata"]["uid"] for each in client.list("ControllerRevision", namespace)} == versions
    owner = client.list("ControllerRevision", namespace)[0]["metadata"]["ownerReferences"][0]
    assert (owner["kind"], owner["uid"]) == ("FlinkDeployment", resource.metadata.uid)


def test_a_number_that_is_given_again_has_the_new_spec(
    client: KubeClient, namespace: str, resource: FlinkDeployment
) -> None:
    for number in (1, 2):
        kubernetes_revisions.keep(client, resource, number, json.dumps({"job": {"args": ["old"]}}), (1, 2))
    kubernetes_revisions.keep(client, resource, 1, json.dumps({"job": {"args": ["new"]}}), (1,))
    assert kept(client, namespace) == {1: {"job": {"args": ["new"]}}}


class Refusing:
    """A client whose account may not keep revisions."""

    def __init__(self, reason: Reason) -> None:
        self._reason = reason

    def get(self, *_: object) -> None:
        return None

    def create(self, _: Mapping[str, object]) -> None:
        raise ExternalError(self._reason, "controllerrevisions.apps is forbidden")


def test_an_account_without_the_right_deploys_all_the_same(resource: FlinkDeployment) -> None:
    kubernetes_revisions.keep(Refusing(Reason.PERMISSION_DENIED), resource, 1, "{}", (1,))  # type: ignore[arg-type]
    with pytest.raises(ExternalError):
        kubernetes_revisions.keep(Refusing(Reason.ERROR), resource, 1, "{}", (1,))  # type: ignore[arg-type]
