"""Blue/green by the real operator on a real API server, with stub JobManagers in place of pods."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from penstock_operator.clients.kube import KubeClient
from penstock_operator.handlers.blue_green import owner_of
from penstock_operator.model.facts import Ref
from tests.operator_kubernetes.api_server import ApiServer
from tests.operator_kubernetes.rollouts import eventually
from tests.operator_kubernetes.test_operator_process import Running
from tests.servers.stub_jobmanager import StubJobManagers
from tests.servers.stub_kubelet import StubKubelet

pytestmark = pytest.mark.timeout(240)

Manifest = dict[str, Any]


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


class Clicks:
    """A blue/green deployment and what there is of it."""

    def __init__(self, client: KubeClient, namespace: str, state: Path, **spec: Any) -> None:
        self._client, self._namespace = client, namespace
        template = {
            "job": {"jarURI": "local:///opt/job.py", "parallelism": 1, "upgradeMode": "savepoint"},
            "flinkConfiguration": {
                "state.checkpoints.dir": f"file://{state}/checkpoints",
                "state.savepoints.dir": f"file://{state}/savepoints",
                "kubernetes.operator.deployment.stability.window": "1 s",
                "kubernetes.operator.deployment.stability.checkpoints": "0",
            },
        }
        body = {
            "apiVersion": "flink.apache.org/v1beta1",
            "kind": "FlinkBlueGreenDeployment",
            "metadata": {"name": "clicks", "namespace": namespace},
            "spec": {
                "ingress": {"template": "{{name}}.example.com"},
                "template": {"spec": template},
                **spec,
            },
        }
        self.uid = client.create(body)["metadata"]["uid"]

    def read(self) -> Manifest:
        """The resource."""
        return self._client.get("FlinkBlueGreenDeployment", "clicks", self._namespace) or {}

    def status(self) -> Manifest:
        """Its status."""
        found: Manifest = self.read().get("status") or {}
        return found

    def is_in(self, state: str) -> bool:
        """Whether it is in this state, for the newest spec, and ready."""
        held, status = self.read(), self.status()
        conditions = {one["type"]: one["status"] for one in status.get("conditions", [])}
        seen = status.get("observedGeneration") == held["metadata"]["generation"]
        return bool(seen and status.get("blueGreenState") == state and conditions.get("Ready") == "True")

    def change(self, template: Manifest, **spec: Any) -> None:
        """Merge into the template's spec."""
        body = {"spec": {"template": {"spec": template}, **spec}}
        self._client.patch("FlinkBlueGreenDeployment", "clicks", self._namespace, body)

    def side(self, color: str) -> Manifest | None:
        """A side's FlinkDeployment."""
        return self._client.get("FlinkDeployment", f"clicks-{color}", self._namespace)

    def backends(self) -> dict[str, str]:
        """Where Ingresses of the resource's name are, and what they lead to."""
        found = {}
        for place in (f"{self._namespace}-clicks-blue", f"{self._namespace}-clicks-green", self._namespace):
            ingress = self._client.get("Ingress", "clicks", place)
            if ingress is not None:
                (path,) = ingress["spec"]["rules"][0]["http"]["paths"]
                found[place] = path["backend"]["service"]["name"]
        return found

    def reasons(self) -> set[str]:
        """Reasons of its Events."""
        events = self._client.list("Event", self._namespace)
        return {one["reason"] for one in events if one["involvedObject"]["uid"] == self.uid}


def test_a_change_is_taken_over_by_the_other_side_with_its_state_and_the_ingress(
    client: KubeClient, namespace: str, operator: Running, stubs: StubJobManagers, tmp_path: Path
) -> None:
    clicks = Clicks(client, namespace, tmp_path)
    eventually("blue to be active", lambda: clicks.is_in("ACTIVE_BLUE"))
    blue = clicks.side("blue") or {}
    assert blue["metadata"]["labels"]["flink/blue-green-deployment-type"] == "BLUE"
    assert owner_of(blue["metadata"]) == Ref(namespace, "clicks")
    assert clicks.backends() == {f"{namespace}-clicks-blue": "clicks-blue-rest"}
    clicks.change({"job": {"args": ["--two"]}})
    eventually("green to be active", lambda: clicks.is_in("ACTIVE_GREEN"))
    eventually("blue to be gone", lambda: clicks.side("blue") is None)
    green = clicks.side("green") or {}
    path = green["spec"]["job"]["initialSavepointPath"]
    assert f"{tmp_path}/savepoints/savepoint-" in path
    (start,) = stubs.starts[green["metadata"]["uid"]]
    assert (start.restored or "").removeprefix("file://") == path.removeprefix("file://")
    eventually(
        "the Ingress to follow",
        lambda: clicks.backends() == {f"{namespace}-clicks-green": "clicks-green-rest"},
    )
    assert {"TransitionStarted", "TransitionCompleted"} <= clicks.reasons()
    assert clicks.status()["jobStatus"]["state"] == "RUNNING"


