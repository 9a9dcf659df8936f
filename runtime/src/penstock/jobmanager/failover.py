"""When a failed job starts again: Flink's restart strategies as pure functions of time. Used by the job's machine."""

from collections.abc import Mapping
from dataclasses import dataclass

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
class ExponentialDelay:
    """Delays that grow by `multiplier` up to `maximum`, and start over after `reset` ms without a failure."""

    initial: int
    maximum: int
    multiplier: float
    reset: int
    attempts: int | None = None
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
        return None if self.attempts is not None and self.used > self.attempts else self.current


RestartStrategy = NoRestart | FixedDelay | ExponentialDelay


def read_strategy(configuration: Mapping[str, str], has_checkpoints: bool) -> RestartStrategy:
    """The configured strategy; unset, exponential-delay with checkpointing on and none otherwise (as Flink)."""
    kind = first_of(configuration, _PREFIX + "type", "restart-strategy")
    kind = kind or ("exponential-delay" if has_checkpoints else "none")
    if kind in ("none", "off", "disable"):
        return NoRestart()
    if kind in ("fixed-delay", "fixeddelay"):
        return FixedDelay(
            attempts=int(first_of(configuration, _PREFIX + "fixed-delay.attempts") or 1),
            delay=duration_of(configuration, 1000, _PREFIX + "fixed-delay.delay"),
        )
    if kind in ("exponential-delay", "exponentialdelay", "failure-rate", "failurerate"):
        prefix = _PREFIX + "exponential-delay."
        attempts = first_of(configuration, prefix + "attempts-before-reset-backoff")
        return ExponentialDelay(
            initial=duration_of(configuration, 1000, prefix + "initial-backoff"),
            maximum=duration_of(configuration, 60_000, prefix + "max-backoff"),
            multiplier=float(first_of(configuration, prefix + "backoff-multiplier") or 1.5),
            reset=duration_of(configuration, 3_600_000, prefix + "reset-backoff-threshold"),
            attempts=int(attempts) if attempts else None,
        )
    raise ValueError(f"restart-strategy.type: {kind!r} is not one of none, fixed-delay, exponential-delay")
