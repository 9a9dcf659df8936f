"""When a failed job starts again: Flink's restart strategies as pure functions of time. Used by the job's machine."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field

from penstock.checkpoint.settings import duration_of, first_of

_PREFIX = "restart-strategy."


@dataclass(slots=True)
class NoRestart:
    """The first failure is the last."""

    def delay_after_failure(self, now: int) -> int | None:
        """None: never."""
        return None


@dataclass(slots=True)
class FixedDelay:
    """`attempts` restarts, each after `delay` ms."""

    attempts: int
    delay: int
    used: int = 0

    def delay_after_failure(self, now: int) -> int | None:
        """Milliseconds to wait, or None when all attempts are used."""
        self.used += 1
        return self.delay if self.used <= self.attempts else None


@dataclass(slots=True)
class FailureRate:
    """At most `failures` restarts within `interval` ms, each after `delay` ms."""

    failures: int
    interval: int
    delay: int
    times: list[int] = field(default_factory=list)

    def delay_after_failure(self, now: int) -> int | None:
        """Milliseconds to wait, or None when it failed too often."""
        self.times = [time for time in self.times if now - time <= self.interval]
        self.times.append(now)
        return self.delay if len(self.times) <= self.failures else None


@dataclass(slots=True)
class ExponentialDelay:
    """Delays that grow by `multiplier` up to `maximum`, and start over after `reset` ms without a failure.

    `jitter` varies each by up to that share of it, so that many jobs do not come back at the same moment.
    """

    initial: int
    maximum: int
    multiplier: float
    reset: int
    attempts: int | None = None
    jitter: float = 0.0
    current: int = 0
    used: int = 0
    last_failure: int = 0

    def delay_after_failure(self, now: int) -> int | None:
        """Milliseconds to wait, or None when all attempts are used."""
        if self.last_failure and now - self.last_failure >= self.reset + self.current:
            self.current = self.used = 0
        self.current = (
            min(self.maximum, int(self.current * self.multiplier)) if self.current else self.initial
        )
        self.used += 1
        self.last_failure = now
        if self.attempts is not None and self.used > self.attempts:
            return None
        # Drawn from the time of the failure: the same events give the same delays.
        spread = self.current * self.jitter * random.Random(now).uniform(-1, 1)  # noqa: S311 - no secret
        return max(self.initial, min(self.maximum, round(self.current + spread)))


RestartStrategy = NoRestart | FixedDelay | FailureRate | ExponentialDelay


def read_strategy(configuration: Mapping[str, str], has_checkpoints: bool) -> RestartStrategy:
    """The configured strategy; unset, exponential-delay with checkpointing on and none otherwise (as Flink)."""
    kind = first_of(configuration, _PREFIX + "type", "restart-strategy")
    kind = (kind or ("exponential-delay" if has_checkpoints else "none")).lower().replace("-", "")
    if kind in ("none", "off", "disable", "norestart"):
        return NoRestart()
    if kind == "fixeddelay":
        return FixedDelay(
            attempts=_number(configuration, 1, "fixed-delay.attempts"),
            delay=duration_of(configuration, 1000, _PREFIX + "fixed-delay.delay"),
        )
    if kind == "failurerate":
        prefix = _PREFIX + "failure-rate."
        return FailureRate(
            failures=_number(configuration, 1, "failure-rate.max-failures-per-interval"),
            interval=duration_of(configuration, 60_000, prefix + "failure-rate-interval"),
            delay=duration_of(configuration, 1000, prefix + "delay"),
        )
    if kind == "exponentialdelay":
        return _exponential(configuration)
    raise ValueError(
        f"restart-strategy.type: {first_of(configuration, _PREFIX + 'type', 'restart-strategy')!r} is not one of "
        "none, fixed-delay, failure-rate, exponential-delay"
    )


def _exponential(configuration: Mapping[str, str]) -> ExponentialDelay:
    prefix = _PREFIX + "exponential-delay."
    attempts = first_of(configuration, prefix + "attempts-before-reset-backoff")
    return ExponentialDelay(
        initial=duration_of(configuration, 1000, prefix + "initial-backoff"),
        maximum=duration_of(configuration, 60_000, prefix + "max-backoff"),
        multiplier=_fraction(configuration, 1.5, "exponential-delay.backoff-multiplier"),
        reset=duration_of(configuration, 3_600_000, prefix + "reset-backoff-threshold"),
        attempts=_number(configuration, 0, "exponential-delay.attempts-before-reset-backoff")
        if attempts
        else None,
        jitter=_fraction(configuration, 0.1, "exponential-delay.jitter-factor"),
    )


def _number(configuration: Mapping[str, str], default: int, key: str) -> int:
    text = first_of(configuration, _PREFIX + key)
    if text is None:
        return default
    if not text.isdigit():
        raise ValueError(f"{_PREFIX}{key}: {text!r} is not a whole number")
    return int(text)


def _fraction(configuration: Mapping[str, str], default: float, key: str) -> float:
    text = first_of(configuration, _PREFIX + key)
    try:
        return default if text is None else float(text)
    except ValueError:
        raise ValueError(f"{_PREFIX}{key}: {text!r} is not a number") from None
