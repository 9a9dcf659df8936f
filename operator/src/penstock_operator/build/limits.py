"""Quota and limit range of a job's namespace: one job cannot fill the cluster by accident.

The quota follows from the spec: twice what the job's pods request, so that what ends and what starts have room side by
side. It is built anew at every deploy, and never below what is in use while something new is to start.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from penstock_operator.build.context import JobContext, Manifest
from penstock_operator.model.quantity import parse_quantity

_SPARE_PODS = 4
"""Pods of the owner's, for a look inside, and what a fetch or a probe needs."""
_CPU, _MEMORY = Decimal("0.1"), Decimal(128 * 1024**2)
"""Room in each pod for a container that someone's admission injects, and for each spare pod."""
_DEFAULT_REQUEST = {"cpu": "50m", "memory": "64Mi"}


@dataclass(frozen=True, slots=True)
class Need:
    """What pods ask for."""

    pods: int
    cpu: Decimal
    memory: Decimal

    def plus(self, other: "Need") -> "Need":
        """Both together."""
        return Need(self.pods + other.pods, self.cpu + other.cpu, self.memory + other.memory)

    def times(self, factor: int) -> "Need":
        """So many of them."""
        return Need(self.pods * factor, self.cpu * factor, self.memory * factor)


def need_of(deployment: Manifest) -> Need:
    """What the pods of a Deployment request, a little more for what may be injected."""
    spec = deployment["spec"]["template"]["spec"]
    regular = [_requests(container) for container in spec["containers"]]
    early = [_requests(container) for container in spec.get("initContainers") or []]
    sidecars = [
        _requests(container)
        for container in spec.get("initContainers") or []
        if container.get("restartPolicy") == "Always"
    ]
    held = [*regular, *sidecars]
    cpu = max(sum((one[0] for one in held), Decimal()), *(one[0] for one in early), Decimal())
    memory = max(sum((one[1] for one in held), Decimal()), *(one[1] for one in early), Decimal())
    return Need(1, cpu + _CPU, memory + _MEMORY).times(deployment["spec"]["replicas"])


def build_resource_quota(
    context: JobContext, deployments: list[Manifest], used: Mapping[str, str] | None = None
) -> Manifest:
    """The quota for these Deployments; `used` is what the namespace's pods request now, as the quota's status has it."""
    wanted = Need(0, Decimal(), Decimal())
    for deployment in deployments:
        wanted = wanted.plus(need_of(deployment))
    spare = Need(1, _CPU, _MEMORY).times(_SPARE_PODS)
    room = _at_least(wanted.times(2), wanted.plus(_used(used or {}))).plus(spare)
    return {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": context.metadata(context.name),
        "spec": {
            "hard": {
                "pods": str(room.pods),
                "requests.cpu": _cpu_text(room.cpu),
                "requests.memory": _memory_text(room.memory),
                "services.loadbalancers": "0",
                "services.nodeports": "0",
                "persistentvolumeclaims": "0",
            }
        },
    }


def build_limit_range(context: JobContext) -> Manifest:
    """Requests of containers that name none (sidecars)."""
    return {
        "apiVersion": "v1",
        "kind": "LimitRange",
        "metadata": context.metadata(context.name),
        "spec": {
            "limits": [{"type": "Container", "defaultRequest": _DEFAULT_REQUEST}],
        },
    }


def _requests(container: Manifest) -> tuple[Decimal, Decimal]:
    """CPU and memory; a limit without a request is the request, as the API server has it."""
    resources = container.get("resources") or {}
    asked = {**_DEFAULT_REQUEST, **(resources.get("limits") or {}), **(resources.get("requests") or {})}
    return parse_quantity(str(asked["cpu"])), parse_quantity(str(asked["memory"]))


def _used(used: Mapping[str, str]) -> Need:
    return Need(
        int(parse_quantity(used.get("pods", "0"))),
        parse_quantity(used.get("requests.cpu", "0")),
        parse_quantity(used.get("requests.memory", "0")),
    )


def _at_least(one: Need, other: Need) -> Need:
    return Need(max(one.pods, other.pods), max(one.cpu, other.cpu), max(one.memory, other.memory))


def _cpu_text(amount: Decimal) -> str:
    """CPU in thousandths, rounded up."""
    return f"{math.ceil(amount * 1000)}m"


def _memory_text(amount: Decimal) -> str:
    """Memory in mebibytes, rounded up."""
    return f"{math.ceil(amount / 1024**2)}Mi"
