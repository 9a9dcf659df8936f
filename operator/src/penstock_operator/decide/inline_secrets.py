"""Secrets that someone wrote into a spec instead of naming a Secret: told to the owner, by an Event and by the webhook. Pure.

They stay where they are (ADR 0024): the status stands in the same object as the spec and can be read by the same people.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from penstock_api.reasons import Reason
from penstock_api.v1beta1.configuration import flatten_configuration, value_sources
from penstock_operator.model.facts import Facts
from penstock_operator.model.plan import Event, Plan
from penstock_operator.model.redaction import is_secret


def inline_secrets(configuration: Mapping[str, Any]) -> tuple[str, ...]:
    """Keys whose value looks like a secret and stands in the configuration itself."""
    try:
        elsewhere = value_sources(configuration)
    except ValueError:  # refused, with its reason
        return ()
    keys = flatten_configuration(configuration)
    return tuple(sorted(key for key, value in keys.items() if key not in elsewhere and is_secret(key, value)))


def sentence(keys: tuple[str, ...]) -> str:
    """What to do about them, without their values."""
    return (
        f"spec.flinkConfiguration has a secret in plain text ({', '.join(keys)}), which the status and revisions keep too: "
        "put it into a Secret, name that by valueFrom, and change it"
    )


def warned(plan: Plan, facts: Facts) -> Plan:
    """The plan, with an Event where a generation that has such keys is taken for the first time."""
    if plan.status.observed_generation == facts.resource.status.observed_generation:
        return plan
    keys = inline_secrets(facts.resource.spec.flink_configuration)
    if not keys:
        return plan
    return replace(plan, events=(*plan.events, Event(Reason.INLINE_SECRET, sentence(keys))))
