"""Shapes of stored classes: which fields a class had when its values were stored, and whether today's class takes them.

Used by `state.codec`. A field that was added and has a default is filled in; one that is gone (or was renamed) is
refused, because its values would be lost without a word. A class with a `__setstate__` of its own answers for itself.
"""

import dataclasses
from typing import Any

from penstock.state.errors import StateIncompatible

Shape = list[str]
"""What a class is (`dataclass`, `namedtuple` or `annotated`), then its fields in order."""
Shapes = dict[str, Shape]
"""By `module:qualname`."""

_MISSING = dataclasses.MISSING


def shape_of(kind: type) -> Shape | None:
    """The class's shape; None for one whose fields nobody declared, or that reads its own old state."""
    if has_own_reader(kind) or issubclass(kind, type):
        return None
    if dataclasses.is_dataclass(kind):
        return ["dataclass", *(field.name for field in dataclasses.fields(kind))]
    if issubclass(kind, tuple) and hasattr(kind, "_fields"):
        return ["namedtuple", *kind._fields]
    annotated = [name for base in reversed(kind.__mro__) for name in vars(base).get("__annotations__", ())]
    return ["annotated", *dict.fromkeys(annotated)] if annotated else None


def has_own_reader(kind: type) -> bool:
    """The class defines how its old state is read."""
    reader = getattr(kind, "__setstate__", None)
    return reader is not None and getattr(reader, "__name__", "") != "_dataclass_setstate"


def fit(name: str, stored: Shape, kind: type, where: str) -> type:
    """The class to make stored values of: `kind` itself, or one that fills in what is new and then turns into `kind`.

    Raises StateIncompatible that names class and field.
    """
    if has_own_reader(kind):
        return kind
    now = shape_of(kind) or ["plain"]
    if now == stored:
        return kind
    if stored[0] != now[0]:
        raise StateIncompatible(
            f"state of {where}: {name} was a {_called(stored[0])} and is a {_called(now[0])} now; restore it, or define "
            "__setstate__ in it, or start from other state"
        )
    gone = [field for field in stored[1:] if field not in now[1:]]
    if gone:
        raise StateIncompatible(
            f"state of {where}: {name} no longer has the fields {', '.join(gone)}, which stored values hold: keep them "
            "(a renamed field is a new one), or define __setstate__ to convert them, or start from other state"
        )
    return _with_defaults(name, stored, kind, where)


def _with_defaults(name: str, stored: Shape, kind: type, where: str) -> type:
    added = [field for field in (shape_of(kind) or [])[1:] if field not in stored[1:]]
    if stored[0] == "namedtuple":
        defaults: Any = getattr(kind, "_field_defaults", {})
        if list(kind._fields[: len(stored) - 1]) != stored[1:]:  # type: ignore[attr-defined]
            raise StateIncompatible(
                f"state of {where}: the fields of {name} stand in another order than those of stored values "
                f"({', '.join(stored[1:])}): put new fields at the end"
            )
        _require(name, [field for field in added if field not in defaults], where)
        return kind
    if stored[0] == "annotated":
        _require(name, [field for field in added if not hasattr(kind, field)], where)
        return kind
    makers = {field.name: _maker(field) for field in dataclasses.fields(kind)}
    _require(name, [field for field in added if makers[field] is None], where)
    return _upgrading(kind, stored[1:], {field: makers[field] for field in added})


def _require(name: str, missing: list[str], where: str) -> None:
    if missing:
        raise StateIncompatible(
            f"state of {where}: {name} has new fields ({', '.join(missing)}), which stored values lack: "
            "give them defaults or define __setstate__, or start from other state"
        )


def _maker(field: "dataclasses.Field[Any]") -> Any:
    if field.default is not _MISSING:
        default = field.default
        return lambda: default
    return field.default_factory if field.default_factory is not _MISSING else None


def _upgrading(kind: type, old_fields: list[str], makers: dict[str, Any]) -> type:
    """A subclass whose instances take old state, fill in the new fields and become instances of `kind`."""

    def __setstate__(self: Any, state: Any) -> None:
        for field, value in _by_name(state, old_fields).items():
            object.__setattr__(self, field, value)
        for field, make in makers.items():
            object.__setattr__(self, field, make())
        object.__setattr__(self, "__class__", kind)

    return type(kind.__name__, (kind,), {"__slots__": (), "__setstate__": __setstate__})


def _by_name(state: Any, old_fields: list[str]) -> dict[str, Any]:
    """Pickle's state of a dataclass: a dict, a dict and slots, or the values of frozen slots in order."""
    if isinstance(state, dict):
        return state
    if isinstance(state, tuple) and len(state) == 2:
        return {**(state[0] or {}), **(state[1] or {})}
    return dict(zip(old_fields, state, strict=True))


def _called(kind: str) -> str:
    return {
        "dataclass": "dataclass",
        "namedtuple": "NamedTuple",
        "annotated": "class with annotated fields",
        "plain": "class without declared fields",
    }[kind]
