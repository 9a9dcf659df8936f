"""The few calls of the Kubernetes API that an election needs, as the pod's service account. Used by `ha.kubernetes`.

Plain HTTPS instead of the kubernetes package: that would double a JobManager's memory for two kinds of object.
"""

import os
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from penstock.ha.contract import HighAvailabilityDown

ACCOUNT_FOLDER = "/var/run/secrets/kubernetes.io/serviceaccount"
_SECONDS = 10.0
_GROUPS = {"configmaps": "/api/v1", "leases": "/apis/coordination.k8s.io/v1"}


class Conflict(Exception):
    """Somebody else changed or made the object meanwhile."""


class KubernetesApi:
    """Objects of one namespace. Thread-safe."""

    def __init__(self, server: str, folder: Path, namespace: str) -> None:
        self._folder = folder
        self._namespace = namespace
        context = ssl.create_default_context(cafile=str(folder / "ca.crt"))
        self._http = httpx.Client(base_url=server, verify=context, timeout=_SECONDS)

    def get(self, kind: str, name: str) -> dict[str, Any] | None:
        """The object, None if there is none."""
        return self._call("GET", f"{self._folder_of(kind)}/{name}")

    def create(self, kind: str, body: dict[str, Any]) -> dict[str, Any]:
        """Make an object; Conflict if it is there."""
        return self._call("POST", self._folder_of(kind), body) or {}

    def replace(self, kind: str, body: dict[str, Any]) -> dict[str, Any]:
        """Replace an object of which `body` holds the resourceVersion; Conflict if it is not the present one."""
        found = self._call("PUT", f"{self._folder_of(kind)}/{body['metadata']['name']}", body)
        if found is None:
            raise Conflict(f"{kind} {body['metadata']['name']} is gone")
        return found

    def close(self) -> None:
        """Release connections."""
        self._http.close()

    def _folder_of(self, kind: str) -> str:
        return f"{_GROUPS[kind]}/namespaces/{self._namespace}/{kind}"

    def _call(self, method: str, url: str, body: dict[str, Any] | None = None) -> dict[str, Any] | None:
        # Read again each time: Kubernetes renews the token in place.
        token = (self._folder / "token").read_text().strip()
        try:
            answer = self._http.request(
                method, url, json=body, headers={"Authorization": f"Bearer {token}"} if token else {}
            )
        except httpx.HTTPError as error:
            raise HighAvailabilityDown(f"the Kubernetes API: {type(error).__name__}: {error}") from error
        if answer.status_code == httpx.codes.NOT_FOUND and method != "POST":
            return None
        if answer.status_code == httpx.codes.CONFLICT:
            raise Conflict(url)
        if answer.is_error:
            hint = (
                ": the service account may get, create and update configmaps and leases?"
                if answer.status_code in (httpx.codes.FORBIDDEN, httpx.codes.UNAUTHORIZED)
                else ""
            )
            raise HighAvailabilityDown(f"{method} {url}: {answer.status_code} {answer.text[:300]}{hint}")
        found: dict[str, Any] = answer.json()
        return found


def in_cluster(namespace: str | None, configuration: Mapping[str, str]) -> KubernetesApi:
    """The API of the cluster that this pod runs in; ValueError if it runs in none."""
    host, port = os.environ.get("KUBERNETES_SERVICE_HOST"), os.environ.get("KUBERNETES_SERVICE_PORT", "443")
    folder = Path(configuration.get("penstock.kubernetes.account-folder") or ACCOUNT_FOLDER)
    if not host or not (folder / "token").is_file():
        raise ValueError(
            "high-availability.type: kubernetes works in a pod only: KUBERNETES_SERVICE_HOST and "
            f"{folder}/token must be there"
        )
    own = folder / "namespace"
    place = namespace or (own.read_text().strip() if own.is_file() else "default")
    server = f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"
    return KubernetesApi(server, folder, place)
