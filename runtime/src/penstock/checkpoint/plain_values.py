"""Values of state as JSON: as they are where JSON has them, else under the name of their class.

Called by `penstock state`. Never calls anything of a value's class but `repr`.
"""

import base64
import dataclasses
import math
from collections.abc import Mapping, Set
from enum import Enum
from typing import Any

from penstock.state.opaque import Opaque

CLASS = "__class__"


def plain(value: Any) -> Any:
    """The value as JSON has it."""
    if isinstance(value, Enum):
        return {CLASS: _name(type(value)), "name": value.name}
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {CLASS: "float", "value": repr(value)}
    if isinstance(value, (bytes, bytearray)):
        return {CLASS: type(value).__name__, "base64": base64.b64encode(value).decode()}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return {
            CLASS: _name(type(value)),
            **{field: plain(item) for field, item in zip(value._fields, value, strict=False)},
        }
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, Set):
        return {CLASS: type(value).__name__, "items": sorted((plain(item) for item in value), key=repr)}
    if isinstance(value, Mapping):
        return _mapping(value)
    return _object(value)


def _mapping(value: Mapping[Any, Any]) -> Any:
    if all(type(key) is str for key in value):
        return {key: plain(item) for key, item in value.items()}
    return {
        CLASS: type(value).__name__,
        "entries": [[plain(key), plain(item)] for key, item in value.items()],
    }


def _object(value: Any) -> Any:
    if isinstance(value, Opaque):
        content = value.content
        return {CLASS: value.class_name, "content": plain(content[0] if _is_single(content) else content)}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: plain(getattr(value, field.name, None)) for field in dataclasses.fields(value)}
        return {CLASS: _name(type(value)), **fields}
    held = getattr(value, "__dict__", None)
    if isinstance(held, dict) and not isinstance(value, type) and held:
        return {CLASS: _name(type(value)), **{str(name): plain(item) for name, item in held.items()}}
    return {CLASS: _name(type(value)), "text": repr(value)}


def _is_single(content: Any) -> bool:
    return isinstance(content, list) and len(content) == 1


def _name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"
