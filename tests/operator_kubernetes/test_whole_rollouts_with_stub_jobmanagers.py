"""Whole rollouts by the real operator on a real API server, with stub JobManagers in place of pods."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from penstock_operator.clients.kube import KubeClient
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


def test_a_job_is_deployed_upgraded_with_its_state_suspended_and_deleted(
    client: KubeClient,
    namespace: str,
    operator: Running,
    stubs: StubJobManagers,
    kubelet: StubKubelet,
    tmp_path: Path,
) -> None:
    uid = client.create(stateful(namespace, tmp_path))["metadata"]["uid"]
    place = f"{namespace}-clicks"

    def lifecycle() -> tuple[str, int]:
        found = client.get("FlinkDeployment", "clicks", namespace) or {}
        status = found.get("status", {})
        return status.get("lifecycleState", ""), status.get("observedGeneration", 0)

    eventually("the job to be stable", lambda: lifecycle() == ("STABLE", 1))
    change = {"spec": {"job": {"args": ["--two"]}}}
    client.patch("FlinkDeployment", "clicks", namespace, change)
    eventually("the new spec to be stable", lambda: lifecycle() == ("STABLE", 2))
    starts = stubs.starts[uid]
    assert [(start.count, start.lost_state) for start in starts] == [(0, False), (1, False)]
    assert (starts[1].restored or "").startswith(f"file://{tmp_path}/savepoints/savepoint-")
    client.patch("FlinkDeployment", "clicks", namespace, {"spec": {"job": {"state": "suspended"}}})
    eventually("the job to be suspended", lambda: lifecycle() == ("SUSPENDED", 3))
    assert (place, "clicks") not in stubs.jobs
    client.patch("FlinkDeployment", "clicks", namespace, {"spec": {"job": {"state": "running"}}})
    eventually("the job to run again", lambda: lifecycle() == ("STABLE", 4))
    assert [start.count for start in starts] == [0, 1, 2]
    client.delete("FlinkDeployment", "clicks", namespace)
    eventually("the resource to go", lambda: client.get("FlinkDeployment", "clicks", namespace) is None)
    eventually("its namespace to go", lambda: client.get("Namespace", place) is None)
    assert kubelet.side_by_side == []
