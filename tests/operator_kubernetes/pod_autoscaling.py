"""HorizontalPodAutoscalers for real: Kubernetes' own controller as a process, and what it asks about loads.

The metrics come from an HTTPS server of the test's, which the API server takes for its own group of resources (the
aggregation layer), as it takes an adapter of Prometheus or KEDA. Used by `test_scaling_by_a_pod_autoscaler.py`.
"""

import json
import re
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from penstock_operator.clients.kube import KubeClient
from tests.operator_kubernetes.api_server import ApiServer
from tests.operator_kubernetes.rollouts import Manifest, eventually

LAG = "kafka_consumergroup_lag"
"""The only External metric."""
_EXTERNAL, _RESOURCE = "external.metrics.k8s.io/v1beta1", "metrics.k8s.io/v1beta1"
_SERVICES = "/apis/apiregistration.k8s.io/v1/apiservices"
_LAG_PATH = re.compile(rf"/apis/{_EXTERNAL}/namespaces/[^/]+/{LAG}")
_PODS_PATH = re.compile(rf"/apis/{_RESOURCE}/namespaces/[^/]+/pods")
_SINCE = "2027-01-01T00:00:00Z"


@dataclass
class Metrics:
    """What there is to read. Tests may change it at any time."""

    lag: int = 0
    memory: Callable[[], Mapping[str, int]] = dict
    """Bytes that each pod uses, by its name."""

    def answer(self, path: str) -> Manifest | None:
        """The answer to a GET; None where there is nothing."""
        if path == f"/apis/{_EXTERNAL}":
            return _resources(_EXTERNAL, LAG, "ExternalMetricValueList")
        if path == f"/apis/{_RESOURCE}":
            return _resources(_RESOURCE, "pods", "PodMetrics")
        if _LAG_PATH.fullmatch(path):
            value = {"metricName": LAG, "metricLabels": {}, "timestamp": _SINCE, "value": str(self.lag)}
            return _list(_EXTERNAL, "ExternalMetricValueList", [value])
        if _PODS_PATH.fullmatch(path):
            return _list(_RESOURCE, "PodMetricsList", [_of_pod(*one) for one in self.memory().items()])
        return None


def _resources(group: str, name: str, kind: str) -> Manifest:
    found = {"name": name, "singularName": "", "namespaced": True, "kind": kind, "verbs": ["get", "list"]}
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group, "resources": [found]}


def _list(group: str, kind: str, items: list[Manifest]) -> Manifest:
    return {"kind": kind, "apiVersion": group, "metadata": {}, "items": items}


def _of_pod(name: str, used: int) -> Manifest:
    containers = [{"name": "main", "usage": {"memory": str(used)}}]
    return {"metadata": {"name": name}, "timestamp": _SINCE, "window": "10s", "containers": containers}


