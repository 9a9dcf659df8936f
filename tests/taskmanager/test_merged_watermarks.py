"""The merged watermark of a task's inputs, with idle channels."""

from hypothesis import given
from hypothesis import strategies as st

from penstock.operators.contract import MIN_TIMESTAMP
from penstock.taskmanager.watermarks import NOTHING, Advance, WatermarkMerge


def test_slowest_channel_decides() -> None:
    merge = WatermarkMerge(2)
    assert merge.on_watermark(0, 10) == NOTHING
    assert merge.on_watermark(1, 5) == Advance(5, None)
    assert merge.on_watermark(1, 20) == Advance(10, None)
    assert merge.on_watermark(1, 3) == NOTHING


def test_idle_channel_holds_nobody_back() -> None:
    merge = WatermarkMerge(2)
    merge.on_watermark(0, 10)
    assert merge.on_idle(1, True) == Advance(10, None)
    assert merge.on_watermark(0, 11) == Advance(11, None)
    assert merge.on_idle(1, False) == NOTHING
    assert merge.on_watermark(0, 12) == NOTHING
    assert merge.current == 11


def test_all_idle_makes_the_task_idle_with_the_furthest_watermark() -> None:
    merge = WatermarkMerge(2)
    merge.on_watermark(0, 10)
    merge.on_idle(0, True)
    assert merge.on_idle(1, True) == Advance(10, True)
    assert merge.on_idle(0, False) == Advance(None, False)


@given(st.lists(st.tuples(st.integers(0, 2), st.one_of(st.integers(0, 50), st.booleans()))))
def test_never_goes_back(steps: list[tuple[int, int | bool]]) -> None:
    merge, last = WatermarkMerge(3), MIN_TIMESTAMP
    for channel, step in steps:
        found = merge.on_idle(channel, step) if isinstance(step, bool) else merge.on_watermark(channel, step)
        assert merge.current >= last
        assert found.watermark is None or found.watermark == merge.current > last
        last = merge.current
