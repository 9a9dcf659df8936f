"""A resource's `flinkConfiguration`: a free map, flat or nested, made flat and textual as Flink reads it.

Used by the cost rules, by the operator when it writes `config.yaml`, and by its validation. Pure.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

VALUE_FROM = "valueFrom"
_SOURCES = {"secretKeyRef": "Secret", "configMapKeyRef": "ConfigMap"}


@dataclass(frozen=True, slots=True)
class ValueSource:
    """Where the value of a key is, instead of in the resource: one entry of a Secret or ConfigMap beside it."""

    kind: str
    name: str
    key: str
    optional: bool = False

    def __str__(self) -> str:
        return f"{VALUE_FROM} {self.kind} {self.name}/{self.key}"


def value_sources(configuration: Mapping[str, Any] | None) -> dict[str, ValueSource]:
    """The keys whose value is elsewhere: `{key: {valueFrom: {secretKeyRef: {name, key}}}}`, or configMapKeyRef.

    Raises ValueError naming the key, where it is not written so.
    """
    return {path: _source(path, found) for path, found in _sources("", configuration or {})}


def _sources(prefix: str, value: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for key, inner in value.items():
        if isinstance(inner, Mapping):
            if _is_source(inner):
                yield f"{prefix}{key}", inner
            else:
                yield from _sources(f"{prefix}{key}.", inner)


def _is_source(value: Mapping[str, Any]) -> bool:
    return set(value) == {VALUE_FROM} and isinstance(value[VALUE_FROM], Mapping)


def _source(path: str, value: Mapping[str, Any]) -> ValueSource:
    written = value[VALUE_FROM]
    kind = next(iter(written), "")
    entry = written.get(kind)
    if len(written) != 1 or kind not in _SOURCES or not isinstance(entry, Mapping):
        raise ValueError(f"{path}: {VALUE_FROM} takes one of {', '.join(_SOURCES)}")
    if not entry.get("name") or not entry.get("key"):
        raise ValueError(f"{path}: {VALUE_FROM}.{kind} needs a name and a key")
    return ValueSource(_SOURCES[kind], str(entry["name"]), str(entry["key"]), bool(entry.get("optional")))


def flatten_configuration(configuration: Mapping[str, Any] | None) -> dict[str, str]:
    """Dotted keys and string values: `{"a": {"b": [1, True]}}` becomes `{"a.b": "1;true"}`.

    Arrays are joined with `;`, booleans are written in lower case, a null key is dropped. Where a flat and a nested
    spelling name the same key, the later one in the map wins. A key whose value is elsewhere says where.
    """
    return dict(_flat("", configuration or {}))


def _flat(prefix: str, value: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for key, inner in value.items():
        path = f"{prefix}{key}"
        if isinstance(inner, Mapping):
            if _is_source(inner):
                yield path, _place(path, inner)
            else:
                yield from _flat(f"{path}.", inner)
        elif inner is not None:
            yield path, _text(inner)


def _place(path: str, value: Mapping[str, Any]) -> str:
    try:
        return str(_source(path, value))
    except ValueError:  # the operator's validation says so
        return f"{VALUE_FROM} ?"


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return ",".join(f"{key}:{_text(inner)}" for key, inner in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ";".join(_text(item) for item in value if item is not None)
    return str(value)
