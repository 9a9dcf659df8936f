"""Validation of the autoscaler's options: ranges, and how they fit together. Called by `validate.py`. Pure.

Each is read as `job.autoscaler.X` and, as upstream does, as `kubernetes.operator.job.autoscaler.X`.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import timedelta

from penstock_operator.autoscale.periods import faults
from penstock_operator.decide.validate_resources import refuse
from penstock_operator.model.duration import parse_duration
from penstock_operator.model.facts import Problem

_PREFIXES = ("job.autoscaler.", "kubernetes.operator.job.autoscaler.")
_INFINITE = float("inf")
RANGES: Mapping[str, tuple[float, float]] = {
    "utilization.target": (0.0, 1.0),
    "target.utilization": (0.0, 1.0),
    "utilization.max": (0.0, 1.0),
    "utilization.min": (0.0, 1.0),
    "target.utilization.boundary": (0.0, _INFINITE),
    "memory.gc-pressure.threshold": (0.0, 1.0),
    "memory.heap-usage.threshold": (0.0, 1.0),
    "memory.tuning.overhead": (0.0, 1.0),
    "scale-up.max-factor": (0.0, _INFINITE),
    "scale-down.max-factor": (0.0, _INFINITE),
    "observed-scalability.coefficient-min": (0.01, 1.0),
    "scaling.effectiveness.threshold": (0.0, 1.0),
}
_TARGET = 0.7
_SHORTEST = timedelta(seconds=6)
"""Samples are a second apart at least, whatever the interval of the loop: six of them make a window."""
_CLOCK = re.compile(r"([01]?\d|2[0-3]):[0-5]?\d(:[0-5]?\d)?")
_CRON_FIELD = re.compile(r"[\d*?,/\-#LWA-Za-z]+")


def check_autoscaler(keys: Mapping[str, str]) -> Iterator[Problem]:
    """Problems of the options among these flat keys."""
    given: dict[str, tuple[str, str]] = {}
    for prefix in reversed(_PREFIXES):
        found = {
            key.removeprefix(prefix): (key, text) for key, text in keys.items() if key.startswith(prefix)
        }
        given.update(found)
    numbers: dict[str, float] = {}
    for option, (low, high) in RANGES.items():
        if option in given:
            problem = _range(*given[option], low, high)
            if problem:
                yield problem
            else:
                numbers[option] = float(given[option][1])
    yield from _order(given, numbers)
    if "excluded.periods" in given:
        yield from _periods(*given["excluded.periods"])
    yield from _window(given)
    if "schedule" in given:
        key, text = given["schedule"]
        entries = [entry.strip() for entry in text.split(";") if entry.strip()]
        for fault in faults(entries):
            yield refuse(f"spec.flinkConfiguration[{key}]: {fault}")


def _range(key: str, text: str, low: float, high: float) -> Problem | None:
    upto = "or more" if high == _INFINITE else f"to {high:g}"
    try:
        value = float(text)
    except ValueError:
        return refuse(f"spec.flinkConfiguration[{key}] is {text!r}: set it to a number, {low:g} {upto}")
    if not low <= value <= high:
        return refuse(f"spec.flinkConfiguration[{key}] is {text}: set it to {low:g} {upto}")
    return None


def _order(given: Mapping[str, tuple[str, str]], numbers: Mapping[str, float]) -> Iterator[Problem]:
    target = numbers.get("utilization.target", numbers.get("target.utilization", _TARGET))
    if numbers.get("utilization.max", target) < target:
        yield refuse(
            f"spec.flinkConfiguration[{given['utilization.max'][0]}] is less than utilization.target ({target:g}): raise it"
        )
    if numbers.get("utilization.min", target) > target:
        yield refuse(
            f"spec.flinkConfiguration[{given['utilization.min'][0]}] is more than utilization.target ({target:g}): lower it"
        )


def _periods(key: str, text: str) -> Iterator[Problem]:
    for period in text.split(";"):
        for part in period.split("&&"):
            if period.strip() and not _is_period(part.strip()):
                yield refuse(
                    f"spec.flinkConfiguration[{key}]: {part.strip()!r} is no period: "
                    "write '9:30:00-11:00:00', a cron expression as '* * 9-11 * * ?', or both with && between"
                )


def _is_period(text: str) -> bool:
    begin, dash, end = text.partition("-")
    if dash and _CLOCK.fullmatch(begin.strip()) and _CLOCK.fullmatch(end.strip()):
        return True
    fields = text.split()
    return len(fields) in (6, 7) and all(_CRON_FIELD.fullmatch(field) for field in fields)


def _window(given: Mapping[str, tuple[str, str]]) -> Iterator[Problem]:
    if "metrics.window" not in given:
        return
    key, text = given["metrics.window"]
    try:
        window = parse_duration(text)
    except ValueError as error:
        yield refuse(f"spec.flinkConfiguration[{key}]: {error}")
        return
    if window < _SHORTEST:
        yield refuse(
            f"spec.flinkConfiguration[{key}] is {text}: set it to at least {_SHORTEST.total_seconds():g} s, "
            "for a window must hold several samples"
        )
