"""Scaling in place by the real operator on a real API server: the JobManager's Deployment is never touched."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from penstock_operator.build import labels
from penstock_operator.build.context import Defaults
from penstock_operator.clients.kube import KubeClient
from penstock_operator.model.facts import Ref
from penstock_operator.model.launch import Launch
from penstock_operator.platforms.kubernetes import KubernetesPlatform
from tests.operator_kubernetes.api_server import ApiServer
from tests.operator_kubernetes.rollouts import stateful
from tests.operator_kubernetes.test_operator_process import Running, eventually
from tests.servers.stub_jobmanager import StubJobManagers
from tests.servers.stub_kubelet import StubKubelet

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def stubs() -> Iterator[StubJobManagers]:
    with StubJobManagers() as found:
        yield found


@pytest.fixture
def kubelet(client: KubeClient, stubs: StubJobManagers) -> Iterator[StubKubelet]:
    with StubKubelet(client, stubs) as found:
        yield found


@pytest.fixture
def operator(
    api_server: ApiServer,
    client: KubeClient,
    namespace: str,
    stubs: StubJobManagers,
    kubelet: StubKubelet,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Running]:
    monkeypatch.setenv("KUBECONFIG", str(api_server.kubeconfig(tmp_path / "kubeconfig")))
    running = Running(client, stubs.address, watch_namespaces=(namespace,), lease_name=f"lease-{namespace}")
    yield running
    running.stop()


def test_a_job_is_scaled_without_a_restart(
    client: KubeClient, namespace: str, operator: Running, stubs: StubJobManagers, tmp_path: Path
) -> None:
    uid = client.create(stateful(namespace, tmp_path))["metadata"]["uid"]
    place = f"{namespace}-clicks"

    def status() -> dict:
        return (client.get("FlinkDeployment", "clicks", namespace) or {}).get("status", {})

    def is_stable(generation: int) -> bool:
        found = status()
        return (found.get("lifecycleState"), found.get("observedGeneration")) == ("STABLE", generation)

    def workers() -> int:
        found = client.get("Deployment", "clicks-taskmanager", place) or {}
        return int(found.get("spec", {}).get("replicas", 0))

    eventually("the job to be stable", lambda: is_stable(1))
    manager = client.get("Deployment", "clicks", place)
    assert manager
    for generation, width in ((2, 3), (3, 2)):
        client.patch("FlinkDeployment", "clicks", namespace, {"spec": {"job": {"parallelism": width}}})
        eventually(f"a width of {width}", lambda g=generation: is_stable(g))
        eventually(f"{width} pods", lambda w=width: status()["taskManager"].get("replicas") == w)
        assert workers() == width
    client.patch("FlinkDeployment", "clicks", namespace, {"spec": {"replicas": 4}}, "scale")
    eventually("what kubectl scale asks for", lambda: is_stable(4))
    assert workers() == 4
    assert stubs.job(place, "clicks").scalings == [3, 2, 4]
    assert len(stubs.starts[uid]) == 1, "it was never started again"
    after = client.get("Deployment", "clicks", place)
    assert after
    assert after["metadata"]["generation"] == manager["metadata"]["generation"]
    assert status()["taskManager"]["labelSelector"] == "component=taskmanager,app=clicks"
    quota = client.get("ResourceQuota", "clicks", place)
    assert quota
    assert int(quota["spec"]["hard"]["pods"]) >= 2 * (1 + 4)


def test_idle_pods_go_first(client: KubeClient, namespace: str, tmp_path: Path) -> None:
    from penstock_api.v1beta1.deployment import FlinkDeployment

    body = stateful(namespace, tmp_path, parallelism=2)
    body["spec"]["jobNamespaces"] = {"mode": "Shared"}
    resource = FlinkDeployment.from_wire(client.create(body))
    platform = KubernetesPlatform(client, Defaults())
    ref = Ref(namespace, "clicks")
    launch = Launch(ref, resource.metadata.uid or "", 1, resource.spec, "a" * 32)
    platform.deploy(resource, launch)
    container = {"name": "flink-main-container", "image": "stub"}
    metadata = {"name": "clicks-taskmanager-x", "namespace": namespace}
    spec = {"containers": [container], "automountServiceAccountToken": False}
    client.create({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
    platform.scale(resource, launch, 1, ("clicks-taskmanager-x", "one-that-is-gone"))
    pod = client.get("Pod", "clicks-taskmanager-x", namespace)
    assert pod
    assert pod["metadata"]["annotations"][labels.DELETION_COST] == "-100"
    found = client.get("Deployment", "clicks-taskmanager", namespace)
    assert found
    assert found["spec"]["replicas"] == 1
