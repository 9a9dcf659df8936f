"""Fixtures of the Kubernetes platform's tests: a real API server, a client, a namespace.

From the binaries that the end-to-end harness builds and caches: `make e2e` runs these tests and lets none be skipped, `make test`
leaves them to it. Run by hand where the binaries were never built, they are skipped and say so.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from penstock_operator import crds
from penstock_operator.build import labels
from penstock_operator.clients.kube import KubeClient
from tests.operator_kubernetes.api_server import ApiServer

REQUIRED = "PENSTOCK_REQUIRE_API_SERVER"
"""Set by the end-to-end run, in which a missing API server is a failure."""
_MISSING = "no API server here: `make e2e` runs these tests, or build one by `python -m e2e.cluster build`"
_CACHE = Path("~/.cache/penstock").expanduser()


def _binary(pattern: str) -> Path | None:
    return next(iter(sorted(_CACHE.glob(pattern))), None)


@contextmanager
def start_api_server(folder: Path) -> Iterator[ApiServer]:
    """A server without our definitions; skips the test where there are no binaries."""
    etcd, apiserver = _binary("etcd-*/etcd"), _binary("kubernetes-*/kube-apiserver")
    if etcd is None or apiserver is None or sys.platform != "linux":
        if REQUIRED in os.environ:
            pytest.fail(_MISSING)
        pytest.skip(_MISSING)
    server = ApiServer(folder, etcd, apiserver)
    try:
        server.wait()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def api_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    with start_api_server(tmp_path_factory.mktemp("api")) as server:
        connection = server.client()
        crds.apply(connection)
        connection.close()
        yield server


@pytest.fixture
def controller_manager(api_server: ApiServer) -> Path:
    """The binary of Kubernetes' own controllers, which is built with the API server's."""
    found = _binary("kubernetes-*/kube-controller-manager")
    assert found is not None, _MISSING
    return found


@pytest.fixture
def client(api_server: ApiServer) -> Iterator[KubeClient]:
    connection = api_server.client()
    yield connection
    connection.close()
    _take_jobs_away(api_server)


def _take_jobs_away(api_server: ApiServer) -> None:
    """The Deployments that a test leaves: the next test's stub kubelet sees all of the server's, and would run them."""
    connection = api_server.client()
    for found in connection.list("Deployment", selector=labels.OURS):
        metadata = found["metadata"]
        connection.delete("Deployment", metadata["name"], metadata["namespace"])
    connection.close()


@pytest.fixture
def namespace(client: KubeClient) -> str:
    """A namespace of the test's own; without a controller manager nothing in it goes away by itself."""
    name = f"team-{os.urandom(4).hex()}"
    client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    return name
