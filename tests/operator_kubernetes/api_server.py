"""A real API server with its etcd, without a kubelet or controllers, as two processes on loopback."""

import json
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

import kubernetes

from penstock_operator.clients.kube import KubeClient
from tests.servers import audit
from tests.servers.process import free_port

_TOKEN = "token-of-the-tests"  # of a server that lives as long as the test run, on loopback
_DEADLINE_SECONDS = 180.0


def _openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


class ApiServer:
    """etcd and kube-apiserver as processes of ours."""

    def __init__(self, folder: Path, etcd: Path, apiserver: Path) -> None:
        self.port = free_port()
        client, peer = free_port(), free_port()
        key = folder / "accounts.key"
        _openssl("genrsa", "-out", str(key), "2048")
        self.audit_log = folder / "audit.log"
        (folder / "audit.yaml").write_text(audit.POLICY)
        (folder / "tokens.csv").write_text(f"{_TOKEN},admin,admin,system:masters\n")
        self._processes = [
            self._start(
                folder / "etcd.log",
                str(etcd),
                f"--data-dir={folder / 'etcd'}",
                "--unsafe-no-fsync",
                f"--listen-client-urls=http://127.0.0.1:{client}",
                f"--advertise-client-urls=http://127.0.0.1:{client}",
                f"--listen-peer-urls=http://127.0.0.1:{peer}",
                f"--initial-advertise-peer-urls=http://127.0.0.1:{peer}",
                f"--initial-cluster=default=http://127.0.0.1:{peer}",
            ),
            self._start(
                folder / "apiserver.log",
                str(apiserver),
                f"--etcd-servers=http://127.0.0.1:{client}",
                "--bind-address=127.0.0.1",
                f"--secure-port={self.port}",
                f"--cert-dir={folder / 'certificates'}",
                f"--token-auth-file={folder / 'tokens.csv'}",
                f"--service-account-key-file={key}",
                f"--service-account-signing-key-file={key}",
                "--service-account-issuer=https://kubernetes.default.svc",
                "--service-cluster-ip-range=10.97.0.0/16",
                "--authorization-mode=RBAC",
                # A quota counts only what a controller has counted before.
                "--disable-admission-plugins=ServiceAccount,ResourceQuota",
                "--endpoint-reconciler-type=none",
                f"--audit-policy-file={folder / 'audit.yaml'}",
                f"--audit-log-path={self.audit_log}",
                "--audit-log-mode=blocking-strict",
            ),
        ]
        self.certificate = folder / "certificates" / "apiserver.crt"
        self._log = folder / "apiserver.log"

    def _start(self, log: Path, *command: str) -> subprocess.Popen[bytes]:
        with log.open("wb") as out:
            return subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT)

    def wait(self) -> None:
        context = ssl._create_unverified_context()
        deadline = time.monotonic() + _DEADLINE_SECONDS
        while True:
            request = urllib.request.Request(
                f"https://127.0.0.1:{self.port}/readyz", headers={"Authorization": f"Bearer {_TOKEN}"}
            )
            try:
                with urllib.request.urlopen(request, context=context, timeout=5):
                    return
            except OSError as error:
                if isinstance(error, urllib.error.HTTPError):
                    error.close()
                if time.monotonic() > deadline:
                    raise RuntimeError(
                        f"the API server is not ready: {self._log.read_text()[-2000:]}"
                    ) from error
                time.sleep(0.2)

    def stop(self) -> None:
        for process in reversed(self._processes):
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def client(self, token: str = _TOKEN) -> KubeClient:
        configuration = kubernetes.client.Configuration()
        configuration.host = f"https://127.0.0.1:{self.port}"
        configuration.ssl_ca_cert = str(self.certificate)
        configuration.api_key["authorization"] = f"Bearer {token}"
        return KubeClient(kubernetes.client.ApiClient(configuration))

    def kubeconfig(self, path: Path, port: int | None = None, token: str = _TOKEN) -> Path:
        """`port`: of a proxy in front of the server."""
        cluster = {
            "server": f"https://127.0.0.1:{port or self.port}",
            "certificate-authority": str(self.certificate),
        }
        body = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "tests",
            "clusters": [{"name": "tests", "cluster": cluster}],
            "users": [{"name": "tests", "user": {"token": token}}],
            "contexts": [{"name": "tests", "context": {"cluster": "tests", "user": "tests"}}],
        }
        path.write_text(json.dumps(body))
        return path
