"""When a job takes what slots there are, and when it changes its parallelism: Flink's adaptive-scheduler keys. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from penstock.checkpoint.settings import duration_of, first_of

_PREFIX = "jobmanager.adaptive-scheduler."


@dataclass(slots=True, frozen=True)
class AdaptiveSettings:
    """Times in ms."""

    is_adaptive: bool
    """`jobmanager.scheduler: adaptive`: the job starts with fewer slots than it wants if it must."""
    is_reactive: bool
    """`scheduler-mode: reactive`: it takes every slot there is."""
    resource_wait: int
    """How long a job waits for the slots that it cannot do without."""
    resource_stabilization: int
    """How long it waits for more, when they suffice and are fewer than it wants."""
    cooldown: int
    """How long a job runs before it changes its parallelism because slots came."""
    slot_idle: int
    """How long a job that got narrower keeps the slots that it has no task for."""
    stabilization: int
    """How long a running job waits for more slots before it takes what is there."""


def read_adaptive(configuration: Mapping[str, str]) -> AdaptiveSettings:
    """The settings; keys of Flink 1.20 and of 2.x are both read. ValueError names one that cannot be read."""
    is_reactive = (first_of(configuration, "scheduler-mode") or "").lower() == "reactive"
    scheduler = (first_of(configuration, "jobmanager.scheduler") or "default").lower()
    return AdaptiveSettings(
        is_adaptive=is_reactive or scheduler == "adaptive",
        is_reactive=is_reactive,
        resource_wait=duration_of(
            configuration,
            300_000,
            _PREFIX + "submission.resource-wait-timeout",
            _PREFIX + "resource-wait-timeout",
            "slot.request.timeout",
        ),
        resource_stabilization=duration_of(
            configuration,
            0 if is_reactive else 10_000,
            _PREFIX + "submission.resource-stabilization-timeout",
            _PREFIX + "resource-stabilization-timeout",
        ),
        cooldown=duration_of(
            configuration,
            30_000,
            _PREFIX + "executing.cooldown-after-rescaling",
            _PREFIX + "scaling-interval.min",
        ),
        slot_idle=duration_of(configuration, 50_000, "slot.idle.timeout"),
        stabilization=duration_of(
            configuration,
            0 if is_reactive else 60_000,
            _PREFIX + "executing.resource-stabilization-timeout",
            _PREFIX + "scaling-interval.max",
        ),
    )
