"""A HorizontalPodAutoscaler in place of our autoscaler, on a real API server: Kubernetes' own controller scales the job."""

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from penstock_operator.clients.kube import KubeClient
from tests.operator_kubernetes.api_server import ApiServer
from tests.operator_kubernetes.pod_autoscaling import (
    Metrics,
    PodAutoscaler,
    lag_each,
    memory_each,
    run_pod_autoscalers,
    serve_metrics,
)
from tests.operator_kubernetes.rollouts import Manifest, eventually, stateful
from tests.operator_kubernetes.test_operator_process import Running
from tests.servers.stub_jobmanager import StubJobManagers
from tests.servers.stub_kubelet import StubKubelet
from tests.servers.stub_load import StubLoad

pytestmark = pytest.mark.timeout(240)

EACH = 100
"""The metric's target for each replica."""


@pytest.fixture
def stubs() -> Iterator[StubJobManagers]:
    with StubJobManagers() as found:
        yield found


@pytest.fixture(autouse=True)
def operator(
    api_server: ApiServer,
    client: KubeClient,
    namespace: str,
    stubs: StubJobManagers,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[None]:
    monkeypatch.setenv("KUBECONFIG", str(api_server.kubeconfig(tmp_path / "kubeconfig")))
    with StubKubelet(client, stubs):
        running = Running(
            client, stubs.address, watch_namespaces=(namespace,), lease_name=f"lease-{namespace}"
        )
        yield
        running.stop()


@pytest.fixture
def metrics(client: KubeClient, namespace: str, tmp_path: Path) -> Iterator[Metrics]:
    with serve_metrics(client, namespace, tmp_path) as found:
        yield found


@pytest.fixture
def autoscaler(
    api_server: ApiServer,
    client: KubeClient,
    namespace: str,
    metrics: Metrics,
    controller_manager: Path,
    tmp_path: Path,
) -> Iterator[PodAutoscaler]:
    """One that is not there yet, with its controller."""
    with run_pod_autoscalers(api_server, controller_manager, tmp_path):
        yield PodAutoscaler(client, namespace)


def scale_of(client: KubeClient, namespace: str) -> Manifest:
    """The scale subresource."""
    return client._json("GET", _scale_path(namespace)) or {}


def _scale_path(namespace: str) -> str:
    return f"/apis/flink.apache.org/v1beta1/namespaces/{namespace}/flinkdeployments/clicks/scale"


def scalable(namespace: str, folder: Path) -> Manifest:
    """A resource that says how many replicas it has: without that the API server has no scale of it."""
    body = stateful(namespace, folder)
    body["spec"]["taskManager"] = {"replicas": 1}
    return body


def status_of(client: KubeClient, namespace: str) -> dict[str, Any]:
    found = client.get("FlinkDeployment", "clicks", namespace) or {}
    return found.get("status") or {}


def spec_of(client: KubeClient, namespace: str) -> Manifest:
    found = client.get("FlinkDeployment", "clicks", namespace) or {}
    return copy.deepcopy(found["spec"])


def is_done(client: KubeClient, namespace: str) -> bool:
    status = status_of(client, namespace)
    is_scaled = (status.get("scaling") or {}).get("done") is not False
    return status.get("lifecycleState") == "STABLE" and is_scaled


@pytest.mark.parametrize("mode", ["Dedicated", "Shared"])
def test_a_job_follows_an_external_metric_in_place(
    client: KubeClient,
    namespace: str,
    stubs: StubJobManagers,
    autoscaler: PodAutoscaler,
    metrics: Metrics,
    tmp_path: Path,
    mode: str,
) -> None:
    body = scalable(namespace, tmp_path)
    body["spec"]["jobNamespaces"] = {"mode": mode}
    uid = client.create(body)["metadata"]["uid"]
    eventually("the job to be stable", lambda: is_done(client, namespace))
    place = status_of(client, namespace)["jobNamespace"]
    before = spec_of(client, namespace)
    metrics.lag = 90
    autoscaler.create(lag_each(EACH))
    eventually("what it has is enough", lambda: autoscaler.is_content(1))

    def follows(lag: int, replicas: int) -> None:
        metrics.lag = lag
        eventually(f"{replicas} wide", lambda: stubs.job(place, "clicks").parallelism == replicas, 90)
        eventually("the scaling to be done", lambda: is_done(client, namespace))
        eventually(f"{replicas} are enough", lambda: autoscaler.is_content(replicas))
        selector = scale_of(client, namespace)["status"]["selector"]
        seen = replicas if mode == "Shared" else 0
        eventually(f"{seen} pods beside it", lambda: len(client.list("Pod", namespace, selector)) == seen)
        before["taskManager"]["replicas"] = replicas
        assert spec_of(client, namespace) == before, "nothing else of the spec is touched"

    follows(390, 4)
    follows(150, 2)
    assert len(stubs.starts[uid]) == 1, "it was never started again"


def test_a_job_follows_the_memory_of_its_pods_beside_the_resource(
    client: KubeClient,
    namespace: str,
    stubs: StubJobManagers,
    autoscaler: PodAutoscaler,
    metrics: Metrics,
    tmp_path: Path,
) -> None:
    body = scalable(namespace, tmp_path)
    body["spec"]["jobNamespaces"] = {"mode": "Shared"}
    uid = client.create(body)["metadata"]["uid"]
    eventually("the job to be stable", lambda: is_done(client, namespace))
    selector = scale_of(client, namespace)["status"]["selector"]

    def pods() -> list[Manifest]:
        return list(client.list("Pod", namespace, selector))

    def let_run() -> None:
        """What a kubelet does; of a pod that does not run yet no metric counts."""
        running = {"status": {"phase": "Running"}}
        for name in [one["metadata"]["name"] for one in pods() if one["status"].get("phase") != "Running"]:
            client.patch("Pod", name, namespace, running, "status")

    def used() -> dict[str, int]:
        found = pods()
        return {one["metadata"]["name"]: (280 << 20) // len(found) for one in found}

    metrics.memory = used
    autoscaler.create(memory_each("100Mi"))

    def is_wide() -> bool:
        let_run()
        return stubs.job(namespace, "clicks").parallelism == 3 and autoscaler.is_content(3)

    eventually("three TaskManagers that share the load", is_wide)
    assert len(stubs.starts[uid]) == 1, "it was never started again"


def test_pods_in_a_namespace_of_the_jobs_own_are_not_seen(
    client: KubeClient, namespace: str, autoscaler: PodAutoscaler, tmp_path: Path
) -> None:
    client.create(scalable(namespace, tmp_path))
    eventually("the job to be stable", lambda: is_done(client, namespace))
    autoscaler.create(memory_each("100Mi"))
    eventually("that there is no metric", autoscaler.is_blind)
    assert spec_of(client, namespace)["taskManager"]["replicas"] == 1


def test_two_that_scale_one_resource_are_told_of(
    client: KubeClient, namespace: str, stubs: StubJobManagers, tmp_path: Path
) -> None:
    body = scalable(namespace, tmp_path)
    body["spec"]["flinkConfiguration"] |= {
        "job.autoscaler.mode": "active",
        "job.autoscaler.stabilization.interval": "1 s",
        "job.autoscaler.metrics.window": "6 s",
        "job.autoscaler.vertex.max-parallelism": "3",
    }
    uid = client.create(body)["metadata"]["uid"]
    stubs.loads[uid] = StubLoad(250.0, 100.0)
    place = f"{namespace}-clicks"

    def ours() -> Manifest:
        found: Manifest = status_of(client, namespace).get("autoscaler") or {}
        return found

    eventually("a wider job", lambda: ours().get("overrides") and is_done(client, namespace))
    assert "contested" not in ours()
    scale = scale_of(client, namespace)
    scale["spec"]["replicas"] = 2
    client._json("PUT", _scale_path(namespace), body=scale)
    eventually("who else scales it", lambda: "HorizontalPodAutoscaler" in ours().get("contested", ""))

    def told() -> bool:
        return any(event["reason"] == "ScalingContested" for event in client.list("Event", namespace))

    eventually("the Event", told)
    assert stubs.job(place, "clicks").parallelism == 3, "the autoscaler's counts"
    off = {"spec": {"flinkConfiguration": {"job.autoscaler.mode": "off"}}}
    client.patch("FlinkDeployment", "clicks", namespace, off)
    eventually("the other's replicas", lambda: len(stubs.starts[uid]) == 2 and is_done(client, namespace))
    assert stubs.job(place, "clicks").parallelism == 2