def test_a_fenced_handover_never_has_both_sides_running(
    client: KubeClient, namespace: str, operator: Running, stubs: StubJobManagers, tmp_path: Path
) -> None:
    clicks = Clicks(client, namespace, tmp_path, handover="Fenced")
    eventually("blue to be active", lambda: clicks.is_in("ACTIVE_BLUE"))
    clicks.change({"job": {"args": ["--two"]}})

    def both_or_done() -> bool:
        running = [
            color
            for color in ("blue", "green")
            if (f"{namespace}-clicks-{color}", f"clicks-{color}") in stubs.jobs
        ]
        assert len(running) < 2
        return clicks.is_in("ACTIVE_GREEN")

    eventually("green to be active", both_or_done)
    green = clicks.side("green") or {}
    assert "/savepoints/savepoint-" in green["spec"]["job"]["initialSavepointPath"]


def test_beside_the_resource_one_ingress_changes_its_backend(
    client: KubeClient, namespace: str, operator: Running, tmp_path: Path
) -> None:
    clicks = Clicks(client, namespace, tmp_path)
    clicks.change({"jobNamespaces": {"mode": "Shared"}})
    eventually("a side to be active", lambda: clicks.is_in("ACTIVE_BLUE") or clicks.is_in("ACTIVE_GREEN"))
    color = clicks.status()["blueGreenState"].removeprefix("ACTIVE_").lower()
    other = {"blue": "green", "green": "blue"}[color]
    eventually("its Ingress", lambda: clicks.backends().get(namespace) == f"clicks-{color}-rest")
    uid = (client.get("Ingress", "clicks", namespace) or {})["metadata"]["uid"]
    clicks.change({"job": {"args": ["--two"]}})
    eventually("the other to be active", lambda: clicks.is_in(f"ACTIVE_{other.upper()}"))
    assert clicks.backends().get(namespace) == f"clicks-{other}-rest"
    held = client.get("Ingress", "clicks", namespace) or {}
    assert held["metadata"]["uid"] == uid
    assert held["metadata"]["ownerReferences"][0]["uid"] == clicks.uid


def test_what_is_wrong_with_the_template_is_said_and_nothing_is_made(
    client: KubeClient, namespace: str, operator: Running, tmp_path: Path
) -> None:
    clicks = Clicks(
        client, namespace, tmp_path, configuration={"kubernetes.operator.bluegreen.patience": "1"}
    )
    error = eventually("the reason", lambda: clicks.status().get("error"))
    assert "bluegreen.patience" in error
    # The Event follows the status: what must survive a crash is written first.
    eventually("the Event", lambda: "ValidationError" in clicks.reasons())
    assert clicks.side("blue") is None


def test_a_foreign_deployment_of_a_sides_name_and_one_namespace_for_both_are_refused(
    client: KubeClient, namespace: str, operator: Running, tmp_path: Path
) -> None:
    foreign = {
        "apiVersion": "flink.apache.org/v1beta1",
        "kind": "FlinkDeployment",
        "metadata": {"name": "clicks-green", "namespace": namespace},
        "spec": {"job": {"jarURI": "local:///job.py", "parallelism": 1, "state": "suspended"}},
    }
    client.create(foreign)
    clicks = Clicks(client, namespace, tmp_path)
    assert "clicks-green is there" in eventually("the reason", lambda: clicks.status().get("error"))
    client.delete("FlinkDeployment", "clicks-green", namespace)
    clicks.change({"jobNamespaces": {"nameTemplate": "{{ namespace }}-same"}})
    eventually("the other reason", lambda: "NamespaceCollision" in str(clicks.status().get("error")))
    assert clicks.side("blue") is None