class MetricsServer:
    """The server behind the groups of metrics. Use as a context manager."""

    def __init__(self, folder: Path) -> None:
        self.metrics = Metrics()
        key, certificate = folder / "metrics.key", folder / "metrics.crt"
        made = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
        files = ["-keyout", str(key), "-out", str(certificate)]
        subprocess.run(["openssl", *made.split(), *files], check=True, capture_output=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self._server = _Server(("127.0.0.1", 0), _handler(self.metrics))
        self._server.socket = context.wrap_socket(
            self._server.socket, server_side=True, do_handshake_on_connect=False
        )
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="metrics")

    @property
    def port(self) -> int:
        """Where it listens, on loopback."""
        return int(self._server.server_address[1])

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@contextmanager
def serve_metrics(client: KubeClient, namespace: str, folder: Path) -> Iterator[Metrics]:
    """Metrics that the API server serves as its own while this lasts."""
    with MetricsServer(folder) as server, ExitStack() as groups:
        # Endpoints on loopback are refused; a name is looked up by the API server itself, for it runs beside us.
        service = {"type": "ExternalName", "externalName": "localhost"}
        metadata = {"name": "metrics", "namespace": namespace}
        client.create({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": service})
        for group in (_EXTERNAL, _RESOURCE):
            groups.enter_context(_registered(client, group, {**metadata, "port": server.port}))
        yield server.metrics


@contextmanager
def _registered(client: KubeClient, group: str, service: Manifest) -> Iterator[None]:
    """The API server asks this Service for what is of the group."""
    name, version = group.split("/")
    path = f"{_SERVICES}/{version}.{name}"
    spec = {
        "group": name,
        "version": version,
        "groupPriorityMinimum": 100,
        "versionPriority": 100,
        "insecureSkipTLSVerify": True,
        "service": service,
    }
    kind = {"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService"}
    client._json("POST", _SERVICES, body={**kind, "metadata": {"name": f"{version}.{name}"}, "spec": spec})
    try:
        eventually(f"the API server to ask for {group}", lambda: _has(client._json("GET", path), "Available"))
        yield
    finally:
        client._json("DELETE", path, missing_is_none=True)


@contextmanager
def run_pod_autoscalers(api_server: ApiServer, binary: Path, folder: Path) -> Iterator[None]:
    """Kubernetes' controller of HorizontalPodAutoscalers and no other, which looks every second."""
    command = [
        str(binary),
        f"--kubeconfig={api_server.kubeconfig(folder / 'controllers.kubeconfig')}",
        "--controllers=horizontal-pod-autoscaler-controller",
        "--horizontal-pod-autoscaler-sync-period=1s",
        "--leader-elect=false",
        "--secure-port=0",
    ]
    log = folder / "controllers.log"
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT)
    try:
        yield
        assert process.poll() is None, f"the controller ended: {log.read_text()[-2000:]}"
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def lag_each(records: int) -> Manifest:
    """The metric of a HorizontalPodAutoscaler: so much lag a replica."""
    target = {"type": "AverageValue", "averageValue": str(records)}
    metric = {"name": LAG, "selector": {"matchLabels": {"group": "clicks"}}}
    return {"type": "External", "external": {"metric": metric, "target": target}}


def memory_each(amount: str) -> Manifest:
    """The metric of a HorizontalPodAutoscaler: so much memory a pod."""
    target = {"type": "AverageValue", "averageValue": amount}
    return {"type": "Resource", "resource": {"name": "memory", "target": target}}


class PodAutoscaler:
    """One HorizontalPodAutoscaler of the FlinkDeployment `clicks`."""

    def __init__(self, client: KubeClient, namespace: str) -> None:
        self._client = client
        self._folder = f"/apis/autoscaling/v2/namespaces/{namespace}/horizontalpodautoscalers"

    def create(self, metric: Manifest) -> None:
        """Make it."""
        target = {"apiVersion": "flink.apache.org/v1beta1", "kind": "FlinkDeployment", "name": "clicks"}
        spec = {
            "scaleTargetRef": target,
            "minReplicas": 1,
            "maxReplicas": 8,
            "metrics": [metric],
            "behavior": {"scaleDown": {"stabilizationWindowSeconds": 0}},
        }
        kind = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler"}
        self._client._json("POST", self._folder, body={**kind, "metadata": {"name": "clicks"}, "spec": spec})

    @property
    def found(self) -> Manifest:
        """It, with what its controller says of it."""
        return self._client._json("GET", f"{self._folder}/clicks") or {}

    def is_content(self, replicas: int) -> bool:
        """Whether it sees its metric and so many replicas, and wants no others."""
        found = self.found
        is_active = _has(found, "ScalingActive") and _has(found, "AbleToScale")
        seen = found.get("status") or {}
        return is_active and (seen.get("currentReplicas"), seen.get("desiredReplicas")) == (replicas,) * 2

    def is_blind(self) -> bool:
        """Whether it says that it cannot read its metric."""
        conditions = (self.found.get("status") or {}).get("conditions") or []
        return any(
            (one["type"], one["status"]) == ("ScalingActive", "False")
            and one["reason"].startswith("FailedGet")
            for one in conditions
        )


def _has(found: Manifest | None, condition: str) -> bool:
    """Whether the condition holds."""
    conditions = ((found or {}).get("status") or {}).get("conditions") or []
    return any((one["type"], one["status"]) == (condition, "True") for one in conditions)


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    """Closing waits for those that answer."""

    def handle_error(self, *args: Any) -> None:
        """Nothing: a client that looks whether somebody listens says nothing."""


def _handler(metrics: Metrics) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = 5

        def do_GET(self) -> None:
            found = metrics.answer(urlsplit(self.path).path.rstrip("/"))
            content = json.dumps(found or {}).encode()
            self.send_response(200 if found is not None else 404)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *args: Any) -> None:
            """Nothing."""

    return Handler
