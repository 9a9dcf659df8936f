"""Typed reading of configuration: `Values(keys).duration("reconcile.interval")`, by the table in `options.py`.

Called by the process (system keys) and by decisions (keys of a resource, with every layer below). Former names are
read where the present one is absent. Pure.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import TypeVar

from penstock_operator.configuration.option import PREFIX, Option, OptionType
from penstock_operator.configuration.options import BY_KEY, OPTIONS
from penstock_operator.model.duration import parse_duration

_Value = TypeVar("_Value")
ALL_NAMESPACES = "JOSDK_ALL_NAMESPACES"


class Values:
    """A view of flat keys. What cannot be read counts as its default: `problems` says so before."""

    def __init__(self, keys: Mapping[str, str]) -> None:
        self._keys = keys

    def text(self, key: str) -> str:
        """The value as written, else the default; `key` is without the prefix."""
        found = self._written(BY_KEY[key])
        return BY_KEY[key].default if found is None else found

    def written(self, key: str) -> str | None:
        """The value as written; None where nobody wrote one."""
        return self._written(BY_KEY[key])

    def boolean(self, key: str) -> bool:
        """True or false."""
        text = self._written(BY_KEY[key])
        found = BY_KEY[key].default if text is None or not _is_boolean(text) else text
        return found.strip().lower() == "true"

    def integer(self, key: str) -> int | None:
        """A whole number; None where neither value nor default is there."""
        found = self.number(key)
        return None if found is None else int(found)

    def number(self, key: str) -> float | None:
        """A number; None where neither value nor default is there."""
        return _first(float, self._written(BY_KEY[key]), BY_KEY[key].default)

    def duration(self, key: str) -> timedelta | None:
        """A duration; None where neither value nor default is there."""
        return _first(parse_duration, self._written(BY_KEY[key]), BY_KEY[key].default)

    def names(self, key: str) -> tuple[str, ...]:
        """Names with commas between them; `;` is read as well, as flattened lists have it."""
        text = self.text(key).replace(";", ",")
        return tuple(
            name.strip() for name in text.split(",") if name.strip() and name.strip() != ALL_NAMESPACES
        )

    def _written(self, option: Option) -> str | None:
        for name in (option.key, *option.former):
            found = self._keys.get(f"{PREFIX}{name}")
            if found is not None and found.strip():
                return found
        return None


def problems(keys: Mapping[str, str]) -> Iterator[str]:
    """What cannot be read, as `key: why`."""
    for option in OPTIONS:
        for name in (option.key, *option.former):
            text = keys.get(f"{PREFIX}{name}", "")
            why = _fault(option, text.strip()) if text.strip() else None
            if why:
                yield f"[{PREFIX}{name}]: {why}"


def _fault(option: Option, text: str) -> str | None:
    match option.type:
        case OptionType.BOOLEAN if not _is_boolean(text):
            return f"{text!r} is neither true nor false"
        case OptionType.INTEGER if not text.removeprefix("-").isdigit():
            return f"{text!r} is not a whole number"
        case OptionType.NUMBER if _read(float, text) is None:
            return f"{text!r} is not a number"
        case OptionType.CHOICE if text.upper() not in {choice.upper() for choice in option.choices}:
            return f"{text!r} is not known: use {' or '.join(option.choices)}"
        case OptionType.DURATION if _read(parse_duration, text.removeprefix("-")) is None:
            return f"{text!r} is not a duration: write a number and a unit, as in '30 s' or '5 min'"
        case OptionType.PERIOD if _read(parse_duration, text) is None and len(text.split()) not in (5, 6, 7):
            return f"{text!r} is neither a duration ('1 h') nor a cron expression ('0 0 3 * * ?')"
    return None


def _is_boolean(text: str) -> bool:
    return text.strip().lower() in ("true", "false")


def _read(parse: Callable[[str], _Value], text: str) -> _Value | None:
    try:
        return parse(text)
    except ValueError:
        return None


def _first(parse: Callable[[str], _Value], *texts: str | None) -> _Value | None:
    """The first text that can be read."""
    return next((found for text in texts if text and (found := _read(parse, text)) is not None), None)


def client_seconds(keys: Mapping[str, str], least: float = 0.0) -> float:
    """How long a call to a JobManager may take, by the installation's configuration; `least` for one that does something."""
    wait = Values(keys).duration("flink.client.timeout")
    return max(least, wait.total_seconds() if wait is not None and wait > timedelta() else 0.1)
