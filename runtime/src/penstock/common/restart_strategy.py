"""Restart strategies that a program sets; they become configuration keys."""

from dataclasses import dataclass, field
from datetime import timedelta

from penstock.common.durations import format_duration_ms

Interval = int | timedelta
"""Milliseconds, or a timedelta."""


def _interval_ms(value: Interval, what: str) -> int:
    if isinstance(value, timedelta):
        return value // timedelta(milliseconds=1)
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{what} is a number of milliseconds or a timedelta, not {type(value).__name__}")
    return value


@dataclass(frozen=True)
class RestartStrategyConfiguration:
    """A strategy as configuration keys."""

    description: str
    keys: dict[str, str] = field(default_factory=dict)

    def get_description(self) -> str:
        """What it does, in words."""
        return self.description

    def __hash__(self) -> int:
        return hash((self.description, *sorted(self.keys.items())))


class _NoRestart(RestartStrategyConfiguration):
    """A failure ends the job."""

    def __init__(self) -> None:
        super().__init__("Restart deactivated.", {"restart-strategy.type": "none"})


class _Fallback(RestartStrategyConfiguration):
    """Whatever the cluster does."""

    def __init__(self) -> None:
        super().__init__("Cluster level default restart strategy")


class _FixedDelay(RestartStrategyConfiguration):
    """So many attempts, with a delay before each."""

    def __init__(self, restart_attempts: int, delay_between_attempts_interval: Interval) -> None:
        delay = _interval_ms(delay_between_attempts_interval, "delay_between_attempts_interval")
        super().__init__(
            f"Restart with fixed delay ({delay} ms). #{restart_attempts} restart attempts.",
            {
                "restart-strategy.type": "fixed-delay",
                "restart-strategy.fixed-delay.attempts": str(restart_attempts),
                "restart-strategy.fixed-delay.delay": format_duration_ms(delay),
            },
        )
        object.__setattr__(self, "_attempts", restart_attempts)
        object.__setattr__(self, "_delay", timedelta(milliseconds=delay))

    _attempts: int
    _delay: timedelta

    def get_restart_attempts(self) -> int:
        """How many attempts."""
        return self._attempts

    def get_delay_between_attempts_interval(self) -> timedelta:
        """The delay before each."""
        return self._delay


class _FailureRate(RestartStrategyConfiguration):
    """At most so many failures within an interval, with a delay before each restart."""

    def __init__(
        self, max_failure_rate: int, failure_interval: Interval, delay_between_attempts_interval: Interval
    ) -> None:
        interval = _interval_ms(failure_interval, "failure_interval")
        delay = _interval_ms(delay_between_attempts_interval, "delay_between_attempts_interval")
        super().__init__(
            f"Failure rate restart with maximum of {max_failure_rate} failures within interval {interval} ms"
            f" and fixed delay {delay} ms.",
            {
                "restart-strategy.type": "failure-rate",
                "restart-strategy.failure-rate.max-failures-per-interval": str(max_failure_rate),
                "restart-strategy.failure-rate.failure-rate-interval": format_duration_ms(interval),
                "restart-strategy.failure-rate.delay": format_duration_ms(delay),
            },
        )
        object.__setattr__(self, "_rate", max_failure_rate)
        object.__setattr__(self, "_interval", timedelta(milliseconds=interval))
        object.__setattr__(self, "_delay", timedelta(milliseconds=delay))

    _rate: int
    _interval: timedelta
    _delay: timedelta

    def get_max_failure_rate(self) -> int:
        """How many failures."""
        return self._rate

    def get_failure_interval(self) -> timedelta:
        """Within which time."""
        return self._interval

    def get_delay_between_attempts_interval(self) -> timedelta:
        """The delay before each restart."""
        return self._delay


class RestartStrategies:
    """Makes restart strategies."""

    NoRestartStrategyConfiguration = _NoRestart
    FallbackRestartStrategyConfiguration = _Fallback
    FixedDelayRestartStrategyConfiguration = _FixedDelay
    FailureRateRestartStrategyConfiguration = _FailureRate

    @staticmethod
    def no_restart() -> RestartStrategyConfiguration:
        """A failure ends the job."""
        return _NoRestart()

    @staticmethod
    def fall_back_restart() -> RestartStrategyConfiguration:
        """Whatever the cluster does."""
        return _Fallback()

    @staticmethod
    def fixed_delay_restart(
        restart_attempts: int, delay_between_attempts: Interval
    ) -> RestartStrategyConfiguration:
        """So many attempts, with a delay (in ms, or a timedelta) before each."""
        return _FixedDelay(restart_attempts, delay_between_attempts)

    @staticmethod
    def failure_rate_restart(
        failure_rate: int, failure_interval: Interval, delay_interval: Interval
    ) -> RestartStrategyConfiguration:
        """At most so many failures within an interval, with a delay before each restart."""
        return _FailureRate(failure_rate, failure_interval, delay_interval)
