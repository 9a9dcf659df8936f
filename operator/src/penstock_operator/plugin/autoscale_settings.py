"""Settings for a replay, as they are typed: `key=value`. Pure; called by `autoscale.py`."""

import difflib
from collections.abc import Iterable, Mapping

from penstock_operator.autoscale.options import PREFIXES, AutoscalerOptions, problems
from penstock_operator.plugin.cluster import PluginError


def normal(settings: Iterable[str]) -> dict[str, str]:
    """The settings by their keys without prefix; raises PluginError for what is no key or no value of it."""
    found: dict[str, str] = {}
    for text in settings:
        key, sign, value = text.partition("=")
        key = _short(key.strip())
        if not sign or not key:
            raise PluginError(f"--set {text!r}: write key=value, for instance utilization.target=0.8")
        if key not in known():
            near = difflib.get_close_matches(key, known(), 1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise PluginError(f"--set {text!r}: job.autoscaler.{key} is no option of the autoscaler{hint}")
        found[key] = value.strip()
    for fault in problems(keys_with({}, found)):
        raise PluginError(f"--set: {fault}")
    return found


def keys_with(recorded: Mapping[str, str], wanted: Mapping[str, str]) -> dict[str, str]:
    """The recorded settings with the wanted ones over them, by whole keys."""
    return {PREFIXES[0] + _short(key): value for key, value in {**recorded, **wanted}.items()}


def known() -> tuple[str, ...]:
    """Every option's key, without prefix."""
    return tuple(field.alias or name for name, field in AutoscalerOptions.model_fields.items())


def _short(key: str) -> str:
    prefix = next((one for one in sorted(PREFIXES, key=len, reverse=True) if key.startswith(one)), "")
    return key.removeprefix(prefix)
