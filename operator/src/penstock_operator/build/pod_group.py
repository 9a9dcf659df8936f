"""The PodGroup of a job's pods, for schedulers that place a group by such an object: Volcano, scheduler-plugins. Pure.

Called by the assembly of a job's objects. One that the owner names in `spec.batchScheduler.podGroup` is the owner's to make;
YuniKorn and Kueue go by labels alone.
"""

import math
from dataclasses import dataclass
from decimal import Decimal

from penstock_api.v1beta1.deployment import FlinkDeploymentSpec
from penstock_operator.build.context import JobContext, Manifest
from penstock_operator.build.limits import Need, need_of


@dataclass(frozen=True, slots=True)
class GroupKind:
    """A scheduler's PodGroup."""

    api_version: str
    has_queue: bool

    @property
    def key(self) -> str:
        """By which the client knows the kind, as several groups have one of this name."""
        return f"PodGroup.{self.api_version.partition('/')[0]}"


_KINDS = {
    "volcano": GroupKind("scheduling.volcano.sh/v1beta1", has_queue=True),
    "scheduler-plugins": GroupKind("scheduling.x-k8s.io/v1alpha1", has_queue=False),
}


def pod_group_kind(spec: FlinkDeploymentSpec) -> GroupKind | None:
    """Of which kind the job's PodGroup is; None where none is made."""
    wanted = spec.batch_scheduler
    return None if wanted is None or wanted.pod_group else _KINDS.get(wanted.name or "")


def build_pod_group(context: JobContext, deployments: list[Manifest]) -> list[Manifest]:
    """The group that all pods of these Deployments are in: they start together or not at all."""
    kind, wanted = pod_group_kind(context.launch.spec), context.launch.spec.batch_scheduler
    if kind is None or wanted is None:
        return []
    need = Need(0, Decimal(), Decimal())
    for deployment in deployments:
        need = need.plus(need_of(deployment))
    spec: Manifest = {
        "minMember": need.pods,
        "minResources": {
            "cpu": f"{math.ceil(need.cpu * 1000)}m",
            "memory": f"{math.ceil(need.memory / 1024**2)}Mi",
        },
    }
    if kind.has_queue:
        spec |= {"queue": wanted.queue} if wanted.queue else {}
        spec |= {"priorityClassName": wanted.priority_class_name} if wanted.priority_class_name else {}
    metadata = context.metadata(context.cluster)
    return [{"apiVersion": kind.api_version, "kind": "PodGroup", "metadata": metadata, "spec": spec}]
