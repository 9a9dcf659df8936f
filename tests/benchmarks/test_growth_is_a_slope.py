"""Growth of memory is the slope of a line through its samples, in megabytes a minute."""

import pytest

from benchmarks.memory import slope_per_minute


@pytest.mark.parametrize(
    ("samples", "slope"),
    [
        ([(0.0, 100.0), (30.0, 100.0), (60.0, 100.0)], 0.0),
        ([(0.0, 100.0), (60.0, 103.0)], 3.0),
        ([(0.0, 10.0), (30.0, 20.0), (60.0, 10.0)], 0.0),
        ([(5.0, 10.0)], 0.0),
    ],
)
def test_slopes(samples: list[tuple[float, float]], slope: float) -> None:
    assert slope_per_minute(samples) == pytest.approx(slope)
