"""The merged watermark of several channels: never goes back, never passes an active channel, ignores idle ones."""

from hypothesis import given
from hypothesis import strategies as st

from penstock.operators.contract import MIN_TIMESTAMP
from penstock.taskmanager.watermarks import WatermarkMerge

STEPS = st.lists(
    st.tuples(st.integers(0, 3), st.one_of(st.integers(0, 100), st.booleans())), min_size=1, max_size=60
)


@given(STEPS)
def test_the_merge_follows_the_slowest_active_channel_and_never_goes_back(
    steps: list[tuple[int, int | bool]],
) -> None:
    merge = WatermarkMerge(4)
    marks, idle = [MIN_TIMESTAMP] * 4, [False] * 4
    last = MIN_TIMESTAMP
    told: bool | None = None
    for channel, change in steps:
        if isinstance(change, bool):
            idle[channel] = change
            advance = merge.on_idle(channel, change)
        else:
            marks[channel] = max(marks[channel], change)
            advance = merge.on_watermark(channel, change)
        active = [mark for mark, is_idle in zip(marks, idle, strict=True) if not is_idle]
        if active:
            assert merge.current == max(last, min(active))
        else:
            assert merge.current == max(last, max(marks))
        assert merge.current >= last
        assert (advance.watermark is not None) == (merge.current > last)
        if advance.is_idle is not None:
            told = advance.is_idle
        assert bool(told) == (not active)
        last = merge.current
