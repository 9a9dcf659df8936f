"""A session cluster on a real API server: what is made for it, and that it goes after its FlinkSessionJobs."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from penstock_operator.clients.kube import KubeClient
from tests.operator_kubernetes.api_server import ApiServer
from tests.operator_kubernetes.rollouts import eventually
from tests.operator_kubernetes.test_operator_process import Running

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def running(
    api_server: ApiServer, client: KubeClient, namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Running]:
    monkeypatch.setenv("KUBECONFIG", str(api_server.kubeconfig(tmp_path / "kubeconfig")))
    found = Running(client, watch_namespaces=(namespace,), lease_name=f"lease-{namespace}")
    yield found
    found.stop()


def manifest(kind: str, namespace: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": "flink.apache.org/v1beta1",
        "kind": kind,
        "metadata": {"name": name, "namespace": namespace},
        "spec": spec,
    }


def test_session_cluster_is_made_without_a_program_and_goes_after_its_jobs(
    client: KubeClient, namespace: str, running: Running
) -> None:
    place = f"{namespace}-session"
    client.create(manifest("FlinkDeployment", namespace, "session", {"taskManager": {"replicas": 2}}))
    workers = eventually("TaskManagers", lambda: client.get("Deployment", "session-taskmanager", place))
    assert workers["spec"]["replicas"] == 2
    manager = client.get("Deployment", "session", place)
    assert manager is not None
    arguments = manager["spec"]["template"]["spec"]["containers"][0]["args"]
    assert "jobmanager" in arguments
    assert not {"--program", "--job-id"} & set(arguments)

    job = {"jarURI": "https://example.com/counting.py", "parallelism": 1}
    client.create(
        manifest("FlinkSessionJob", namespace, "counting", {"deploymentName": "session", "job": job})
    )

    def said(kind: str, name: str) -> str:
        found = client.get(kind, name, namespace) or {}
        return str((found.get("status") or {}).get("error") or "")

    eventually(
        "the job waits",
        lambda: "not ready" in (text := said("FlinkSessionJob", "counting")) or "not found" in text,
    )
    client.delete("FlinkDeployment", "session", namespace)
    eventually("it waits for its job", lambda: "delete counting first" in said("FlinkDeployment", "session"))
    client.delete("FlinkSessionJob", "counting", namespace)
    eventually("the job is gone", lambda: client.get("FlinkSessionJob", "counting", namespace) is None)

    def is_ending() -> bool:
        found = client.get("Namespace", place)
        return found is None or bool(found["metadata"].get("deletionTimestamp"))

    eventually("the cluster goes", is_ending)
