"""The autoscaler's memory of a job, in the ConfigMap `autoscaler-<name>` beside the resource, which owns it.

Called by the Kubernetes platform. Upstream's name and labels; the content is Penstock's own.
"""

import base64

from penstock_api.v1beta1.deployment import FlinkDeployment
from penstock_operator.clients.kube import KubeClient
from penstock_operator.errors import Conflict

KEY = "penstock.memento"


def recall(client: KubeClient, resource: FlinkDeployment) -> bytes | None:
    """What was kept; None if nothing was, or by another operator."""
    found = client.get("ConfigMap", _name(resource), resource.metadata.namespace)
    text = (found or {}).get("binaryData", {}).get(KEY)
    return base64.b64decode(text) if text else None


def keep(client: KubeClient, resource: FlinkDeployment, memory: bytes | None) -> None:
    """Keep it; None forgets it."""
    meta = resource.metadata
    if memory is None:
        client.delete("ConfigMap", _name(resource), meta.namespace)
        return
    manifest = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": _name(resource),
            "namespace": meta.namespace,
            "labels": {"component": "autoscaler", "app": meta.name},
            "ownerReferences": [
                {
                    "apiVersion": resource.api_version,
                    "kind": resource.kind,
                    "name": meta.name,
                    "uid": meta.uid,
                    "controller": False,
                    "blockOwnerDeletion": False,
                }
            ],
        },
        "binaryData": {KEY: base64.b64encode(memory).decode()},
    }
    try:
        client.apply(manifest)
    except (
        Conflict
    ):  # the namespace is going away, or somebody else changes it: what was learnt is learnt again
        return


def _name(resource: FlinkDeployment) -> str:
    return f"autoscaler-{resource.metadata.name}"
