"""kopf's handlers: every event of a resource or of what was made for it wakes the loop, and nothing else happens here.

Registered by `handlers/app.py`. No handler reads the event's type (level-triggered), patches anything, or blocks.
"""

from collections.abc import Callable, Mapping
from typing import Any

import kopf

from penstock_api.v1beta1.model import GROUP, VERSION
from penstock_operator.build import labels
from penstock_operator.clients.kube_memory import Memory
from penstock_operator.model.facts import Ref

Wake = Callable[[Ref], None]


def register(
    registry: kopf.OperatorRegistry,
    settings: kopf.OperatorSettings,
    wake: Wake,
    memory: Memory | None = None,
) -> None:
    """Watch the resources, and of pods and Deployments those that are ours (chosen by the API server).

    `memory` forgets what changed before anything is woken.
    """
    settings.watching.label_selectors["apps", "deployments"] = labels.OURS
    settings.watching.label_selectors["pods"] = labels.OURS

    def forget(kind: str, meta: Mapping[str, Any]) -> None:
        if memory is not None:
            version = str(meta.get("resourceVersion") or "")
            memory.changed(kind, str(meta.get("namespace") or ""), str(meta.get("name") or ""), version)

    # Coroutines, as they wait for nothing: a thread for each of thousands of events costs more than the event.

    @kopf.on.event(GROUP, VERSION, "flinkdeployments", registry=registry)
    async def resource_changed(meta: Mapping[str, Any], **_: Any) -> None:
        forget("FlinkDeployment", meta)
        wake(Ref(meta.get("namespace") or "", meta.get("name") or ""))

    @kopf.on.event("apps", "v1", "deployments", registry=registry)
    async def deployment_changed(meta: Mapping[str, Any], **_: Any) -> None:
        forget("Deployment", meta)
        wake_owner(meta.get("labels") or {}, wake)

    @kopf.on.event("", "v1", "pods", registry=registry)
    async def pod_changed(meta: Mapping[str, Any], **_: Any) -> None:
        forget("Pod", meta)
        wake_owner(meta.get("labels") or {}, wake)


def wake_owner(of: Mapping[str, str], wake: Wake) -> None:
    """Wake the resource that an object with these labels belongs to."""
    owner = labels.owner_of(dict(of))
    if owner is not None:
        wake(owner)
