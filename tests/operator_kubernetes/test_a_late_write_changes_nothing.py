"""A write of a leader that was held up arrives after another has gone on: the other's job and configuration stay."""

from collections.abc import Callable
from typing import Any

import pytest

from penstock_operator.clients.kube import KubeClient
from penstock_operator.errors import Conflict
from penstock_operator.platforms.kubernetes_fence import put
from tests.operator_kubernetes.api_server import ApiServer

pytestmark = pytest.mark.timeout(240)


class HeldUp(KubeClient):
    """After its next look, and before it acts on it, something happens."""

    def __init__(self, api: Any, meanwhile: Callable[[], object]) -> None:
        super().__init__(api)
        self._meanwhile = meanwhile

    def get(self, kind: str, name: str, namespace: str | None = None) -> dict[str, Any] | None:
        found = super().get(kind, name, namespace)
        self._meanwhile()
        return found


def config_map(namespace: str, content: str) -> dict[str, Any]:
    metadata = {"name": "flink-config-clicks", "namespace": namespace}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"config.yaml": content}}


def deployment(namespace: str, image: str) -> dict[str, Any]:
    marks = {"app": "clicks"}
    pod = {"metadata": {"labels": marks}, "spec": {"containers": [{"name": "main", "image": image}]}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "clicks", "namespace": namespace},
        "spec": {"selector": {"matchLabels": marks}, "template": pod},
    }


@pytest.mark.parametrize("make", [config_map, deployment])
def test_what_changed_meanwhile_stays(
    api_server: ApiServer, client: KubeClient, namespace: str, make: Callable[[str, str], dict[str, Any]]
) -> None:
    put(client, make(namespace, "before"))
    late = HeldUp(api_server.client()._api, lambda: put(client, make(namespace, "theirs")))
    with pytest.raises(Conflict):
        put(late, make(namespace, "late"))
    late.close()
    assert "theirs" in str(client.get(make("", "")["kind"], make("", "")["metadata"]["name"], namespace))


def test_a_deployment_that_was_made_meanwhile_stays(
    api_server: ApiServer, client: KubeClient, namespace: str
) -> None:
    late = HeldUp(api_server.client()._api, lambda: put(client, deployment(namespace, "theirs")))
    with pytest.raises(Conflict):
        put(late, deployment(namespace, "late"))
    late.close()
    assert "theirs" in str(client.get("Deployment", "clicks", namespace))


def test_the_same_again_changes_nothing(client: KubeClient, namespace: str) -> None:
    put(client, deployment(namespace, "mine"))
    before = client.get("Deployment", "clicks", namespace)
    put(client, deployment(namespace, "mine"))
    assert client.get("Deployment", "clicks", namespace) == before
