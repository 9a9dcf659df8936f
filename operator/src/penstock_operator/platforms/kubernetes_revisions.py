"""Specs of revisions as ControllerRevisions, beside the resource and owned by it: Kubernetes' own way to keep them.

Called by the Kubernetes platform; `kubectl penstock` reads them by the same label. Never changed once made; one whose number
is given again, as after a status that was lost, is made anew.
"""

import json
from collections.abc import Collection

import structlog

from penstock_api.reasons import Reason
from penstock_api.v1beta1.deployment import FlinkDeployment
from penstock_api.v1beta1.session_job import FlinkSessionJob
from penstock_operator.build import labels
from penstock_operator.clients.kube import KubeClient
from penstock_operator.errors import Conflict, OperatorError
from penstock_operator.model.facts import Ref

log = structlog.get_logger(__name__)

Revised = FlinkDeployment | FlinkSessionJob


def revision_name(resource: Revised, number: int) -> str:
    """`<name>-<number>`; of a session job `<name>-sessionjob-<number>`, as a FlinkDeployment may have its name."""
    kind = "-sessionjob" if isinstance(resource, FlinkSessionJob) else ""
    return f"{resource.metadata.name}{kind}-{number}"


def keep(client: KubeClient, resource: Revised, number: int, spec: str, kept: Collection[int]) -> None:
    """Make the revision if it is not there; then drop those that are not kept.

    Where the operator has no right to (the role of an older chart), the job is deployed all the same.
    """
    try:
        _keep(client, resource, number, spec, kept)
    except OperatorError as error:
        if error.reason is not Reason.PERMISSION_DENIED:
            raise
        log.warning("the revision is not kept", resource=resource.metadata.name, error=error.message)


def _keep(client: KubeClient, resource: Revised, number: int, spec: str, kept: Collection[int]) -> None:
    meta = resource.metadata
    name = revision_name(resource, number)
    held = client.get("ControllerRevision", name, meta.namespace)
    if held is not None:
        if (held.get("data") or {}).get("spec") == json.loads(spec):
            return
        client.delete("ControllerRevision", name, meta.namespace, uid=held["metadata"]["uid"])
    try:
        client.create(_manifest(resource, name, number, spec))
    except Conflict:
        return
    for each in client.list("ControllerRevision", meta.namespace, selector(meta.uid or "")):
        if int(each.get("revision", 0)) not in kept:
            client.delete("ControllerRevision", each["metadata"]["name"], meta.namespace)


def selector(uid: str) -> str:
    """Chooses the revisions of one resource."""
    return f"{labels.RESOURCE_UID}={uid}"


def _manifest(resource: Revised, name: str, number: int, spec: str) -> dict[str, object]:
    meta = resource.metadata
    owner = {
        "apiVersion": resource.api_version,
        "kind": resource.kind,
        "name": meta.name,
        "uid": meta.uid,
        "controller": True,
        "blockOwnerDeletion": False,
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "ControllerRevision",
        "metadata": {
            "name": name,
            "namespace": meta.namespace,
            "labels": labels.owned_labels(Ref(meta.namespace, meta.name), meta.uid or ""),
            "ownerReferences": [owner],
        },
        "revision": number,
        "data": {"spec": json.loads(spec)},
    }
