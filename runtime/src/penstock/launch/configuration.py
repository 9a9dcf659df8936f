"""The process's configuration: `config.yaml` of a folder, Flink's keys, flat or nested, with -D settings over it.

Read once at the start of every process of `launch`.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

CONFIG_FILES = ("config.yaml", "flink-conf.yaml")


class ConfigurationError(Exception):
    """The configuration cannot be read; the text says which file or setting."""


class CannotStart(Exception):
    """A process cannot begin; the text says which setting, file or address is wrong."""


@contextmanager
def starting() -> Iterator[None]:
    """What goes wrong while a process begins is its configuration's fault: a `CannotStart`, for whoever started it."""
    try:
        yield
    except (OSError, ValueError) as error:
        raise CannotStart(str(error)) from error


def number_of(configuration: Mapping[str, str], default: int, *keys: str) -> int:
    """The first set key as a whole number that is not below 0; ValueError names the key."""
    key, text = next(
        ((key, configuration[key]) for key in keys if configuration.get(key)), ("", str(default))
    )
    if not text.strip().isdecimal():
        raise ValueError(f"{key}: {text!r} is no whole number")
    return int(text)


def read_configuration(folder: Path | None, settings: Iterable[str] = ()) -> dict[str, str]:
    """All keys as strings; later ones win."""
    found: dict[str, str] = {}
    if folder is not None:
        files = [folder / name for name in CONFIG_FILES if (folder / name).is_file()]
        if not files:
            raise ConfigurationError(
                f"there is no {CONFIG_FILES[0]} in {folder}: name another folder by --config-dir"
            )
        try:
            document = yaml.safe_load(files[0].read_text(encoding="utf-8")) or {}
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise ConfigurationError(f"{files[0]}: {error}") from error
        if not isinstance(document, dict):
            raise ConfigurationError(f"{files[0]}: it must hold `key: value` lines")
        found.update(_flat(document))
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals:
            raise ConfigurationError(f"-D {setting}: write it as key=value")
        found[key.strip()] = value.strip()
    return found


def _flat(document: Mapping[Any, Any], prefix: str = "") -> dict[str, str]:
    found: dict[str, str] = {}
    for key, value in document.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict):
            found.update(_flat(value, f"{name}."))
        elif isinstance(value, list):
            found[name] = ";".join(str(entry) for entry in value)
        elif isinstance(value, bool):
            found[name] = str(value).lower()
        elif value is not None:
            found[name] = str(value)
    return found
