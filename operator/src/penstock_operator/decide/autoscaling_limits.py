"""What limits the autoscaler beside its options, and what it says when it cannot see or may not act. Pure.

Called by `reconcile/autoscaling.py`.
"""

import math
from collections.abc import Sequence

from penstock_api.reasons import Reason
from penstock_api.v1beta1.autoscaler import AutoscalerStatus, ScalingHeld
from penstock_api.v1beta1.configuration import flatten_configuration
from penstock_api.v1beta1.deployment import FlinkDeploymentSpec
from penstock_api.v1beta1.model import ObjectMeta
from penstock_operator.autoscale.guards import Room
from penstock_operator.autoscale.options import Mode
from penstock_operator.autoscale.signals import Graph, Sample
from penstock_operator.model.launch import SLOTS_KEY
from penstock_operator.model.plan import Event

Limit = tuple[int | None, str]
"""Slots at most, and what says so; None is no limit."""

_UNHEARD = "metrics"


def slots_of_a_task_manager(spec: FlinkDeploymentSpec) -> int:
    """Slots of one TaskManager."""
    return max(1, int(flatten_configuration(spec.flink_configuration).get(SLOTS_KEY, "1")))


def spare_slots(spec: FlinkDeploymentSpec, graph: Graph, spare: int | None, why: str) -> Limit:
    """Slots that the job could have with so many TaskManagers more."""
    if spare is None:
        return None, ""
    each = slots_of_a_task_manager(spec)
    return (math.ceil(graph.slots / each) + spare) * each, why


def tightest(limits: Sequence[Limit]) -> Room:
    """The room that all limits leave."""
    found = [(slots, why) for slots, why in limits if slots is not None]
    return Room(*min(found)) if found else Room()


def says_anything(sample: Sample) -> bool:
    """Whether any vertex says how busy it is: TaskManagers that have just come say nothing yet."""
    return any(not math.isnan(one.busy) for one in sample.vertices.values())


def with_room(status: AutoscalerStatus | None, why: str, unseen: str) -> AutoscalerStatus | None:
    """The status with what was found of the room for more."""
    if status is None:
        return None
    return status.model_copy(update={"room": "; ".join(part for part in (why, unseen) if part) or None})


def not_heard(status: AutoscalerStatus, why: str) -> tuple[AutoscalerStatus, Event]:
    """The status while the job's metrics cannot be had, and what to say of it."""
    sentence = f"The job's metrics cannot be had, so nothing is decided: {why}"
    held = ScalingHeld(guard=_UNHEARD, reason=Reason.AUTOSCALER_ERROR.value, message=sentence)
    return status.model_copy(update={"held": held}), Event(Reason.AUTOSCALER_ERROR, sentence)


def contested(
    status: AutoscalerStatus | None, metadata: ObjectMeta, mode: Mode
) -> tuple[AutoscalerStatus | None, tuple[Event, ...]]:
    """The status with who scales the resource beside an active autoscaler, and what to say of it once.

    By the API server's own record: whoever wrote the scale subresource is in it, as a HorizontalPodAutoscaler is.
    """
    if status is None:
        return None, ()
    found = (
        str(one.get("manager", "")) for one in metadata.managed_fields if one.get("subresource") == "scale"
    )
    who = next(found, None) if mode is Mode.ACTIVE else None
    sentence = None
    if who is not None:
        sentence = (
            f"{who} scales this resource too, by kubectl scale or a HorizontalPodAutoscaler. It has no effect once the "
            "autoscaler has scaled the job: remove it, or set job.autoscaler.mode to advise"
        )
    if sentence == status.contested:
        return status, ()
    said = (Event(Reason.SCALING_CONTESTED, sentence),) if sentence else ()
    return status.model_copy(update={"contested": sentence}), said


def heard_again(status: AutoscalerStatus | None) -> AutoscalerStatus | None:
    """The status once they can be had again."""
    if status is None or status.held is None or status.held.guard != _UNHEARD:
        return status
    return status.model_copy(update={"held": None})
