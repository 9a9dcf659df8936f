"""Stateless steps as one loop: the same records in the same order as one after the other, with their times."""

from collections.abc import Callable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from penstock.operators.fused import Step, StepKind, compile_loop

FUNCTIONS: dict[StepKind, list[Callable[[Any], Any]]] = {
    StepKind.MAP: [lambda n: n + 1, lambda n: n * 2, lambda n: -n],
    StepKind.FILTER: [lambda n: n % 2, lambda n: n > 3, lambda n: True],
    StepKind.FLAT_MAP: [lambda n: [n, n + 10], lambda n: [] if n % 3 else [n], lambda n: None],
}
STEPS = st.lists(
    st.sampled_from([Step(kind, function) for kind, some in FUNCTIONS.items() for function in some]),
    min_size=1,
)
RECORDS = st.lists(st.tuples(st.integers(-20, 20), st.integers(0, 1000)), max_size=20)


def one_by_one(steps: list[Step], records: list[tuple[int, int]]) -> list[tuple[int, int]]:
    for step in steps:
        call = step.callable()
        if step.kind is StepKind.MAP:
            records = [(call(value), time) for value, time in records]
        elif step.kind is StepKind.FILTER:
            records = [(value, time) for value, time in records if call(value)]
        else:
            records = [(result, time) for value, time in records for result in call(value) or ()]
    return records


@given(STEPS, RECORDS)
def test_fused_steps_do_what_the_steps_do(steps: list[Step], records: list[tuple[int, int]]) -> None:
    expected = one_by_one(steps, records)
    values, times = [value for value, _ in records], [time for _, time in records]
    assert compile_loop(tuple(steps), has_timestamps=False)(values) == [value for value, _ in expected]
    out, stamps = compile_loop(tuple(steps), has_timestamps=True)(values, times)
    assert list(zip(out, stamps, strict=True)) == expected
