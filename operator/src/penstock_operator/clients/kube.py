"""The API server, synchronously: get, list, apply, patch, replace, delete, logs. Called by the Kubernetes platform.

On Kubernetes' own client for credentials, TLS and its connection pool; objects are plain JSON. Every call has a
deadline and raises `OperatorError` only. Safe to use from several threads. Runs in worker threads, never in the event loop.
"""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode

import kubernetes
import urllib3
import yaml
from kubernetes.client import ApiClient
from kubernetes.config import ConfigException

from penstock_api.reasons import Reason
from penstock_operator.clients.kube_errors import error_of
from penstock_operator.clients.kube_kinds import KINDS, kind_of
from penstock_operator.clients.kube_memory import Memory
from penstock_operator.errors import ExternalError

Manifest = dict[str, Any]

FIELD_MANAGER = "penstock-operator"
_DEADLINE = urllib3.Timeout(connect=5.0, read=15.0)
_LOG_DEADLINE = urllib3.Timeout(connect=5.0, read=None)
_RETRIES = urllib3.Retry(
    connect=3,
    read=1,
    status=2,
    other=0,
    redirect=0,
    backoff_factor=0.2,
    allowed_methods=["GET", "PUT", "DELETE"],
    raise_on_status=False,
)
"""Refused connections, broken reads of calls that may be repeated, and Retry-After of a busy API server."""
_PAGE = 500
_MERGE = "application/merge-patch+json"
_APPLY = "application/apply-patch+yaml"


