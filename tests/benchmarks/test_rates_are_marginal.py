"""A rate counts what records add to a run; where starting up drowns that, there is no rate instead of a wrong one."""

import pytest

from benchmarks.measured import Measured
from benchmarks.record_functions import Unmeasurable, marginal_rate


def test_starting_up_counts_for_nobody() -> None:
    few = [Measured(2.0, 5.0, 4.0), Measured(3.0, 5.0, 6.0)]
    many = [Measured(12.0, 15.0, 24.0), Measured(14.0, 15.0, 29.0)]
    rate = marginal_rate(few, many, 1_000_000)
    assert rate.per_second == pytest.approx(100_000)
    assert rate.cpu_microseconds == pytest.approx(20)


@pytest.mark.parametrize(
    "many", [Measured(29.0, 40.0, 60.0), Measured(31.0, 40.0, 60.0), Measured(90.0, 99.0, 26.0)]
)
def test_noise_gives_no_rate(many: Measured) -> None:
    with pytest.raises(Unmeasurable, match="quiet machine"):
        marginal_rate([Measured(30.0, 40.0, 25.0)], [many], 500_000)
