"""A job to which nothing comes, on a real API server: the autoscaler takes it down to one slot, in place, step by step."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from penstock_operator.clients.kube import KubeClient
from tests.operator_kubernetes.api_server import ApiServer
from tests.operator_kubernetes.rollouts import Scene, eventually, stateful
from tests.operator_kubernetes.test_operator_process import Running
from tests.servers.stub_jobmanager import StubJobManagers
from tests.servers.stub_kubelet import StubKubelet
from tests.servers.stub_load import StubLoad

pytestmark = pytest.mark.timeout(180)

OPTIONS = {
    "job.autoscaler.mode": "active",
    "job.autoscaler.stabilization.interval": "1 s",
    "job.autoscaler.metrics.window": "6 s",
    "job.autoscaler.scale-down.interval": "1 s",
}
"""Quick; the bounds are those that nobody has set."""


@pytest.fixture
def scene(
    api_server: ApiServer,
    client: KubeClient,
    namespace: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Scene]:
    monkeypatch.setenv("KUBECONFIG", str(api_server.kubeconfig(tmp_path / "kubeconfig")))
    with StubJobManagers() as stubs, StubKubelet(client, stubs) as kubelet:
        running = Running(
            client, stubs.address, watch_namespaces=(namespace,), lease_name=f"lease-{namespace}"
        )
        yield Scene(client, stubs, kubelet, namespace, tmp_path)
        running.stop()


def test_idle_job_takes_one_slot_in_the_end(scene: Scene) -> None:
    body = stateful(scene.namespace, scene.folder, parallelism=3)
    body["spec"]["flinkConfiguration"] |= OPTIONS
    uid = scene.client.create(body)["metadata"]["uid"]
    eventually("the job to be stable", lambda: scene.is_in("STABLE", 1))
    scene.stubs.job(scene.place, scene.name).load = StubLoad(0.0, 100.0)

    def is_narrow() -> bool:
        found = scene.read() or {}
        status = found.get("status") or {}
        workers = scene.client.get("Deployment", f"{scene.name}-taskmanager", scene.place) or {}
        is_done = (status.get("scaling") or {}).get("done") is True
        return is_done and scene.is_in("STABLE", 1) and workers["spec"]["replicas"] == 1

    eventually("one TaskManager", is_narrow)
    job = scene.stubs.job(scene.place, scene.name)
    assert job.scalings == [2, 1]
    assert len(scene.stubs.starts[uid]) == 1, "it was never started again"
    found = scene.read() or {}
    assert found["spec"]["job"]["parallelism"] == 3, "the spec is never edited"
    assert set(found["status"]["autoscaler"]["overrides"].values()) == {1}
