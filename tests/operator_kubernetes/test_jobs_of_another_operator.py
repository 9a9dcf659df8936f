"""The operator takes the place of Apache's: Flink jobs that run are told that their engine is not there, and run on."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from penstock_operator.clients.kube import KubeClient
from tests.operator.test_jobs_of_another_operator import theirs
from tests.operator_kubernetes.api_server import ApiServer
from tests.operator_kubernetes.rollouts import eventually
from tests.operator_kubernetes.test_operator_process import Running

pytestmark = pytest.mark.timeout(180)

THEIR_FINALIZER = "flinkdeployments.flink.apache.org/finalizer"


def flink_objects(client: KubeClient, namespace: str, owner: dict[str, Any]) -> list[tuple[str, str]]:
    """What Flink's client made for `clicks`, in native mode."""
    marks = {"app": "clicks", "component": "jobmanager", "type": "flink-native-kubernetes"}
    pod = {
        "metadata": {"labels": marks},
        "spec": {"containers": [{"name": "flink-main-container", "image": "flink"}]},
    }
    reference = {
        "apiVersion": "flink.apache.org/v1beta1",
        "kind": "FlinkDeployment",
        "name": "clicks",
        "uid": owner["metadata"]["uid"],
        "controller": False,
        "blockOwnerDeletion": True,
    }
    metadata = {"namespace": namespace, "labels": marks, "ownerReferences": [reference]}
    ports = {"ports": [{"name": "rest", "port": 8081}], "selector": marks}
    made = (
        ("apps/v1", "Deployment", "clicks", {"spec": {"selector": {"matchLabels": marks}, "template": pod}}),
        ("v1", "Service", "clicks-rest", {"spec": ports}),
        ("v1", "ConfigMap", "flink-config-clicks", {"data": {"flink-conf.yaml": "a: b"}}),
    )
    for version, kind, name, content in made:
        client.create(
            {"apiVersion": version, "kind": kind, "metadata": {**metadata, "name": name}, **content}
        )
    return [(kind, name) for _, kind, name, _ in made]


@pytest.fixture
def deployment(client: KubeClient, namespace: str) -> dict[str, Any]:
    """As their operator left it, status and finalizer too."""
    wanted = theirs().to_wire()
    wanted["metadata"] = {"name": "clicks", "namespace": namespace, "finalizers": [THEIR_FINALIZER]}
    made = client.create({key: value for key, value in wanted.items() if key != "status"})
    return client.replace({**made, "status": wanted["status"]}, "status")


@pytest.fixture
def start(
    api_server: ApiServer,
    client: KubeClient,
    namespace: str,
    deployment: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Running]:
    monkeypatch.setenv("KUBECONFIG", str(api_server.kubeconfig(tmp_path / "kubeconfig")))
    running = Running(client, watch_namespaces=(namespace,), lease_name=f"lease-{namespace}")
    yield running
    running.stop()


def test_flink_job_and_its_status_stay_as_they_are(
    client: KubeClient, namespace: str, deployment: dict[str, Any], start: Running
) -> None:
    made = flink_objects(client, namespace, deployment)
    before = {each: client.get(each[0], each[1], namespace) for each in made}

    def seen(generation: int) -> dict[str, Any] | None:
        found = (client.get("FlinkDeployment", "clicks", namespace) or {}).get("status") or {}
        is_told = "EngineNotAvailable" in (found.get("error") or "")
        return found if is_told and found.get("observedGeneration") == generation else None

    generation = deployment["metadata"]["generation"]
    status = eventually("the reason", lambda: seen(generation))
    change = {"spec": {"restartNonce": 5}, "metadata": {"annotations": {"team": "clicks"}}}
    client.patch("FlinkDeployment", "clicks", namespace, change)
    status = eventually("the next generation to be seen", lambda: seen(generation + 1))
    for key in ("jobStatus", "reconciliationStatus", "jobManagerDeploymentStatus"):
        assert status[key] == deployment["status"][key]
    assert {each: client.get(each[0], each[1], namespace) for each in made} == before
    assert client.get("Namespace", f"{namespace}-clicks") is None
    resource = client.get("FlinkDeployment", "clicks", namespace) or {}
    assert resource["metadata"]["finalizers"] == [THEIR_FINALIZER]
    client.delete("FlinkDeployment", "clicks", namespace)
    eventually("the resource to go", lambda: client.get("FlinkDeployment", "clicks", namespace) is None)