class KubeClient:
    """A connection to one API server."""

    told: Callable[[str, int, float], None] | None = None
    """Told of each call: method, status (0 is no answer), seconds."""

    guard: Callable[[str], None] | None = None
    """Asked before each write, and told what it is; raises where it must not be sent. A Lease is not asked about."""

    within: tuple[str, ...] = ()
    """Namespaces that are all there is to see, for an account that has rights there only; none, all of them are."""

    def __init__(self, api: ApiClient) -> None:
        self._api = api
        self.memory = Memory()
        self._host = api.configuration.host.rstrip("/")

    @classmethod
    def from_environment(cls) -> "KubeClient":
        """By the pod's service account in a cluster, else by the kubeconfig."""
        configuration = kubernetes.client.Configuration()
        try:
            kubernetes.config.load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call]
        except ConfigException:
            try:
                kubernetes.config.load_kube_config(client_configuration=configuration)  # type: ignore[no-untyped-call]
            except (ConfigException, yaml.YAMLError) as error:
                message = f"no API server: neither a service account nor a kubeconfig is there ({error})"
                raise ExternalError(Reason.ERROR, message) from error
        configuration.connection_pool_maxsize = 32
        return cls(ApiClient(configuration))

    def close(self) -> None:
        """Close the connections."""
        self._api.rest_client.pool_manager.clear()

    def get(self, kind: str, name: str, namespace: str | None = None) -> Manifest | None:
        """The object as it is now; None if it is not there. Inside `memory.recalling()`, as it was last seen."""
        place = namespace or ""
        if self.memory.recalls:
            is_known, answer = self.memory.answer(kind, place, name)
            if is_known:
                return answer  # type: ignore[no-any-return]
        since = self.memory.asking()
        found = self._json("GET", KINDS[kind].path(namespace, name), missing_is_none=True)
        self.memory.note(kind, place, name, found, since)
        return found

    def _pages(self, kind: str, namespace: str | None, selector: str) -> list[Manifest]:
        found: list[Manifest] = []
        query = {"limit": str(_PAGE), **({"labelSelector": selector} if selector else {})}
        path = KINDS[kind].path(namespace)
        while True:
            page = self._json("GET", path, query) or {}
            found += page.get("items") or []
            token = (page.get("metadata") or {}).get("continue")
            if not token:
                break
            query["continue"] = token
        for item in found:
            item.setdefault("kind", kind)
            item.setdefault("apiVersion", KINDS[kind].api_version)
        return found

    def list(self, kind: str, namespace: str | None = None, selector: str = "") -> list[Manifest]:
        """Every object that the label selector chooses; no namespace means all. Each carries its kind."""
        if not namespace and self.within and KINDS[kind].is_namespaced:
            return [found for place in self.within for found in self.list(kind, place, selector)]
        place, question = namespace or "", f"?{selector}"
        if self.memory.recalls:
            is_known, answer = self.memory.answer(kind, place, question)
            if is_known:
                return answer  # type: ignore[no-any-return]
        since = self.memory.asking()
        found = self._pages(kind, namespace, selector)
        if namespace:
            self.memory.note(kind, place, question, found, since)
        return found

    def create(self, manifest: Manifest) -> Manifest:
        """Make the object; raises `Conflict` where it is there already."""
        metadata = manifest["metadata"]
        path = KINDS[manifest["kind"]].path(metadata.get("namespace"))
        with self._changing(manifest["kind"], metadata.get("namespace"), metadata.get("name", "")):
            return self._json("POST", path, body=manifest) or {}

    def apply(self, manifest: Manifest) -> Manifest:
        """Server-side apply: the object has these fields afterwards, whoever else had set them."""
        metadata = manifest["metadata"]
        path = kind_of(manifest).path(metadata.get("namespace"), metadata["name"])
        query = {"fieldManager": FIELD_MANAGER, "force": "true"}
        with self._changing(manifest["kind"], metadata.get("namespace"), metadata["name"]):
            return self._json("PATCH", path, query, manifest, _APPLY) or {}

    def try_apply(self, manifest: Manifest) -> None:
        """What `apply` would be answered, without an effect: raises as it would."""
        metadata = manifest["metadata"]
        path = kind_of(manifest).path(metadata.get("namespace"), metadata["name"])
        query = {"fieldManager": FIELD_MANAGER, "force": "true", "dryRun": "All"}
        self._json("PATCH", path, query, manifest, _APPLY)

    def patch(
        self, kind: str, name: str, namespace: str | None, patch: Manifest, subresource: str | None = None
    ) -> Manifest:
        """Merge the patch; with a resourceVersion in it, raises `Conflict` where the object changed."""
        path = KINDS[kind].path(namespace, name, subresource)
        with self._changing(kind, namespace, name):
            return self._json("PATCH", path, {"fieldManager": FIELD_MANAGER}, patch, _MERGE) or {}

    def replace(self, manifest: Manifest, subresource: str | None = None) -> Manifest:
        """Put the object (or its part) in place of the one with its resourceVersion, else raise `Conflict`."""
        metadata = manifest["metadata"]
        path = KINDS[manifest["kind"]].path(metadata.get("namespace"), metadata["name"], subresource)
        with self._changing(manifest["kind"], metadata.get("namespace"), metadata["name"]):
            # Not remembered: by the time the answer is here a newer version may have been told of.
            return self._json("PUT", path, {"fieldManager": FIELD_MANAGER}, manifest) or {}

    def delete(self, kind: str, name: str, namespace: str | None = None, *, uid: str | None = None) -> None:
        """Begin to delete the object (and, in the background, what it owns); gone already is well.

        With `uid`, only the object that has it: a namesake made since is left alone, and that raises `Conflict`.
        """
        options: Manifest = {"propagationPolicy": "Background"}
        if uid:
            options["preconditions"] = {"uid": uid}
        with self._changing(kind, namespace, name):
            self._json("DELETE", KINDS[kind].path(namespace, name), body=options, missing_is_none=True)

    @contextmanager
    def _changing(self, kind: str, namespace: str | None, name: str) -> Iterator[None]:
        """A write, whether or not its answer arrives: what is remembered of the object counts no more."""
        try:
            yield
        finally:
            self.memory.changed(kind, namespace or "", name)

    def pod_log(self, namespace: str, pod: str, container: str, *, follow: bool) -> Iterator[str]:
        """Lines of a container's log; with `follow` until the container ends."""
        query = {"container": container, "follow": "true" if follow else "false"}
        path = KINDS["Pod"].path(namespace, pod, "log")
        response = self._send("GET", path, query, timeout=_LOG_DEADLINE if follow else _DEADLINE)
        try:
            rest = b""
            for chunk in response.stream(8192):
                *lines, rest = (rest + chunk).split(b"\n")
                yield from (line.decode(errors="replace") for line in lines)
            if rest:
                yield rest.decode(errors="replace")
        except urllib3.exceptions.HTTPError as error:
            raise ExternalError(Reason.ERROR, f"the log of {namespace}/{pod} broke off: {error}") from error
        finally:
            response.release_conn()

    def _json(
        self,
        method: str,
        path: str,
        query: dict[str, str] | None = None,
        body: Manifest | None = None,
        content_type: str = "application/json",
        *,
        missing_is_none: bool = False,
    ) -> Manifest | None:
        response = self._send(method, path, query, body, content_type, missing_is_none=missing_is_none)
        try:
            found: Manifest = json.loads(response.data)
        except (urllib3.exceptions.HTTPError, ValueError) as error:
            raise ExternalError(Reason.ERROR, f"the answer to {method} {path} broke off: {error}") from error
        return None if missing_is_none and response.status == 404 else found

    def _send(
        self,
        method: str,
        path: str,
        query: dict[str, str] | None = None,
        body: Manifest | None = None,
        content_type: str = "application/json",
        *,
        missing_is_none: bool = False,
        timeout: urllib3.Timeout = _DEADLINE,
    ) -> urllib3.BaseHTTPResponse:
        if self.guard is not None and method != "GET" and "/leases/" not in path:
            self.guard(f"{method} {path}")
        url = f"{self._host}{path}" + (f"?{urlencode(query)}" if query else "")
        headers = {"Accept": "application/json", "Content-Type": content_type, "User-Agent": FIELD_MANAGER}
        # Refreshes the service account's token, which the kubelet rotates.
        self._api.update_params_for_auth(headers, [], ["BearerToken"], path, method, body)
        data = None if body is None else json.dumps(body).encode()
        begun, status = time.monotonic(), 0
        try:
            response: urllib3.BaseHTTPResponse = self._api.rest_client.pool_manager.request(
                method,
                url,
                body=data,
                headers=headers,
                timeout=timeout,
                preload_content=False,
                retries=_RETRIES,
            )
            status = response.status
            if response.status >= 400 and not (response.status == 404 and missing_is_none):
                raise error_of(response.status, response.read(), f"{method} {path}")
        except urllib3.exceptions.HTTPError as error:
            message = f"the API server did not answer {method} {path}: {error}"
            raise ExternalError(Reason.ERROR, message) from error
        finally:
            if self.told is not None:
                self.told(method, status, time.monotonic() - begun)
        return response
