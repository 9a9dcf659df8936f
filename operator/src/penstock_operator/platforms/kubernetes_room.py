"""How many more TaskManagers a job has room for: by the quotas of its namespace, and by the nodes where those are looked at.

Called by the Kubernetes platform when the autoscaler wants more, which is rare. Nodes and pods are asked for once in
`cluster.resource-view.refresh-interval` for all jobs together, and never where that is negative (as upstream), because a
cluster that adds nodes has more room than its nodes show. What cannot be seen limits nothing, and is said. Affinity is
left to the scheduler.
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from penstock_api.reasons import Reason
from penstock_operator.build import labels
from penstock_operator.clients.kube import KubeClient, Manifest
from penstock_operator.errors import OperatorError
from penstock_operator.model.quantity import parse_quantity
from penstock_operator.platforms.port import Spare

_ENDED = ("Succeeded", "Failed")
_ZERO = Decimal()
_NO_RIGHT = (
    "nodes are not looked at: the operator may not list them (rbac.nodesRule.create in the chart's values)"
)

Amounts = Mapping[str, Decimal]


@dataclass(frozen=True, slots=True)
class Node:
    """A node and what nobody has asked for of it."""

    name: str
    free: Amounts
    labels: Mapping[str, str] = field(default_factory=dict)
    taints: tuple[Mapping[str, Any], ...] = ()


class Nodes:
    """The cluster's nodes as of a moment ago. Safe from several threads."""

    def __init__(self, client: KubeClient, now: Callable[[], float] = time.monotonic) -> None:
        self._client, self._now = client, now
        self._lock = threading.Lock()
        self._seen: tuple[float, tuple[Node, ...] | str] | None = None

    def view(self, seconds: float) -> tuple[Node, ...] | str:
        """The nodes, or why they cannot be seen; not older than this."""
        with self._lock:
            if self._seen is None or self._now() - self._seen[0] >= seconds:
                self._seen = (self._now(), self._look())
            return self._seen[1]

    def _look(self) -> tuple[Node, ...] | str:
        try:
            return nodes_of(self._client.list("Node"), self._client.list("Pod"))
        except OperatorError as error:
            if error.reason is Reason.PERMISSION_DENIED:
                return _NO_RIGHT
            return f"nodes are not looked at: {error.message}"


def spare(client: KubeClient, nodes: Nodes, deployment: Manifest, refresh_seconds: float) -> Spare:
    """The room for more pods of this Deployment, and what sets the limit."""
    pod = deployment["spec"]["template"]["spec"]
    namespace = deployment["metadata"]["namespace"]
    unseen: list[str] = []
    found: list[tuple[int, str]] = []
    try:
        found = list(_by_quotas(client.list("ResourceQuota", namespace), pod))
    except OperatorError as error:
        unseen.append(f"quotas are not looked at: {error.message}")
    if refresh_seconds > 0:
        view = nodes.view(refresh_seconds)
        if isinstance(view, str):
            unseen.append(view)
        else:
            count = sum(fits(node, pod) for node in view)
            found.append((count, f"the nodes have room for {count} more TaskManagers"))
    if not found:
        return Spare(None, unseen="; ".join(unseen))
    return Spare(*min(found), unseen="; ".join(unseen))


