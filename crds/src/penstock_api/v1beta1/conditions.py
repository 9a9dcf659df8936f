"""Conditions in a status: Running (as upstream), Ready, Progressing, Degraded, Stalled (for kstatus).

Written by the operator's report step, read by `kubectl wait` and Argo CD. Pure: the time is passed in.
"""

from collections.abc import Sequence
from enum import StrEnum

from penstock_api.v1beta1.model import ApiModel


class ConditionType(StrEnum):
    """Which question a condition answers."""

    RUNNING = "Running"
    """Does the job run (or, in a session cluster, its JobManager)?"""
    READY = "Ready"
    """Is what was asked for in place and working?"""
    PROGRESSING = "Progressing"
    """Is the operator on its way to what was asked for?"""
    DEGRADED = "Degraded"
    """Is something wrong that needs attention?"""
    STALLED = "Stalled"
    """Does it wait for its owner? kstatus asks (Flux, Config Sync), and takes a Ready that is False for progress without it."""


class ConditionStatus(StrEnum):
    """The answer."""

    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


class Condition(ApiModel):
    """One condition, as in Kubernetes' own objects."""

    type: str
    """Which question: Running, Ready, Progressing, Degraded or Stalled."""
    status: ConditionStatus
    """True, False or Unknown."""
    reason: str = ""
    """The answer's reason as one CamelCase word."""
    message: str = ""
    """The answer in a sentence."""
    last_transition_time: str | None = None
    """When `status` last changed, RFC 3339."""
    observed_generation: int | None = None
    """The generation of the resource that the answer is about."""


def set_condition(conditions: Sequence[Condition], new: Condition, now: str) -> list[Condition]:
    """The conditions with `new` in its type's place; its transition time moves only when its status does."""
    old = next((held for held in conditions if held.type == new.type), None)
    moved = old is None or old.status != new.status or old.last_transition_time is None
    dated = new.model_copy(
        update={"last_transition_time": now if moved or old is None else old.last_transition_time}
    )
    if old is None:
        return [*conditions, dated]
    return [dated if held.type == new.type else held for held in conditions]
