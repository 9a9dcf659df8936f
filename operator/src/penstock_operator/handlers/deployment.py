"""kopf's handlers: every event of a resource or of what was made for it wakes the loop, and nothing else happens here.

Registered by `handlers/app.py`. No handler reads the event's type (level-triggered), patches anything, or blocks.
"""

from collections.abc import Callable, Mapping
from typing import Any

import kopf

from penstock_api.v1beta1.model import GROUP, VERSION
from penstock_operator.build import labels
from penstock_operator.model.facts import Ref

Wake = Callable[[Ref], None]


def register(registry: kopf.OperatorRegistry, settings: kopf.OperatorSettings, wake: Wake) -> None:
    """Watch the resources, and of pods and Deployments those that are ours (chosen by the API server)."""
    settings.watching.label_selectors["apps", "deployments"] = labels.OURS
    settings.watching.label_selectors["pods"] = labels.OURS

    @kopf.on.event(GROUP, VERSION, "flinkdeployments", registry=registry)
    def resource_changed(namespace: str | None, name: str | None, **_: Any) -> None:
        wake(Ref(namespace or "", name or ""))

    @kopf.on.event("apps", "v1", "deployments", registry=registry)
    @kopf.on.event("", "v1", "pods", registry=registry)
    def child_changed(labels: Mapping[str, str], **_: Any) -> None:
        wake_owner(labels, wake)


def wake_owner(of: Mapping[str, str], wake: Wake) -> None:
    """Wake the resource that an object with these labels belongs to."""
    owner = labels.owner_of(dict(of))
    if owner is not None:
        wake(owner)
