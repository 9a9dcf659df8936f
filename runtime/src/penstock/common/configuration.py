"""Configuration of a job or environment: Flink's keys, string values. Made by programs, read by the environment."""

import builtins
from collections.abc import Mapping
from typing import TypeVar

from penstock.common.config_options import ConfigOption

T = TypeVar("T")


class Configuration:
    """A mutable map of keys to strings with typed access."""

    def __init__(self, other: "Configuration | None" = None) -> None:
        self._values: dict[str, str] = other.to_dict() if other is not None else {}

    @classmethod
    def from_dict(cls, map: Mapping[str, str]) -> "Configuration":  # noqa: A002 - PyFlink's name of the argument
        """A configuration of those entries."""
        configuration = cls()
        for key, value in map.items():
            configuration._values[key] = _as_text(value)
        return configuration

    def set_string(self, key: str, value: str) -> "Configuration":
        """Set a text."""
        self._values[key] = str(value)
        return self

    def _set(self, key: str, value: object) -> "Configuration":
        """Set a value of any kind by its text."""
        self._values[key] = _as_text(value)
        return self

    def set_integer(self, key: str, value: int) -> "Configuration":
        """Set a whole number."""
        return self._set(key, int(value))

    def set_boolean(self, key: str, value: bool) -> "Configuration":
        """Set true or false."""
        return self._set(key, bool(value))

    def set_float(self, key: str, value: float) -> "Configuration":
        """Set a number."""
        return self._set(key, float(value))

    def set_bytearray(self, key: str, value: bytearray) -> "Configuration":
        """Set bytes."""
        return self.set_string(key, bytes(value).hex())

    def get_string(self, key: str, default_value: str) -> str:
        """The text at the key."""
        return self._values.get(key, default_value)

    def get_integer(self, key: str, default_value: int) -> int:
        """The whole number at the key."""
        return int(self._values[key]) if key in self._values else default_value

    def get_boolean(self, key: str, default_value: bool) -> bool:
        """True or false at the key."""
        return _read_flag(key, self._values[key]) if key in self._values else default_value

    def get_float(self, key: str, default_value: float) -> float:
        """The number at the key."""
        return float(self._values[key]) if key in self._values else default_value

    def get_bytearray(self, key: str, default_value: bytearray) -> bytearray:
        """The bytes at the key."""
        return bytearray.fromhex(self._values[key]) if key in self._values else default_value

    def get(self, option: ConfigOption[T], default_value: T | None = None) -> T | None:
        """The value of an option; else `default_value`, else the option's own default."""
        found = option.read(self._values.get(option.key))
        return default_value if default_value is not None and option.key not in self._values else found

    def set(self, option: ConfigOption[T], value: T) -> "Configuration":
        """Set the value of an option."""
        return self._set(option.key, value)

    def key_set(self) -> builtins.set[str]:
        """All keys."""
        return builtins.set(self._values)

    def contains_key(self, key: str) -> bool:
        """Whether the key is set."""
        return key in self._values

    def remove_config(self, key: str) -> bool:
        """Remove a key; whether it was there."""
        return self._values.pop(key, None) is not None

    def add_all(self, other: "Configuration", prefix: str | None = None) -> "Configuration":
        """Take all entries of another configuration, their keys after `prefix`."""
        self._values.update({(prefix or "") + key: value for key, value in other.to_dict().items()})
        return self

    def add_all_to_dict(self, target_dict: dict[str, str]) -> None:
        """Write all entries into a dict."""
        target_dict.update(self._values)

    def to_dict(self) -> dict[str, str]:
        """All entries."""
        return dict(self._values)

    @staticmethod
    def parse_list_value(value: str) -> list[str]:
        """The items of a list value: `[a, b]` as YAML writes it, or `a;b`."""
        text = (value or "").strip()
        is_yaml = text.startswith("[") and text.endswith("]")
        items = text[1:-1].split(",") if is_yaml else text.split(";")
        return [item.strip().strip("'\"") for item in items if item.strip()]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Configuration) and self._values == other._values

    def __hash__(self) -> int:
        return hash(frozenset(self._values.items()))

    def __str__(self) -> str:
        return str(self._values)


def _read_flag(key: str, text: str) -> bool:
    lower = text.strip().lower()
    if lower not in ("true", "false"):
        raise ValueError(f"{key} is {text!r}: write true or false")
    return lower == "true"


def _as_text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
