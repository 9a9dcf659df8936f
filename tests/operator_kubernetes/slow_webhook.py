"""An admission webhook of somebody else's that lets everything pass, late: some calls longer than the API server waits.

Used by the tests of faults. It is asked about what the operator makes for a job and about statuses, in the namespaces
that it is told; never about what a test or a kubelet writes.
"""

import base64
import json
import random
import ssl
import tempfile
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from penstock_operator.clients.kube import KubeClient
from penstock_operator.webhook.certificates import Lives, Material, make_material

_TIMEOUT_SECONDS = 1
_RULES = (
    ("", ("services", "configmaps", "serviceaccounts", "resourcequotas", "secrets")),
    ("apps", ("deployments",)),
    ("flink.apache.org", ("flinkdeployments/status",)),
)


class SlowWebhook:
    """Serves and is registered from `__enter__` to `__exit__`. `share` of the calls are slow, a third of those too slow."""

    def __init__(self, client: KubeClient, namespaces: tuple[str, ...], seed: int, share: float) -> None:
        self._client, self._share = client, share
        self._name = f"slow-{namespaces[0]}"
        self._choose, self._lock = random.Random(seed), threading.Lock()
        self._ended = threading.Event()
        self.calls = 0
        self.slow = 0
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        material = make_material(("localhost",), datetime.now(UTC), Lives())
        self._server.socket = _context(material).wrap_socket(
            self._server.socket, server_side=True, do_handshake_on_connect=False
        )
        self._manifest = self._configuration(material, namespaces)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name=self._name)

    def __enter__(self) -> Self:
        self._thread.start()
        self._client.create(self._manifest)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.delete("ValidatingWebhookConfiguration", self._name)
        self._ended.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def wait(self) -> None:
        """What one call is made to wait."""
        with self._lock:
            self.calls += 1
            is_slow = self._choose.random() < self._share
            self.slow += is_slow
            seconds = self._choose.uniform(0.1, 1.5 * _TIMEOUT_SECONDS) if is_slow else 0.0
        self._ended.wait(seconds)

    def _configuration(self, material: Material, namespaces: tuple[str, ...]) -> dict[str, Any]:
        port = self._server.server_address[1]
        chosen = {"key": "kubernetes.io/metadata.name", "operator": "In", "values": list(namespaces)}
        hook = {
            "name": "slow.example.com",
            "admissionReviewVersions": ["v1"],
            "sideEffects": "None",
            "failurePolicy": "Fail",
            "timeoutSeconds": _TIMEOUT_SECONDS,
            "namespaceSelector": {"matchExpressions": [chosen]},
            "clientConfig": {
                "url": f"https://localhost:{port}/",
                "caBundle": base64.b64encode(material.bundle.encode()).decode(),
            },
            "rules": [
                {
                    "apiGroups": [group],
                    "apiVersions": ["*"],
                    "resources": list(resources),
                    "operations": ["CREATE", "UPDATE", "DELETE"],
                }
                for group, resources in _RULES
            ],
        }
        return {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingWebhookConfiguration",
            "metadata": {"name": self._name},
            "webhooks": [hook],
        }


def _context(material: Material) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as name:
        certificate, key = Path(name) / "tls.crt", Path(name) / "tls.key"
        certificate.write_text(material.certificate)
        key.write_text(material.key)
        context.load_cert_chain(certificate, key)
    return context


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, *args: Any) -> None:
        """Nothing: an API server that waits no longer hangs up."""


def _handler(webhook: SlowWebhook) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 10

        def do_POST(self) -> None:
            review = json.loads(self.rfile.read(int(self.headers.get("content-length") or 0)))
            webhook.wait()
            said = {"uid": review["request"]["uid"], "allowed": True}
            content = json.dumps({**review, "response": said, "request": None}).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *args: Any) -> None:
            """Nothing."""

    return Handler
