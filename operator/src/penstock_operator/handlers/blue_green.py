"""Blue/green deployments: their loop on a cluster, and the watch of their sides, of which every event wakes the owner.

Registered by `handlers/app.py`. The resources themselves are watched as every kind is (`kinds.py`).
"""

from collections.abc import Mapping
from typing import Any

import kopf

from penstock_api.v1beta1.blue_green import FlinkBlueGreenDeployment
from penstock_api.v1beta1.model import GROUP, VERSION
from penstock_operator.clients.kube import KubeClient, Manifest
from penstock_operator.handlers.kinds import WakeKey
from penstock_operator.model.facts import Ref
from penstock_operator.platforms.kubernetes_blue_green import BlueGreenPlatform
from penstock_operator.platforms.kubernetes_kinds import KubernetesKind
from penstock_operator.platforms.port import Platform
from penstock_operator.reconcile.blue_green import BlueGreenLoop
from penstock_operator.reconcile.kinds import BLUE_GREEN, Key, Kind


def blue_green_kind(client: KubeClient, jobs: Platform, controllers: Manifest) -> Kind:
    """The kind, with its loop; `controllers` selects the namespaces that serve Ingresses."""
    store = KubernetesKind(client, FlinkBlueGreenDeployment)
    loop = BlueGreenLoop(store, BlueGreenPlatform(client, jobs, controllers))
    return Kind(BLUE_GREEN, "flinkbluegreendeployments", loop.reconcile)


def register_sides(registry: kopf.OperatorRegistry, wake: WakeKey) -> None:
    """Watch the sides. A coroutine, as it waits for nothing."""

    @kopf.on.event(GROUP, VERSION, "flinkdeployments", registry=registry, id="side_changed")
    async def changed(meta: Mapping[str, Any], **_: Any) -> None:
        owner = owner_of(meta)
        if owner is not None:
            wake(Key(BLUE_GREEN, owner))


def owner_of(meta: Mapping[str, Any]) -> Ref | None:
    """The blue/green deployment that a FlinkDeployment with this metadata is a side of."""
    for owner in meta.get("ownerReferences") or []:
        if owner.get("kind") == BLUE_GREEN:
            return Ref(meta.get("namespace") or "", owner.get("name") or "")
    return None
