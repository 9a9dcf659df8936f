"""CPU and memory of a main container: new style, old style, or the defaults of a component."""

import re

from penstock_api.reasons import Reason
from penstock_api.v1beta1.resources import Resource, ResourceRequirements
from penstock_operator.build.context import Manifest
from penstock_operator.errors import UserError

_FLINK_UNITS = {
    "": "",
    "b": "",
    "k": "Ki",
    "kb": "Ki",
    "m": "Mi",
    "mb": "Mi",
    "g": "Gi",
    "gb": "Gi",
    "t": "Ti",
}
_FLINK = re.compile(r"(\d+)\s*([a-zA-Z]*)")
_QUANTITY = re.compile(r"\d+(\.\d+)?(m|[kKMGTPE]i?)?")

JOB_MANAGER_DEFAULT: Manifest = {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"memory": "1Gi"}}
TASK_MANAGER_DEFAULT: Manifest = {"requests": {"cpu": "200m", "memory": "384Mi"}, "limits": {"memory": "2Gi"}}


def container_resources(
    new: ResourceRequirements | None, old: Resource | None, default: Manifest, where: str
) -> Manifest:
    """What the container gets; `where` names the field for the message of a `UserError`."""
    if new is not None and (new.requests or new.limits or new.claims):
        return _requirements(new, where)
    if old is not None and (old.cpu or old.memory or old.ephemeral_storage):
        return _old_style(old, default, where)
    return default


def memory_quantity(text: str, where: str) -> str:
    """A memory size as Flink writes it first (`1024m` is 1024 MiB), as Kubernetes writes it otherwise."""
    flink = _FLINK.fullmatch(text.strip())
    if flink and flink[2].lower() in _FLINK_UNITS:
        return f"{flink[1]}{_FLINK_UNITS[flink[2].lower()]}"
    return _quantity(text, where)


def _requirements(new: ResourceRequirements, where: str) -> Manifest:
    found: Manifest = {}
    for part, values in (("requests", new.requests), ("limits", new.limits)):
        if values:
            found[part] = {
                key: memory_quantity(value, f"{where}.resources.{part}.{key}")
                if key in ("memory", "ephemeral-storage")
                else _quantity(value, f"{where}.resources.{part}.{key}")
                for key, value in values.items()
            }
    if new.claims:
        found["claims"] = [claim.to_wire() for claim in new.claims]
    return found


def _old_style(old: Resource, default: Manifest, where: str) -> Manifest:
    requests, limits = dict(default["requests"]), dict(default["limits"])
    if old.cpu:
        requests["cpu"] = limits["cpu"] = str(old.cpu)
    if old.memory:
        requests["memory"] = limits["memory"] = memory_quantity(old.memory, f"{where}.resource.memory")
    if old.ephemeral_storage:
        size = memory_quantity(old.ephemeral_storage, f"{where}.resource.ephemeralStorage")
        requests["ephemeral-storage"] = limits["ephemeral-storage"] = size
    return {"requests": requests, "limits": limits}


def _quantity(text: str, where: str) -> str:
    if not _QUANTITY.fullmatch(text.strip()):
        raise UserError(
            Reason.VALIDATION_ERROR, f"{where} is {text!r}, which is no quantity: write 500m or 1Gi"
        )
    return text.strip()
