"""A HorizontalPodAutoscaler in place of ours, on a real API server: it reads and writes the scale subresource as that does.

Its controller is not there; what it does is: GET /scale, the pods of the selector, a metric, and PUT /scale.
"""

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from penstock_operator.clients.kube import KubeClient
from tests.operator_kubernetes.api_server import ApiServer
from tests.operator_kubernetes.rollouts import Manifest, eventually, stateful
from tests.operator_kubernetes.test_operator_process import Running
from tests.servers.stub_jobmanager import StubJobManagers
from tests.servers.stub_kubelet import StubKubelet
from tests.servers.stub_load import StubLoad

pytestmark = pytest.mark.timeout(240)

EACH = 100.0
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


class PodAutoscaler:
    """The controller's turn (its AverageValue of an External metric), as kube-controller-manager."""

    def __init__(self, client: KubeClient, namespace: str, metric: Callable[[], float]) -> None:
        path = f"/apis/flink.apache.org/v1beta1/namespaces/{namespace}/flinkdeployments/clicks/scale"
        self._client, self._namespace, self._path, self._metric = client, namespace, path, metric

    def scale(self) -> Manifest:
        """The scale subresource."""
        return self._client._json("GET", self._path) or {}

    def turn(self) -> int:
        """Ask for what the metric needs; the replicas that there are now."""
        scale = self.scale()
        wanted = math.ceil(self._metric() / EACH)
        if scale["spec"].get("replicas") != wanted:
            scale["spec"]["replicas"] = wanted
            self._client._json("PUT", self._path, body=scale)
        return int(scale["status"]["replicas"])

    def pods(self) -> list[Manifest]:
        """Pods beside the resource by the selector: what a Resource metric would be of."""
        return list(self._client.list("Pod", self._namespace, self.scale()["status"]["selector"]))


def scalable(namespace: str, folder: Path) -> Manifest:
    """A resource that says how many replicas it has: without that the API server has no scale of it."""
    body = stateful(namespace, folder)
    body["spec"]["taskManager"] = {"replicas": 1}
    return body


def status_of(client: KubeClient, namespace: str) -> dict[str, Any]:
    found = client.get("FlinkDeployment", "clicks", namespace) or {}
    return found.get("status") or {}


def is_done(client: KubeClient, namespace: str) -> bool:
    status = status_of(client, namespace)
    is_scaled = (status.get("scaling") or {}).get("done") is not False
    return status.get("lifecycleState") == "STABLE" and is_scaled


@pytest.mark.parametrize("mode", ["Dedicated", "Shared"])
def test_a_job_follows_an_external_metric_in_place(
    client: KubeClient, namespace: str, stubs: StubJobManagers, tmp_path: Path, mode: str
) -> None:
    body = scalable(namespace, tmp_path)
    body["spec"]["jobNamespaces"] = {"mode": mode}
    uid = client.create(body)["metadata"]["uid"]
    eventually("the job to be stable", lambda: is_done(client, namespace))
    place = status_of(client, namespace)["jobNamespace"]
    metric = [90.0]
    autoscaler = PodAutoscaler(client, namespace, lambda: metric[0])
    for lag, replicas in ((390.0, 4), (150.0, 2)):
        metric[0] = lag
        eventually(f"{replicas} replicas", lambda n=replicas: autoscaler.turn() == n)
        eventually("the job as wide", lambda n=replicas: stubs.job(place, "clicks").parallelism == n)
        eventually("the scaling to be done", lambda: is_done(client, namespace))
        seen = len(autoscaler.pods())
        assert seen == (replicas if mode == "Shared" else 0), "only beside the resource pods can be measured"
    assert len(stubs.starts[uid]) == 1, "it was never started again"


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
    PodAutoscaler(client, namespace, lambda: 190.0).turn()
    eventually("who else scales it", lambda: "HorizontalPodAutoscaler" in ours().get("contested", ""))

    def told() -> bool:
        return any(event["reason"] == "ScalingContested" for event in client.list("Event", namespace))

    eventually("the Event", told)
    assert stubs.job(place, "clicks").parallelism == 3, "the autoscaler's counts"
    off = {"spec": {"flinkConfiguration": {"job.autoscaler.mode": "off"}}}
    client.patch("FlinkDeployment", "clicks", namespace, off)
    eventually("the other's replicas", lambda: len(stubs.starts[uid]) == 2 and is_done(client, namespace))
    assert stubs.job(place, "clicks").parallelism == 2
