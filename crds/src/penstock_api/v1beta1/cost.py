"""What a change of a field costs: the type says it, `Annotated[int, Cost.SCALE]`, and the dearest change wins.

`diff_cost` is called by the planner with the last reconciled and the wanted spec. A field without a mark costs
what the object that it is in costs, at last an upgrade. It is pure and knows nothing of how a change is carried out: a platform that cannot scale in place upgrades.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Any, TypeVar

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from penstock_api.v1beta1.configuration import flatten_configuration

_Mark = TypeVar("_Mark")


class Cost(IntEnum):
    """The classes of change, cheapest first."""

    IGNORE = 0
    """Nothing running has to change."""
    SCALE = 1
    """Scaled in place where the platform can, else upgraded."""
    UPGRADE = 2
    """The job is stopped as its upgrade mode says and started again."""
    SAVEPOINT_REDEPLOY = 3
    """The job is stopped without its state and started from `initialSavepointPath`."""


@dataclass(frozen=True, slots=True)
class WhenSet:
    """Mark of a nonce: a change to a new value has the cost, a change to null is ignored."""

    cost: Cost


@dataclass(frozen=True, slots=True)
class WhenStandalone:
    """Mark of a size: the cost where the operator owns the TaskManagers, an upgrade where Flink itself does."""

    cost: Cost


@dataclass(frozen=True, slots=True)
class PresenceMatters:
    """Mark of an object: an empty one says something else than none, so one that comes or goes is one change."""


@dataclass(frozen=True, slots=True)
class ByKey:
    """Mark of a free map of configuration: each key is compared by itself; the longest listed prefix has its say."""

    prefixes: tuple[tuple[str, Cost], ...]

    def cost(self, key: str) -> Cost:
        """What a change of this key costs."""
        found = [(len(prefix), cost) for prefix, cost in self.prefixes if key.startswith(prefix)]
        return max(found)[1] if found else Cost.UPGRADE


@dataclass(frozen=True, slots=True)
class Change:
    """One changed field: its path in the spec (wire names, dots between), the values, the cost."""

    path: str
    old: object
    new: object
    cost: Cost


def diff(old: BaseModel, new: BaseModel, *, standalone: bool | None = None) -> list[Change]:
    """Every changed field, in the order in which the models declare them.

    `standalone` says who owns the TaskManagers: left out, the new spec's own `is_standalone` does.
    """
    if standalone is None:
        standalone = bool(getattr(new, "is_standalone", True))
    return _compare(old, new, "", _Context(standalone, Cost.UPGRADE))


def diff_cost(old_spec: BaseModel, new_spec: BaseModel) -> tuple[Cost, list[str]]:
    """The cost of going from one spec to the other and the paths that changed; `IGNORE` and none if they are equal."""
    changes = diff(old_spec, new_spec)
    return max((change.cost for change in changes), default=Cost.IGNORE), [change.path for change in changes]


@dataclass(frozen=True, slots=True)
class _Context:
    """What a field's cost depends on beside its own mark: the mode, and the cost of the object that it is in."""

    standalone: bool
    inherited: Cost


def _compare(old: BaseModel, new: BaseModel, prefix: str, context: _Context) -> list[Change]:
    changes: list[Change] = []
    for name, field in type(new).model_fields.items():
        before, after = getattr(old, name), getattr(new, name)
        if before == after:
            continue
        path = f"{prefix}{field.alias or name}"
        by_key = _mark(field, ByKey)
        if by_key is not None:
            changes.extend(_compare_keys(before or {}, after or {}, path, by_key))
            continue
        pair = _objects(before, after, field)
        if pair is not None:
            within = _Context(context.standalone, _own_or(field, context.inherited))
            changes.extend(_compare(*pair, f"{path}.", within))
        else:
            changes.append(Change(path, before, after, _field_cost(field, after, context)))
    return changes


def _objects(before: object, after: object, field: FieldInfo) -> tuple[BaseModel, BaseModel] | None:
    """Both sides as objects to look into; one that is not there is an empty one, unless its presence matters."""
    if isinstance(before, BaseModel) and isinstance(after, BaseModel):
        return before, after
    if _mark(field, PresenceMatters) is not None:
        return None
    if isinstance(before, BaseModel) and after is None:
        return before, type(before)()
    if isinstance(after, BaseModel) and before is None:
        return type(after)(), after
    return None


def _compare_keys(old: dict[str, Any], new: dict[str, Any], path: str, marks: ByKey) -> list[Change]:
    before, after = flatten_configuration(old), flatten_configuration(new)
    return [
        Change(f"{path}[{key}]", before.get(key), after.get(key), marks.cost(key))
        for key in sorted(before.keys() | after.keys())
        if before.get(key) != after.get(key)
    ]


def _field_cost(field: FieldInfo, after: object, context: _Context) -> Cost:
    nonce = _mark(field, WhenSet)
    if nonce is not None:
        return Cost.IGNORE if after is None else nonce.cost
    size = _mark(field, WhenStandalone)
    if size is not None:
        return size.cost if context.standalone else Cost.UPGRADE
    return _own_or(field, context.inherited)


def _own_or(field: FieldInfo, inherited: Cost) -> Cost:
    plain = _mark(field, Cost)  # IGNORE is zero, so `or` would lose it
    return inherited if plain is None else plain


def _mark(field: FieldInfo, kind: type[_Mark]) -> _Mark | None:
    return next((mark for mark in field.metadata if isinstance(mark, kind)), None)
