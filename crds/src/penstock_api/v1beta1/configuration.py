"""A resource's `flinkConfiguration`: a free map, flat or nested, made flat and textual as Flink reads it.

Used by the cost rules, by the operator when it writes `config.yaml`, and by its validation. Pure.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any


def flatten_configuration(configuration: Mapping[str, Any] | None) -> dict[str, str]:
    """Dotted keys and string values: `{"a": {"b": [1, True]}}` becomes `{"a.b": "1;true"}`.

    Arrays are joined with `;`, booleans are written in lower case, a null key is dropped. Where a flat and a nested
    spelling name the same key, the later one in the map wins.
    """
    return dict(_flat("", configuration or {}))


def _flat(prefix: str, value: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for key, inner in value.items():
        path = f"{prefix}{key}"
        if isinstance(inner, Mapping):
            yield from _flat(f"{path}.", inner)
        elif inner is not None:
            yield path, _text(inner)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return ",".join(f"{key}:{_text(inner)}" for key, inner in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ";".join(_text(item) for item in value if item is not None)
    return str(value)
