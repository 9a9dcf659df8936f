"""When a failed job starts again."""

import pytest

from penstock.jobmanager.failover import ExponentialDelay, FixedDelay, NoRestart, read_strategy


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
