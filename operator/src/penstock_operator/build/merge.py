"""How pod templates are laid over each other: objects by key, lists of named things by name, other lists whole."""

from typing import Any


def merged(base: Any, over: Any) -> Any:
    """`over` laid on `base`; neither is changed. Null in `over` leaves the base's value."""
    if over is None:
        return base
    if isinstance(base, dict) and isinstance(over, dict):
        return {
            **base,
            **{key: merged(base.get(key), value) for key, value in over.items() if value is not None},
        }
    if isinstance(base, list) and isinstance(over, list) and _named(base) and _named(over):
        return _by_name(base, over)
    return over


def _named(items: list[Any]) -> bool:
    return all(isinstance(item, dict) and "name" in item for item in items)


def _by_name(base: list[dict[str, Any]], over: list[dict[str, Any]]) -> list[dict[str, Any]]:
    later = {item["name"]: item for item in over}
    found = [merged(item, later.pop(item["name"], None)) for item in base]
    return [*found, *later.values()]
