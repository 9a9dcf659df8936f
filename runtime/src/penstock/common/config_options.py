"""Typed configuration options: `ConfigOptions.key("a.b").int_type().default_value(3)`. Pure."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


def _boolean(text: str) -> bool:
    lower = text.strip().lower()
    if lower not in ("true", "false"):
        raise ValueError(f"{text!r} is neither true nor false")
    return lower == "true"


@dataclass(frozen=True)
class ConfigOption(Generic[T]):
    """A key, how its value is read, and the value where the key is not set."""

    key: str
    parse: Callable[[str], T]
    default: T | None = None

    def has_default_value(self) -> bool:
        """Whether there is a default."""
        return self.default is not None

    def read(self, text: str | None) -> T | None:
        """The value of a text; the default for None. ValueError names the key."""
        if text is None:
            return self.default
        try:
            return self.parse(text)
        except ValueError as error:
            raise ValueError(f"{self.key}: {error}") from error


class ConfigOptions:
    """Starts options."""

    @staticmethod
    def key(key: str) -> "ConfigOptions.OptionBuilder":
        """Start the option of that key."""
        return ConfigOptions.OptionBuilder(key)

    class OptionBuilder:
        """An option that needs a type."""

        def __init__(self, key: str) -> None:
            self._key = key

        def boolean_type(self) -> "ConfigOptions.TypedConfigOptionBuilder[bool]":
            """True or false."""
            return ConfigOptions.TypedConfigOptionBuilder(self._key, _boolean)

        def int_type(self) -> "ConfigOptions.TypedConfigOptionBuilder[int]":
            """A whole number."""
            return ConfigOptions.TypedConfigOptionBuilder(self._key, int)

        def long_type(self) -> "ConfigOptions.TypedConfigOptionBuilder[int]":
            """A whole number."""
            return ConfigOptions.TypedConfigOptionBuilder(self._key, int)

        def float_type(self) -> "ConfigOptions.TypedConfigOptionBuilder[float]":
            """A number."""
            return ConfigOptions.TypedConfigOptionBuilder(self._key, float)

        def double_type(self) -> "ConfigOptions.TypedConfigOptionBuilder[float]":
            """A number."""
            return ConfigOptions.TypedConfigOptionBuilder(self._key, float)

        def string_type(self) -> "ConfigOptions.TypedConfigOptionBuilder[str]":
            """A text."""
            return ConfigOptions.TypedConfigOptionBuilder(self._key, str)

    class TypedConfigOptionBuilder(Generic[T]):
        """An option that needs a default, or none."""

        def __init__(self, key: str, parse: Callable[[str], T]) -> None:
            self._key = key
            self._parse = parse

        def default_value(self, value: T) -> ConfigOption[T]:
            """The option with that default."""
            return ConfigOption(self._key, self._parse, value)

        def no_default_value(self) -> ConfigOption[T]:
            """The option without a default."""
            return ConfigOption(self._key, self._parse)
