"""The custom resource definitions in a cluster: applied, checked, and left behind cleanly.

Called by `penstock-operator crds apply`, by `penstock-operator uninstall` (Helm's hooks) and when the operator starts.
"""

import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import structlog

from penstock_api.crd import KINDS, build_crd, build_crds, missing_fields
from penstock_api.reasons import Reason
from penstock_operator.build import labels
from penstock_operator.clients.kube import KubeClient, Manifest
from penstock_operator.clients.kube_kinds import KINDS as KUBE_KINDS
from penstock_operator.errors import ExternalError

log = structlog.get_logger(__name__)

_KIND = "CustomResourceDefinition"
_RESOURCES = ("FlinkDeployment", "FlinkSessionJob", "FlinkStateSnapshot", "FlinkBlueGreenDeployment")
_ESTABLISHED_SECONDS = 30.0
_GONE_SECONDS = 90.0
_POLL_SECONDS = 0.5
_NAMESPACE_FILE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
_OPERATOR_SELECTOR = "app.kubernetes.io/name=penstock-operator"


def apply(client: KubeClient | None = None) -> None:
    """Apply all definitions server-side and wait until the API server serves them."""
    client = client or KubeClient.from_environment()
    for manifest in build_crds():
        client.apply(manifest)
        log.info("applied", definition=manifest["metadata"]["name"])
    for manifest in build_crds():
        name = manifest["metadata"]["name"]
        _wait(partial(_established, client, name), _ESTABLISHED_SECONDS, f"{name} is not served")


def check(client: KubeClient) -> None:
    """Raise `CrdOutdated`, with what to run, where the cluster's definitions lack fields of this version."""
    if client.within:  # the definitions themselves are the cluster's
        _check_served(client)
        return
    for kind in KINDS:
        name = build_crd(kind)["metadata"]["name"]
        try:
            installed = client.get(_KIND, name)
        except ExternalError as error:
            if error.reason is Reason.PERMISSION_DENIED:
                log.warning("definitions cannot be checked", error=error.message)
                return
            raise
        missing = ["all of it"] if installed is None else missing_fields(installed, kind)
        if missing:
            fields = ", ".join(missing[:5]) + (", ..." if len(missing) > 5 else "")
            message = f"{name} lacks {fields}: run `penstock-operator crds apply`"
            raise ExternalError(Reason.CRD_OUTDATED, message)


def _check_served(client: KubeClient) -> None:
    for kind in _RESOURCES:
        if _listed(client, kind) is None:
            message = (
                f"{KUBE_KINDS[kind].plural}.flink.apache.org is not there: run `penstock-operator crds apply`"
            )
            raise ExternalError(Reason.CRD_OUTDATED, message)


def _listed(client: KubeClient, kind: str) -> list[Manifest] | None:
    """Resources of one of our kinds; None where the API server does not serve it."""
    try:
        return client.list(kind)
    except ExternalError as error:
        if error.reason is Reason.MISSING:
            return None
        raise


def uninstall(*, force: bool = False, delete_crds: bool = False, client: KubeClient | None = None) -> None:
    """Leave nothing that would stay Terminating.

    With `delete_crds`, every resource is deleted while the operator is still there to do it, and then the definitions;
    with `force`, finalizers of those that do not go in time are taken off. Without, the operator is stopped and its
    finalizers are taken off: resources and jobs stay, and a later installation goes on with them.
    """
    client = client or KubeClient.from_environment()
    if delete_crds:
        _delete_resources(client, force=force)
        for manifest in build_crds():
            name = manifest["metadata"]["name"]
            client.delete(_KIND, name)
            _wait(partial(_gone, client, name), _GONE_SECONDS, f"{name} is not gone")
        return
    _wait(
        lambda: not _ending(client),
        _GONE_SECONDS,
        "resources that are being deleted are not gone",
        force=force,
    )
    _stop_operator(client)
    _release_all(client)


def _delete_resources(client: KubeClient, *, force: bool) -> None:
    for found in _resources(client):
        meta = found["metadata"]
        client.delete(found["kind"], meta["name"], meta["namespace"])
    what = "resources are not gone (uninstall --force takes their finalizers off)"
    _wait(lambda: not _resources(client), _GONE_SECONDS, what, force=force)
    if force:
        _release_all(client)


def _resources(client: KubeClient) -> list[Manifest]:
    return [found for kind in _RESOURCES for found in _listed(client, kind) or ()]


def _ending(client: KubeClient) -> list[Manifest]:
    return [
        found
        for found in _resources(client)
        if found["metadata"].get("deletionTimestamp") and labels.FINALIZER in _finalizers(found)
    ]


def _finalizers(found: Manifest) -> list[str]:
    return found["metadata"].get("finalizers") or []


def _release_all(client: KubeClient) -> None:
    for found in _resources(client):
        meta = found["metadata"]
        kept = [name for name in _finalizers(found) if name != labels.FINALIZER]
        if kept != _finalizers(found):
            client.patch(found["kind"], meta["name"], meta["namespace"], {"metadata": {"finalizers": kept}})
            log.info("released", resource=f"{meta['namespace']}/{meta['name']}")


def _stop_operator(client: KubeClient) -> None:
    """Scale the operator to nothing, so that it does not put its finalizers back."""
    namespace = os.environ.get("OPERATOR_NAMESPACE") or _own_namespace()
    if not namespace:
        return
    for found in client.list("Deployment", namespace, _OPERATOR_SELECTOR):
        name = found["metadata"]["name"]
        client.patch("Deployment", name, namespace, {"spec": {"replicas": 0}})
        what = f"the operator ({namespace}/{name}) does not stop"
        _wait(partial(_stopped, client, name, namespace), _GONE_SECONDS, what)


def _gone(client: KubeClient, name: str) -> bool:
    return client.get(_KIND, name) is None


def _own_namespace() -> str | None:
    """The namespace of this pod; None outside of a cluster."""
    return _NAMESPACE_FILE.read_text("utf-8").strip() if _NAMESPACE_FILE.is_file() else None


def _stopped(client: KubeClient, name: str, namespace: str) -> bool:
    status = (client.get("Deployment", name, namespace) or {}).get("status") or {}
    return not status.get("replicas")


def _established(client: KubeClient, name: str) -> bool:
    conditions = ((client.get(_KIND, name) or {}).get("status") or {}).get("conditions") or []
    return any(entry["type"] == "Established" and entry["status"] == "True" for entry in conditions)


def _wait(done: Callable[[], bool], seconds: float, what: str, *, force: bool = False) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            if force:
                return
            raise ExternalError(Reason.CLEANUP_FAILED, f"{what} after {seconds:.0f} s")
        time.sleep(_POLL_SECONDS)
