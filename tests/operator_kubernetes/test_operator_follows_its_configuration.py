"""The operator's process follows its mounted configuration: namespaces, label selector, canaries, health, metrics, Lease."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from penstock_api.v1beta1.deployment import FlinkDeployment
from penstock_operator.clients.kube import KubeClient
from penstock_operator.model.plan import TakeSnapshot
from penstock_operator.platforms.kubernetes import KubernetesPlatform
from tests.operator_kubernetes.api_server import ApiServer
from tests.operator_kubernetes.test_operator_process import Running, eventually, resource
from tests.servers.process import free_port

pytestmark = pytest.mark.timeout(240)

START = {
    "kubernetes.operator.dynamic.config.check.interval": "100 ms",
    "kubernetes.operator.reconcile.parallelism": "2",
}
Start = Callable[..., Running]


class Configured:
    """A folder of configuration, and operators that read it."""

    def __init__(self, client: KubeClient, folder: Path, namespace: str) -> None:
        self.client, self.folder, self.namespace = client, folder, namespace
        self.health = free_port()
        self._running: list[Running] = []

    def write(self, **keys: str) -> None:
        named = {
            f"kubernetes.operator.{key.replace('__', '.').replace('_', '-')}": v for key, v in keys.items()
        }
        self.mount({**START, **named})

    def mount(self, keys: dict[str, str]) -> None:
        """In one step, as a kubelet does it: half a file would be other configuration, such as one that is read rarely."""
        draft = self.folder / "draft"
        draft.write_text(json.dumps(keys))
        draft.replace(self.folder / "config.yaml")

    def has_read(self, key: str) -> bool:
        """Whether jobs that are started now get this key."""
        return key in self._running[0].defaults(self.namespace)

    @property
    def platform(self) -> KubernetesPlatform:
        """Of the operator that runs."""
        return self._running[0].platform

    def start(self, **settings: Any) -> None:
        chosen = {"health_port": self.health, "lease_name": f"lease-{self.namespace}", **settings}
        self._running.append(Running(self.client, **chosen))

    def stop(self) -> None:
        for running in self._running:
            running.stop()


@pytest.fixture
def configured(
    api_server: ApiServer, client: KubeClient, namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Configured]:
    monkeypatch.setenv("KUBECONFIG", str(api_server.kubeconfig(tmp_path / "kubeconfig")))
    monkeypatch.setenv("FLINK_CONF_DIR", str(tmp_path))
    found = Configured(client, tmp_path, namespace)
    yield found
    found.stop()


def deployed(client: KubeClient, namespace: str, name: str = "clicks") -> bool:
    return client.get("Deployment", name, f"{namespace}-{name}") is not None


def named(namespace: str, name: str, labels: dict[str, str]) -> dict[str, Any]:
    body = resource(namespace)
    return {**body, "metadata": {"name": name, "namespace": namespace, "labels": labels}}


def health(port: int) -> int:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/").status_code
    except httpx.TransportError:
        return 0


def test_a_namespace_that_is_added_is_served_without_a_restart(
    client: KubeClient, namespace: str, configured: Configured
) -> None:
    configured.write(dynamic__namespaces__enabled="true", watched__namespaces="elsewhere")
    configured.start()
    client.create(resource(namespace))
    eventually("the health endpoint", lambda: health(configured.health) == 200)
    time.sleep(1.0)  # nothing must happen: there is no condition to wait for
    assert not deployed(client, namespace)
    configured.write(dynamic__namespaces__enabled="true", watched__namespaces=f"elsewhere,{namespace}")
    eventually("the Deployment", lambda: deployed(client, namespace))


def test_defaults_of_jobs_that_change_count_for_the_next_deployment(
    client: KubeClient, namespace: str, configured: Configured
) -> None:
    configured.write()
    configured.start(watch_namespaces=(namespace,))
    eventually("the health endpoint", lambda: health(configured.health) == 200)
    scoped = f"kubernetes.operator.default-configuration.namespace.{namespace}.pipeline.object-reuse"
    configured.mount({**START, scoped: "true"})
    eventually("the operator to read it", lambda: configured.has_read("pipeline.object-reuse"))
    client.create(resource(namespace))
    place = f"{namespace}-clicks"
    found = eventually("the configuration", lambda: client.get("ConfigMap", "flink-config-clicks", place))
    assert "pipeline.object-reuse: 'true'" in found["data"]["config.yaml"]


def test_a_label_selector_chooses_resources(
    client: KubeClient, namespace: str, configured: Configured
) -> None:
    configured.write(label__selector="tier=gold")
    configured.start(watch_namespaces=(namespace,))
    client.create(named(namespace, "silver", {"tier": "silver"}))
    client.create(named(namespace, "gold", {"tier": "gold"}))
    eventually("the chosen one", lambda: deployed(client, namespace, "gold"))
    assert not deployed(client, namespace, "silver")
    found = client.get("FlinkDeployment", "silver", namespace) or {}
    assert "finalizers" not in found["metadata"]


def test_resources_of_others_are_left_alone_where_namespaces_change(
    client: KubeClient, namespace: str, configured: Configured
) -> None:
    keys = {"label__selector": "tier=gold", "dynamic__namespaces__enabled": "true"}
    silver = client.create(named(namespace, "silver", {"tier": "silver"}))
    held = {**silver, "status": {"jobStatus": {"jobId": "a" * 32, "jobIds": ["a" * 32]}}}
    before = client.replace(held, "status")
    configured.write(**keys, watched__namespaces="elsewhere")
    configured.start()
    eventually("the health endpoint", lambda: health(configured.health) == 200)
    configured.write(**keys, watched__namespaces=f"elsewhere,{namespace}")
    client.create(named(namespace, "gold", {"tier": "gold"}))
    eventually("the chosen one", lambda: deployed(client, namespace, "gold"))
    assert client.get("FlinkDeployment", "silver", namespace) == before


def test_snapshots_carry_the_labels_by_which_their_job_was_chosen(
    client: KubeClient, namespace: str, configured: Configured
) -> None:
    configured.write(label__selector="tier in (gold,platinum)")
    configured.start(watch_namespaces=(namespace,))
    labels = {"tier": "gold", "app.kubernetes.io/instance": "theirs"}
    made = client.create(named(namespace, "clicks", labels))
    eventually("the job", lambda: deployed(client, namespace))
    resource = FlinkDeployment.from_wire(made)
    configured.platform.take_snapshot(resource, TakeSnapshot(trigger="MANUAL", at=1, nonce=1))

    def taken() -> dict[str, Any] | None:
        [found] = client.list("FlinkStateSnapshot", namespace)
        return found if (found.get("status") or {}).get("state") else None

    found = eventually("the snapshot to be seen", taken)
    assert found["metadata"]["labels"]["tier"] == "gold"
    assert "app.kubernetes.io/instance" not in found["metadata"]["labels"]


def test_canaries_are_handled_and_counted_and_nothing_is_made_for_them(
    client: KubeClient, namespace: str, configured: Configured
) -> None:
    configured.write(health__canary__resource__timeout="2 min")
    port = free_port()
    configured.start(watch_namespaces=(namespace,), metrics_port=port)
    body = named(namespace, "canary", {"flink.apache.org/canary": "true"})
    del body["spec"]
    client.create(body)
    client.create(named(namespace, "clicks", {}))
    eventually("the other one", lambda: deployed(client, namespace))
    eventually("good health", lambda: health(configured.health) == 200)
    found = client.get("FlinkDeployment", "canary", namespace) or {}
    assert "status" not in found
    assert "finalizers" not in found["metadata"]

    wanted = (
        f'flink_k8soperator_resource_count{{kind="FlinkDeployment",resourcens="{namespace}"}} 2.0',
        "flink_k8soperator_leader 1.0",
        'flink_k8soperator_reconciliations_total{kind="FlinkDeployment",outcome="done"}',
        'flink_k8soperator_kube_client_requests_total{code="200",method="GET"}',
    )

    def are_counted() -> bool:
        text = httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=60).text
        return all(line in text for line in wanted)

    eventually("the counts", are_counted)


def test_canary_that_no_worker_gets_to_turns_the_health_probe(
    client: KubeClient, namespace: str, configured: Configured, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The only worker hangs in a call for another resource: what a canary is there to find."""
    configured.write(reconcile__parallelism="1", health__canary__resource__timeout="1 s")
    elsewhere = f"{namespace}-elsewhere"  # served by another operator, if by any
    client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": elsewhere}})
    foreign = named(elsewhere, "canary", {"flink.apache.org/canary": "true"})
    client.create({key: value for key, value in foreign.items() if key != "spec"})
    hangs, may_go_on = threading.Event(), threading.Event()
    get = client.get

    def hanging(kind: str, name: str, place: str | None = None) -> dict[str, Any] | None:
        if (kind, name) == ("FlinkDeployment", "stuck") and threading.current_thread() is not asks:
            hangs.set()
            may_go_on.wait(120)
        return get(kind, name, place)

    asks = threading.current_thread()
    monkeypatch.setattr(client, "get", hanging)
    configured.start(watch_namespaces=(namespace,))
    eventually("good health", lambda: health(configured.health) == 200)
    try:
        client.create(named(namespace, "stuck", {}))
        assert hangs.wait(60)
        eventually("good health so far", lambda: health(configured.health) == 200)
        body = named(namespace, "canary", {"flink.apache.org/canary": "true"})
        del body["spec"]
        client.create(body)
        eventually("the canary to be missed", lambda: health(configured.health) == 500)
    finally:
        may_go_on.set()
    eventually("good health again", lambda: health(configured.health) == 200)


def test_the_lease_is_named_and_timed_by_the_configuration(
    client: KubeClient, namespace: str, configured: Configured
) -> None:
    configured.write(leader_election__lease_name="their-lease", leader_election__lease_duration="7 s")
    configured.start(watch_namespaces=(namespace,), operator_namespace=namespace, pod_name="pod-1")
    found = eventually("the Lease", lambda: client.get("Lease", "their-lease", namespace))
    assert found["spec"]["holderIdentity"] == "pod-1"
    assert found["spec"]["leaseDurationSeconds"] == 7


def test_one_that_is_alone_needs_no_lease(client: KubeClient, namespace: str, configured: Configured) -> None:
    configured.write(leader_election__enabled="false")
    configured.start(watch_namespaces=(namespace,), operator_namespace=namespace)
    client.create(resource(namespace))
    eventually("the Deployment", lambda: deployed(client, namespace))
    assert client.list("Lease", namespace) == []
