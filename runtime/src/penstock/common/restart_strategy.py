"""Restart strategies that a program sets; they become configuration keys."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class RestartStrategyConfiguration:
    """A strategy as configuration keys."""

    description: str
    keys: dict[str, str] = field(default_factory=dict)

    def get_description(self) -> str:
        """What it does, in words."""
        return self.description


class RestartStrategies:
    """Makes restart strategies."""

    @staticmethod
    def no_restart() -> RestartStrategyConfiguration:
        """A failure ends the job."""
        return RestartStrategyConfiguration("no restart", {"restart-strategy.type": "none"})

    @staticmethod
    def fall_back_restart() -> RestartStrategyConfiguration:
        """Whatever the cluster does."""
        return RestartStrategyConfiguration("the cluster's default")

    @staticmethod
    def fixed_delay_restart(
        restart_attempts: int, delay_between_attempts: int
    ) -> RestartStrategyConfiguration:
        """So many attempts, with a delay in ms before each."""
        return RestartStrategyConfiguration(
            f"{restart_attempts} restarts, {delay_between_attempts} ms apart",
            {
                "restart-strategy.type": "fixed-delay",
                "restart-strategy.fixed-delay.attempts": str(restart_attempts),
                "restart-strategy.fixed-delay.delay": f"{delay_between_attempts} ms",
            },
        )

    @staticmethod
    def failure_rate_restart(
        failure_rate: int, failure_interval: int, delay_interval: int
    ) -> RestartStrategyConfiguration:
        """At most so many failures within an interval in ms, with a delay in ms before each restart."""
        return RestartStrategyConfiguration(
            f"at most {failure_rate} failures in {failure_interval} ms",
            {
                "restart-strategy.type": "failure-rate",
                "restart-strategy.failure-rate.max-failures-per-interval": str(failure_rate),
                "restart-strategy.failure-rate.failure-rate-interval": f"{failure_interval} ms",
                "restart-strategy.failure-rate.delay": f"{delay_interval} ms",
            },
        )
