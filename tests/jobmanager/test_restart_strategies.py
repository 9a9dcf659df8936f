"""When a failed job starts again."""

import pytest

from penstock.jobmanager.failover import ExponentialDelay, FailureRate, FixedDelay, NoRestart, read_strategy


def test_default_depends_on_checkpointing() -> None:
    assert isinstance(read_strategy({}, has_checkpoints=False), NoRestart)
    assert isinstance(read_strategy({}, has_checkpoints=True), ExponentialDelay)


def test_fixed_delay_counts_its_attempts() -> None:
    strategy = read_strategy(
        {
            "restart-strategy.type": "fixed-delay",
            "restart-strategy.fixed-delay.attempts": "2",
            "restart-strategy.fixed-delay.delay": "3 s",
        },
        has_checkpoints=True,
    )
    assert isinstance(strategy, FixedDelay)
    assert [strategy.delay_after_failure(0) for _ in range(3)] == [3000, 3000, None]


def test_exponential_delay_grows_to_its_maximum_and_starts_over_after_quiet() -> None:
    strategy = ExponentialDelay(initial=1000, maximum=3000, multiplier=2.0, reset=10_000)
    assert [strategy.delay_after_failure(now) for now in (1, 2, 3, 4)] == [1000, 2000, 3000, 3000]
    assert strategy.delay_after_failure(20_000) == 1000


def test_unknown_strategy_is_named() -> None:
    with pytest.raises(ValueError, match="sometimes"):
        read_strategy({"restart-strategy.type": "sometimes"}, has_checkpoints=False)


def test_failure_rate_counts_within_its_interval() -> None:
    strategy = read_strategy(
        {
            "restart-strategy.type": "failure-rate",
            "restart-strategy.failure-rate.max-failures-per-interval": "2",
            "restart-strategy.failure-rate.failure-rate-interval": "10 s",
            "restart-strategy.failure-rate.delay": "100 ms",
        },
        has_checkpoints=True,
    )
    assert isinstance(strategy, FailureRate)
    assert [strategy.delay_after_failure(now) for now in (0, 5_000, 11_000, 12_000)] == [100, 100, 100, None]


def test_exponential_delay_varies_by_its_jitter_and_gives_up() -> None:
    strategy = read_strategy(
        {
            "restart-strategy.type": "exponentialdelay",
            "restart-strategy.exponential-delay.initial-backoff": "1 s",
            "restart-strategy.exponential-delay.backoff-multiplier": "4",
            "restart-strategy.exponential-delay.jitter-factor": "0.5",
            "restart-strategy.exponential-delay.attempts-before-reset-backoff": "3",
        },
        has_checkpoints=True,
    )
    first, second, third, fourth = (strategy.delay_after_failure(now) for now in (1, 2, 3, 4))
    assert first is not None
    assert second is not None
    assert third is not None
    assert 1000 <= first <= 1500
    assert 2000 <= second <= 6000
    assert 8000 <= third <= 24000
    assert fourth is None


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("fixed-delay.attempts", "many"),
        ("failure-rate.max-failures-per-interval", "-1"),
        ("exponential-delay.jitter-factor", "some"),
        ("fixed-delay.delay", "soon"),
    ],
)
def test_setting_that_cannot_be_read_is_named(key: str, value: str) -> None:
    kind = key.partition(".")[0]
    configuration = {"restart-strategy.type": kind, f"restart-strategy.{key}": value}
    with pytest.raises(ValueError, match=f"restart-strategy.{key}"):
        read_strategy(configuration, has_checkpoints=True)
