"""`penstock-operator uninstall`: nothing is left Terminating. On an API server of its own: it touches every resource."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from penstock_api.reasons import Reason
from penstock_operator import crds
from penstock_operator.build import labels
from penstock_operator.clients.kube import KubeClient
from penstock_operator.clients.kube_errors import error_of
from penstock_operator.errors import Conflict, ExternalError, OperatorError, UserError
from tests.operator_kubernetes.api_server import ApiServer
from tests.operator_kubernetes.conftest import start_api_server

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def own_client(tmp_path: Path) -> Iterator[KubeClient]:
    with start_api_server(tmp_path) as server:
        assert isinstance(server, ApiServer)
        connection = server.client()
        yield connection
        connection.close()


def test_definitions_are_checked_applied_left_and_deleted(own_client: KubeClient) -> None:
    with pytest.raises(ExternalError, match="penstock-operator crds apply") as raised:
        crds.check(own_client)
    assert raised.value.reason is Reason.CRD_OUTDATED
    crds.uninstall(client=own_client)
    crds.apply(own_client)
    crds.apply(own_client)
    crds.check(own_client)
    body = {
        "apiVersion": "flink.apache.org/v1beta1",
        "kind": "FlinkDeployment",
        "metadata": {
            "name": "clicks",
            "namespace": "default",
            "finalizers": [labels.FINALIZER, "someone/else"],
        },
        "spec": {},
    }
    own_client.create(body)
    crds.uninstall(client=own_client)
    kept = own_client.get("FlinkDeployment", "clicks", "default") or {}
    assert kept["metadata"]["finalizers"] == ["someone/else"]
    own_client.patch("FlinkDeployment", "clicks", "default", {"metadata": {"finalizers": []}})
    crds.uninstall(delete_crds=True, client=own_client)
    with pytest.raises(ExternalError):
        crds.check(own_client)


@pytest.mark.parametrize(
    ("status", "said", "kind", "reason"),
    [
        (409, "changed", Conflict, Reason.ERROR),
        (403, "namespaces is forbidden", ExternalError, Reason.PERMISSION_DENIED),
        (403, "pods is forbidden: exceeded quota: q", ExternalError, Reason.FAILED_CREATE),
        (403, "forbidden: because it is being terminated", ExternalError, Reason.NAMESPACE_TERMINATING),
        (401, "Unauthorized", ExternalError, Reason.PERMISSION_DENIED),
        (422, "spec.x: Invalid value", UserError, Reason.VALIDATION_ERROR),
        (404, "not found", ExternalError, Reason.MISSING),
        (500, "etcd", ExternalError, Reason.ERROR),
    ],
)
def test_every_refusal_of_the_api_server_has_a_reason(
    status: int, said: str, kind: type[OperatorError], reason: Reason
) -> None:
    error = error_of(status, json.dumps({"message": said}).encode(), "GET /x")
    assert type(error) is kind
    assert error.reason is reason
    assert said in error.message
    assert "GET /x" in error.message
    assert "no json" in error_of(status, b"no json", "GET /x").message
