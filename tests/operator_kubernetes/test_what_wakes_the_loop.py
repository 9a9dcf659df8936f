"""Events of resources, and of the pods and Deployments that are ours, wake the loop; others do not."""

import asyncio
import gc
import threading
import warnings
from pathlib import Path
from typing import Any

import kopf
import pytest

from penstock_operator.build import labels
from penstock_operator.clients.kube import KubeClient
from penstock_operator.handlers.deployment import register
from penstock_operator.model.facts import Ref
from tests.operator_kubernetes.api_server import ApiServer
from tests.operator_kubernetes.test_operator_process import eventually, resource

pytestmark = pytest.mark.timeout(300)


def pod(namespace: str, name: str, marks: dict[str, str]) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": marks},
        "spec": {"containers": [{"name": "c", "image": "i"}]},
    }


def test_children_wake_their_owner(
    api_server: ApiServer, client: KubeClient, namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(api_server.kubeconfig(tmp_path / "kubeconfig")))
    woken: list[Ref] = []
    registry, settings = kopf.OperatorRegistry(), kopf.OperatorSettings()
    settings.posting.enabled = False
    register(registry, settings, woken.append)
    stop = threading.Event()

    @kopf.on.login(registry=registry)
    def login(**kwargs: Any) -> kopf.ConnectionInfo | None:
        return kopf.login_with_kubeconfig(**kwargs)

    def run() -> None:
        asyncio.run(
            kopf.operator(
                registry=registry, settings=settings, clusterwide=True, standalone=True, stop_flag=stop
            )
        )

    thread = threading.Thread(target=run)
    thread.start()
    try:
        client.create(pod(namespace, "other", {"app": "else"}))
        client.create(pod(namespace, "owned", labels.owned_labels(Ref(namespace, "owner"), "uid")))
        client.create(resource(namespace))
        eventually("the owner of the pod", lambda: Ref(namespace, "owner") in woken)
        eventually("the resource", lambda: Ref(namespace, "clicks") in woken)
        assert {ref.name for ref in woken if ref.namespace == namespace} == {"owner", "clicks"}
    finally:
        stop.set()
        thread.join(30)
    assert not thread.is_alive()
    with warnings.catch_warnings():  # kopf leaves its connections to the garbage collector
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
