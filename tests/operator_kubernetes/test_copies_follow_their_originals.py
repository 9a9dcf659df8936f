"""Copies of Secrets and ConfigMaps in a job's namespace are brought up to their originals while the job is at rest."""

import base64
from typing import Any

import pytest

from penstock_api.v1beta1.deployment import FlinkDeployment
from penstock_operator.build.context import Defaults
from penstock_operator.clients.kube import KubeClient
from penstock_operator.decide.planner import decide
from penstock_operator.model.facts import ClusterFacts, Facts, Ref
from penstock_operator.model.launch import Launch
from penstock_operator.model.plan import RefreshCopies
from penstock_operator.platforms.kubernetes import KubernetesPlatform

pytestmark = pytest.mark.timeout(300)


def _put(client: KubeClient, kind: str, namespace: str, name: str, **content: Any) -> None:
    client.apply(
        {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": namespace}, **content}
    )


def _resource(client: KubeClient, namespace: str) -> FlinkDeployment:
    container = {
        "name": "flink-main-container",
        "envFrom": [{"secretRef": {"name": "storage"}}, {"configMapRef": {"name": "table"}}],
    }
    body = {
        "apiVersion": "flink.apache.org/v1beta1",
        "kind": "FlinkDeployment",
        "metadata": {"name": "clicks", "namespace": namespace},
        "spec": {
            "job": {"jarURI": "configmap://program/job.py", "parallelism": 1, "upgradeMode": "stateless"},
            "serviceAccount": "team",
            "podTemplate": {"spec": {"containers": [container]}},
        },
    }
    return FlinkDeployment.from_wire(client.create(body))


@pytest.fixture
def platform(client: KubeClient) -> KubernetesPlatform:
    return KubernetesPlatform(client, Defaults(operator_namespace="penstock"))


def _deploy(client: KubeClient, namespace: str, platform: KubernetesPlatform) -> FlinkDeployment:
    _put(client, "Secret", namespace, "storage", stringData={"TOKEN": "old"})
    _put(client, "Secret", namespace, "registry", stringData={"password": "old"})
    _put(client, "ConfigMap", namespace, "table", data={"a": "1"})
    _put(client, "ConfigMap", namespace, "program", data={"job.py": "print(1)"})
    _put(client, "ServiceAccount", namespace, "team", imagePullSecrets=[{"name": "registry"}])
    resource = _resource(client, namespace)
    meta = resource.metadata
    launch = Launch(Ref(meta.namespace, meta.name), meta.uid or "", 1, resource.spec, "a" * 32)
    platform.deploy(resource, launch)
    _say_ready(client, f"{namespace}-clicks")
    return resource


def _say_ready(client: KubeClient, place: str) -> None:
    """Stand in for the controllers, which this API server has none of."""
    status = {"status": {"replicas": 1, "readyReplicas": 1, "availableReplicas": 1}}
    client.patch("Deployment", "clicks", place, status, "status")


def test_what_an_account_pulls_images_with_follows_the_job(
    client: KubeClient, namespace: str, platform: KubernetesPlatform
) -> None:
    _deploy(client, namespace, platform)
    place = f"{namespace}-clicks"
    account = client.get("ServiceAccount", "team", place) or {}
    assert account["imagePullSecrets"] == [{"name": "registry"}]
    assert client.get("Secret", "registry", place) is not None


def test_a_changed_original_is_copied_again_and_a_program_only_by_a_deploy(
    client: KubeClient, namespace: str, platform: KubernetesPlatform
) -> None:
    resource = _deploy(client, namespace, platform)
    place = f"{namespace}-clicks"
    assert platform.observe(resource).stale_copies == ()
    _put(client, "Secret", namespace, "storage", stringData={"TOKEN": "new"})
    _put(client, "ConfigMap", namespace, "table", data={"b": "2"})
    _put(client, "ConfigMap", namespace, "program", data={"job.py": "print(2)"})
    assert platform.observe(resource).stale_copies == ("Secret/storage", "ConfigMap/table")
    platform.refresh_copies(resource)
    assert platform.observe(resource).stale_copies == ()
    token = (client.get("Secret", "storage", place) or {})["data"]["TOKEN"]
    assert base64.b64decode(token) == b"new"
    assert (client.get("ConfigMap", "table", place) or {})["data"] == {"b": "2"}
    assert (client.get("ConfigMap", "program", place) or {})["data"] == {"job.py": "print(1)"}


def test_copies_of_a_job_that_starts_can_wait(
    client: KubeClient, namespace: str, platform: KubernetesPlatform
) -> None:
    resource = _deploy(client, namespace, platform)
    _put(client, "Secret", namespace, "storage", stringData={"TOKEN": "new"})
    assert platform.observe(resource).stale_copies == ("Secret/storage",)
    client.patch(
        "Deployment",
        "clicks",
        f"{namespace}-clicks",
        {"status": {"readyReplicas": 0, "availableReplicas": 0}},
        "status",
    )
    assert platform.observe(resource).stale_copies == ()
    platform.stop(resource)
    assert platform.observe(resource).stale_copies == ("Secret/storage",)


def test_a_copy_whose_original_is_gone_stays_for_the_pods_that_use_it(
    client: KubeClient, namespace: str, platform: KubernetesPlatform
) -> None:
    resource = _deploy(client, namespace, platform)
    client.delete("Secret", "storage", namespace)
    assert platform.observe(resource).stale_copies == ()
    assert client.get("Secret", "storage", f"{namespace}-clicks") is not None


def test_stale_copies_are_refreshed_at_rest_and_never_during_a_deletion() -> None:
    body: dict[str, Any] = {
        "metadata": {"namespace": "default", "name": "clicks", "uid": "u-1", "generation": 1},
        "spec": {
            "job": {
                "jarURI": "local:///job.py",
                "parallelism": 1,
                "upgradeMode": "stateless",
                "state": "suspended",
            }
        },
    }
    seen = ClusterFacts(stale_copies=("Secret/storage",), leftovers=True)
    first = decide(Facts(resource=FlinkDeployment.from_wire(body), now=1))
    resource = FlinkDeployment.from_wire(body).model_copy(update={"status": first.status})
    assert decide(Facts(resource=resource, now=2, cluster=seen)).actions == (RefreshCopies(),)
    assert decide(Facts(resource=resource, now=3)).actions == ()
    body["metadata"]["deletionTimestamp"] = "2999-01-01T00:00:00Z"
    ending = FlinkDeployment.from_wire(body).model_copy(update={"status": first.status})
    assert RefreshCopies() not in decide(Facts(resource=ending, now=4, cluster=seen)).actions
