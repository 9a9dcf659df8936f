"""Watches of the kinds beside FlinkDeployment: every event of such a resource wakes its loop, and nothing else happens here.

Registered by `handlers/app.py` for each kind whose definition the cluster has. No handler reads the event's type.
"""

from collections.abc import Callable, Mapping
from typing import Any

import kopf

from penstock_api.v1beta1.model import GROUP, VERSION
from penstock_operator.clients.kube_memory import Memory
from penstock_operator.model.facts import Ref
from penstock_operator.reconcile.kinds import Key, Kind

WakeKey = Callable[[Key], None]


def register_kind(registry: kopf.OperatorRegistry, kind: Kind, wake: WakeKey, memory: Memory) -> None:
    """Watch the resources of this kind. A coroutine, as it waits for nothing: a thread for each event costs more.

    `memory` forgets what changed before anything is woken.
    """

    @kopf.on.event(GROUP, VERSION, kind.plural, registry=registry, id=f"{kind.plural}_changed")
    async def changed(namespace: str | None, name: str | None, meta: Mapping[str, Any], **_: Any) -> None:
        memory.changed(kind.name, namespace or "", name or "", str(meta.get("resourceVersion") or ""))
        wake(Key(kind.name, Ref(namespace or "", name or "")))