def _by_quotas(quotas: Sequence[Manifest], pod: Manifest) -> Iterator[tuple[int, str]]:
    """What each quota that is not the job's own leaves; one for some pods only (scopes) is the API server's to judge."""
    need = {**_prefixed("requests.", requests(pod)), **_prefixed("limits.", limits(pod))}
    need |= {"pods": Decimal(1), "count/pods": Decimal(1)}
    need |= {short: need[f"requests.{short}"] for short in ("cpu", "memory") if f"requests.{short}" in need}
    for quota in quotas:
        spec, status = quota.get("spec") or {}, quota.get("status") or {}
        is_ours = labels.RESOURCE_UID in (quota["metadata"].get("labels") or {})
        if is_ours or spec.get("scopes") or spec.get("scopeSelector"):
            continue
        hard, used = status.get("hard") or spec.get("hard") or {}, status.get("used") or {}
        for key, most in hard.items():
            if need.get(key):
                left = parse_quantity(str(most)) - parse_quantity(str(used.get(key, "0")))
                count = max(0, int(left // need[key]))
                name = quota["metadata"]["name"]
                yield count, f"ResourceQuota {name} leaves {key} for {count} more TaskManagers"


def nodes_of(nodes: Sequence[Manifest], pods: Sequence[Manifest]) -> tuple[Node, ...]:
    """The nodes that take pods, with what the pods that are there leave."""
    asked: dict[str, dict[str, Decimal]] = {}
    for pod in pods:
        place = pod.get("spec", {}).get("nodeName")
        if place and pod.get("status", {}).get("phase") not in _ENDED:
            _add(asked.setdefault(place, {}), {**requests(pod["spec"]), "pods": Decimal(1)})
    return tuple(_node(node, asked.get(node["metadata"]["name"], {})) for node in nodes if _takes_pods(node))


def fits(node: Node, pod: Manifest) -> int:
    """How many such pods the node has room for."""
    wanted = pod.get("nodeSelector") or {}
    if any(node.labels.get(key) != value for key, value in wanted.items()):
        return 0
    if not all(_is_tolerated(taint, pod.get("tolerations") or ()) for taint in node.taints):
        return 0
    need = {**requests(pod), "pods": Decimal(1)}
    return min(max(0, int(node.free.get(key, _ZERO) // one)) for key, one in need.items() if one)


def requests(pod: Manifest) -> dict[str, Decimal]:
    """What the pod's containers request, all together; a limit without a request is one."""
    return _amounts(pod, ("limits", "requests"))


def limits(pod: Manifest) -> dict[str, Decimal]:
    """Their limits."""
    return _amounts(pod, ("limits",))


def _amounts(pod: Manifest, sections: tuple[str, ...]) -> dict[str, Decimal]:
    """The sum over the containers, or an init container's alone where that is more."""
    total: dict[str, Decimal] = {}
    early = pod.get("initContainers") or []
    beside = [one for one in early if one.get("restartPolicy") == "Always"]
    for container in [*(pod.get("containers") or []), *beside]:
        _add(total, _of(container, sections))
    for container in early:
        for key, one in _of(container, sections).items():
            total[key] = max(total.get(key, _ZERO), one)
    return total


def _of(container: Manifest, sections: tuple[str, ...]) -> dict[str, Decimal]:
    resources = container.get("resources") or {}
    merged: dict[str, Any] = {}
    for section in sections:
        merged |= resources.get(section) or {}
    return {key: parse_quantity(str(value)) for key, value in merged.items()}


def _add(total: dict[str, Decimal], more: Amounts) -> None:
    for key, one in more.items():
        total[key] = total.get(key, _ZERO) + one


def _prefixed(prefix: str, amounts: Amounts) -> dict[str, Decimal]:
    return {f"{prefix}{key}": one for key, one in amounts.items()}


def _node(node: Manifest, asked: Amounts) -> Node:
    allocatable = node.get("status", {}).get("allocatable") or {}
    free = {key: parse_quantity(str(most)) - asked.get(key, _ZERO) for key, most in allocatable.items()}
    taints = tuple(
        taint
        for taint in node.get("spec", {}).get("taints") or ()
        if taint.get("effect") != "PreferNoSchedule"
    )
    return Node(node["metadata"]["name"], free, node["metadata"].get("labels") or {}, taints)


def _takes_pods(node: Manifest) -> bool:
    is_ready = any(
        one.get("type") == "Ready" and one.get("status") == "True"
        for one in node.get("status", {}).get("conditions") or ()
    )
    return is_ready and not node.get("spec", {}).get("unschedulable")


def _is_tolerated(taint: Mapping[str, Any], tolerations: Sequence[Mapping[str, Any]]) -> bool:
    return any(
        one.get("key") in (None, "", taint.get("key"))
        and one.get("effect") in (None, "", taint.get("effect"))
        and (one.get("operator") == "Exists" or one.get("value", "") == taint.get("value", ""))
        for one in tolerations
    )
