"""The operator's process against a real API server: leads, watches, deploys, reports, cleans up."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from e2e.waiting import Deadline
from penstock_api.v1beta1.deployment import FlinkDeployment
from penstock_api.v1beta1.status import FlinkDeploymentStatus, JobStatus
from penstock_operator.build import labels
from penstock_operator.build.context import Defaults
from penstock_operator.clients.kube import KubeClient
from penstock_operator.handlers.app import Operator, hold_again
from penstock_operator.model.facts import Ref
from penstock_operator.platforms.kubernetes import KubernetesPlatform, RestAddress
from penstock_operator.settings import Settings
from tests.operator_kubernetes.api_server import ApiServer
from tests.servers.process import free_port

pytestmark = pytest.mark.timeout(180)


def eventually(what: str, check: Callable[[], Any], seconds: float = 75.0) -> Any:
    deadline = Deadline(seconds)
    while not (found := check()):
        assert not deadline.is_over(), f"not within {seconds} s: {what}"
        time.sleep(0.1)
    return found


class Running:
    """An operator in a thread with an event loop of its own."""

    def __init__(self, client: KubeClient, rest_address: RestAddress | None = None, **settings: Any) -> None:
        mine = Settings(**{"health_port": free_port(), "lease_seconds": 15, **settings})
        self._operator = Operator(mine, client, rest_address)
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        assert self._ready.wait(60)

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        self._ready.set()
        await self._operator.serve(self._stop)

    def defaults(self, namespace: str) -> Mapping[str, str]:
        """What jobs of the namespace get that do not say otherwise."""
        return self.platform.defaults(namespace)

    @property
    def platform(self) -> KubernetesPlatform:
        """Where its jobs run."""
        return self._operator._platform

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(60)
        assert not self._thread.is_alive()
        self._operator.close()


@pytest.fixture
def operator(
    api_server: ApiServer, client: KubeClient, namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Running]:
    monkeypatch.setenv("KUBECONFIG", str(api_server.kubeconfig(tmp_path / "kubeconfig")))
    running = Running(client, watch_namespaces=(namespace,), lease_name=f"lease-{namespace}")
    yield running
    running.stop()


def resource(namespace: str, **job: Any) -> dict[str, Any]:
    return {
        "apiVersion": "flink.apache.org/v1beta1",
        "kind": "FlinkDeployment",
        "metadata": {"name": "clicks", "namespace": namespace},
        "spec": {"job": {"jarURI": "local:///opt/job.py", "parallelism": 1, **job}},
    }


def test_a_resource_is_deployed_reported_and_deleted(
    client: KubeClient, namespace: str, operator: Running
) -> None:
    client.create(resource(namespace))
    place = f"{namespace}-clicks"
    eventually("the JobManager's Deployment", lambda: client.get("Deployment", "clicks", place))
    held = eventually(
        "a status",
        lambda: (
            (client.get("FlinkDeployment", "clicks", namespace) or {}).get("status", {}).get("jobNamespace")
        ),
    )
    assert held == place
    found = client.get("FlinkDeployment", "clicks", namespace) or {}
    assert labels.FINALIZER in found["metadata"]["finalizers"]
    client.delete("FlinkDeployment", "clicks", namespace)
    eventually(
        "the namespace to be deleted",
        lambda: (client.get("Namespace", place) or {}).get("metadata", {}).get("deletionTimestamp"),
    )


def test_a_refused_spec_shows_its_reason_and_recovers_when_corrected(
    client: KubeClient, namespace: str, operator: Running
) -> None:
    wrong = resource(namespace)
    wrong["spec"]["flinkConfiguration"] = {
        "kubernetes.cluster-id": "mine"
    }  # the API server cannot see within
    client.create(wrong)

    def error() -> str:
        found = client.get("FlinkDeployment", "clicks", namespace) or {}
        return str(found.get("status", {}).get("error") or "")

    assert "kubernetes.cluster-id" in eventually("the reason", error)
    events = eventually("the Event", lambda: client.list("Event", namespace))
    assert {event["reason"] for event in events} == {"ValidationError"}
    client.patch("FlinkDeployment", "clicks", namespace, {"spec": {"flinkConfiguration": None}})
    eventually("the Deployment", lambda: client.get("Deployment", "clicks", f"{namespace}-clicks"))
    eventually("no error any more", lambda: not error())


def test_what_an_uninstall_left_is_held_again(
    client: KubeClient, namespace: str, api_server: ApiServer
) -> None:
    body = FlinkDeployment.from_wire(client.create(resource(namespace)))
    platform = KubernetesPlatform(client, Defaults())
    hold_again(client, platform)
    assert (platform.read(Ref(namespace, "clicks")) or body).metadata.finalizers == []
    platform.write_status(body, FlinkDeploymentStatus(job_status=JobStatus(job_ids=["a" * 32])))
    hold_again(client, platform)
    assert (platform.read(Ref(namespace, "clicks")) or body).metadata.finalizers == [labels.FINALIZER]
