"""Properties of windows: which a record belongs to, and that sessions do not depend on the order in which records come."""

from collections.abc import Iterable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from penstock.common.time import Time
from penstock.datastream.window import (
    EventTimeSessionWindows,
    SlidingEventTimeWindows,
    TimeWindow,
    TumblingEventTimeWindows,
)
from penstock.operators.window_merging import plan_merges
from penstock.testing import StreamHarness
from penstock.windows.assigners import SessionWindows

TIMES = st.integers(-(10**15), 10**15)
SIZES = st.integers(1, 10**7)


@given(TIMES, SIZES, st.data())
def test_a_tumbling_window_holds_its_record_and_begins_at_the_offset(
    time: int, size: int, data: st.DataObject
) -> None:
    offset = data.draw(st.integers(-size + 1, size - 1))
    assigner = TumblingEventTimeWindows.of(Time.milliseconds(size), Time.milliseconds(offset))
    (window,) = assigner.assign_windows(None, time, None)  # type: ignore[arg-type]
    assert window.start <= time <= window.max_timestamp()
    assert window.end - window.start == size
    assert (window.start - offset) % size == 0


@given(TIMES, st.integers(1, 1000), st.integers(1, 200), st.data())
def test_sliding_windows_are_exactly_those_that_hold_the_record(
    time: int, size: int, slide: int, data: st.DataObject
) -> None:
    offset = data.draw(st.integers(-slide + 1, slide - 1))
    assigner = SlidingEventTimeWindows.of(
        Time.milliseconds(size), Time.milliseconds(slide), Time.milliseconds(offset)
    )
    found = {window.start for window in assigner.assign_windows(None, time, None)}  # type: ignore[arg-type]
    expected = {start for start in range(time - size + 1, time + 1) if (start - offset) % slide == 0}
    assert found == expected


SESSIONS = st.lists(st.tuples(st.integers(0, 300), st.integers(1, 40)), min_size=1, max_size=30)


class General(SessionWindows):
    """The same merging rule, taken the way of a program's own assigner."""

    def assign_windows(self, element: Any, timestamp: int, context: Any) -> Any:
        raise NotImplementedError

    def get_default_trigger(self, env: Any) -> Any:
        raise NotImplementedError

    def is_event_time(self) -> bool:
        return True

    def merge_windows(self, windows: Iterable[Any], callback: Any) -> None:
        super().merge_windows(windows, callback)


@given(SESSIONS)
def test_merging_one_by_one_gives_disjoint_windows_either_way(spans: list[tuple[int, int]]) -> None:
    quick, general = EventTimeSessionWindows(10), General(10)
    held: dict[int, list[TimeWindow]] = {0: [], 1: []}
    for start, length in spans:
        for number, assigner in enumerate((quick, general)):
            target, merges = plan_merges(assigner, held[number], TimeWindow(start, start + length))
            gone = {member for merge in merges for member in merge.absorbed}
            held[number] = sorted({*(one for one in held[number] if one not in gone), target})
        assert held[0] == held[1]
    for first, second in zip(held[0], held[0][1:], strict=False):
        assert first.end < second.start
    covered = {time for start, length in spans for time in range(start, start + length)}
    assert covered <= {time for window in held[0] for time in range(window.start, window.end)}


RECORDS = st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 200)), min_size=1, max_size=25)


@given(RECORDS, st.randoms(use_true_random=False))
def test_sessions_are_the_same_in_any_order_of_arrival(records: list[tuple[str, int]], random: Any) -> None:
    def build(stream: Any) -> Any:
        sessions = stream.key_by(lambda record: record[0]).window(
            EventTimeSessionWindows.with_gap(Time.milliseconds(10))
        )
        return sessions.reduce(lambda a, b: (a[0], a[1] + b[1], a[2] + b[2]))

    def run(ordered: list[tuple[str, int]]) -> list[Any]:
        with StreamHarness(build) as job:
            for name, time in ordered:
                job.process_element((name, 1, time), time)
            job.finish()
            assert job.num_keyed_state_entries() == job.num_event_time_timers() == 0
            return sorted(job.extract_output())

    shuffled = list(records)
    random.shuffle(shuffled)
    assert run(records) == run(shuffled)
