"""The autoscaler's memory of a job, in ConfigMaps beside the resource, which owns them.

Called by the Kubernetes platform; the plugin reads them. `autoscaler-<name>`, with upstream's name and labels, holds what
decisions need; `autoscaler-<name>.recording` what was recorded for people (no FlinkDeployment's name has a dot, so the
two never meet). The content is Penstock's own.
"""

import base64
from dataclasses import dataclass
from typing import Any

from penstock_api.v1beta1.deployment import FlinkDeployment
from penstock_operator.clients.kube import KubeClient
from penstock_operator.errors import Conflict


@dataclass(frozen=True, slots=True)
class Place:
    """Where something is kept."""

    suffix: str
    """Of the ConfigMap's name."""
    key: str

    def name(self, resource: str) -> str:
        """Of the ConfigMap."""
        return f"autoscaler-{resource}{self.suffix}"


MEMENTO = Place("", "penstock.memento")
RECORDING = Place(".recording", "penstock.recording")


def recall(client: KubeClient, resource: FlinkDeployment, place: Place = MEMENTO) -> bytes | None:
    """What was kept; None if nothing was, or by another operator."""
    return content(
        client.get("ConfigMap", place.name(resource.metadata.name), resource.metadata.namespace), place
    )


def content(found: dict[str, Any] | None, place: Place) -> bytes | None:
    """What the ConfigMap holds; None where it holds nothing of ours."""
    text = ((found or {}).get("binaryData") or {}).get(place.key)
    return base64.b64decode(text) if text else None


def keep(client: KubeClient, resource: FlinkDeployment, memory: bytes | None, place: Place = MEMENTO) -> None:
    """Keep it; None forgets it."""
    meta = resource.metadata
    if memory is None:
        client.delete("ConfigMap", place.name(meta.name), meta.namespace)
        return
    manifest = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": place.name(meta.name),
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
        "binaryData": {place.key: base64.b64encode(memory).decode()},
    }
    try:
        client.apply(manifest)
    except (
        Conflict
    ):  # the namespace is going away, or somebody else changes it: what was learnt is learnt again
        return
