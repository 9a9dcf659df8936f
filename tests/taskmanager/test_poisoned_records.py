"""A record that user code cannot digest is named with its operator and place, or left out and counted."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from penstock.control.messages import TaskMetrics, TaskState
from penstock.operators.contract import Batch
from penstock.operators.fused import FusedFactory, Step, StepKind, compile_loop
from penstock.taskmanager.failure import failure_of
from penstock.taskmanager.poison import guard_process, index_in, is_skipping, name_split
from tests.taskmanager.slot_processes import Slots
from tests.taskmanager.small_job import expected, graph, written


class Loop:
    """An operator that hands each record to a function."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self.function = function
        self.out: list[Any] = []

    def process(self, batch: Batch, input_index: int) -> None:
        for value in batch.values:
            self.out.append(self.function(value))


def failing(operator: Loop, batch: Batch, name: str = "parse") -> str:
    process = guard_process(operator.process, operator, name, None)
    with pytest.raises(Exception) as caught:  # noqa: PT011 - whatever the function raises
        process(batch, 0)
    return failure_of(caught.value).message


def test_the_failure_names_operator_and_record() -> None:
    message = failing(Loop(json.loads), Batch(["1", "{broken", "3"], [10, 20, 30]))
    assert "in operator 'parse' at record 2 of 3 of its batch, event time 20: '{broken'" in message


def test_equal_small_numbers_do_not_mislead() -> None:
    message = failing(Loop(lambda value: 1 // value), Batch([3, 1, 0, 2]))
    assert "record 3 of 4" in message


def test_the_innermost_operator_is_named() -> None:
    inner = Loop(json.loads)
    process = guard_process(inner.process, inner, "inner", None)
    outer = Loop(lambda value: process(Batch([value + "}"]), 0))
    message = failing(outer, Batch(["[", "x"]), "outer")
    assert "in operator 'inner'" in message
    assert "outer" not in message


def test_a_long_record_is_cut() -> None:
    message = failing(Loop(json.loads), Batch(["x" * 10_000]))
    assert "(10002 characters)" in message
    assert len(message) < 1000


def test_the_split_is_named() -> None:
    error = ValueError("no")
    name_split(error, "clicks-0", {"id": "clicks-0", "offset": 500}, (4096, 2048))
    assert (
        "read from split 'clicks-0': its records 4097 to 6144 behind offset=500" in failure_of(error).message
    )


def test_the_record_is_found_in_the_batch_of_its_source() -> None:
    """Not by names further down the chain, where `value` is made of another record."""
    inner = Loop(lambda value: 1 // value)
    second = guard_process(inner.process, inner, "inner", None)
    first = Loop(lambda value: second(Batch([value - 2]), 0))
    batch = Batch([0, 1, 2])
    with pytest.raises(ZeroDivisionError) as caught:
        guard_process(first.process, first, "outer", None)(batch, 0)
    assert index_in(caught.value, batch) == 2


def test_a_record_that_is_only_known_further_down_is_told_by_identity() -> None:
    lines = ["[1]", "{broken", "[3]"]
    inner = Loop(json.loads)
    process = guard_process(inner.process, inner, "inner", None)
    outer = guard_process(lambda batch, _: process(Batch(batch.values[1:]), 0), None, "outer", None)
    with pytest.raises(ValueError, match="Expecting") as caught:
        outer(Batch(lines), 0)
    assert index_in(caught.value, Batch(lines)) == 1


LINES = """
import json, sys
from penstock.common import WatermarkStrategy
from penstock.datastream import StreamExecutionEnvironment
from penstock.datastream.connectors.file_system import FileSource, StreamFormat
env = StreamExecutionEnvironment.get_execution_environment()
source = FileSource.for_record_stream_format(StreamFormat.text_line_format(), sys.argv[1]).build()
env.from_source(source, WatermarkStrategy.no_watermarks(), "lines").map(json.loads).print()
env.execute("lines")
"""


def test_a_line_that_cannot_be_read_is_told_by_file_and_number(tmp_path: Path) -> None:
    program, lines = tmp_path / "program.py", tmp_path / "lines.json"
    program.write_text(LINES)
    lines.write_text("".join(f"{number}\n" for number in range(1000)) + "{broken\n" + "1\n" * 50)
    command = [sys.executable, "-m", "penstock.launch.cli", "run", str(program), str(lines)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=150, check=False)
    assert done.returncode != 0
    assert f"lines.json, record 1001, position {sum(len(str(n)) + 1 for n in range(1000))}" in done.stderr


def test_only_the_bad_record_is_left_out() -> None:
    operator = Loop(json.loads)
    skipped: list[int] = []
    process = guard_process(operator.process, operator, "parse", skipped.append)
    process(Batch(["1", "{broken", "3"]), 0)
    assert operator.out == [1, 3]
    assert skipped == [1]


@pytest.mark.parametrize("error", [MemoryError, ConnectionError])
def test_what_is_no_fault_of_the_record_is_not_skipped(error: type[Exception]) -> None:
    def fail(_: Any) -> Any:
        raise error

    operator = Loop(fail)
    process = guard_process(operator.process, operator, "parse", lambda _: None)
    with pytest.raises(error):
        process(Batch([1]), 0)


def test_an_unknown_word_is_refused() -> None:
    with pytest.raises(ValueError, match="must be fail or skip"):
        is_skipping({"penstock.task.on-record-error": "ignore"})


def test_fused_steps_are_found() -> None:
    operator = FusedFactory((Step(StepKind.MAP, int), Step(StepKind.MAP, lambda value: 1 // value)))()
    operator._plain = compile_loop(operator._steps, has_timestamps=False)

    class Output:
        def emit(self, batch: Batch) -> None:
            raise AssertionError

    class Context:
        output = Output()

    operator.ctx = Context()  # type: ignore[assignment]
    process = guard_process(operator.process, operator, "fused", None)
    with pytest.raises(ZeroDivisionError) as caught:
        process(Batch(["1000", "0000", "2000"]), 0)
    assert "record 2 of 3" in failure_of(caught.value).message


def test_fused_steps_leave_out_only_the_bad_record() -> None:
    operator = FusedFactory((Step(StepKind.MAP, int), Step(StepKind.FILTER, lambda value: value > 1)))()
    operator._timed = compile_loop(operator._steps, has_timestamps=True)
    out: list[Batch] = []

    class Output:
        emit = out.append

    class Context:
        output = Output

    operator.ctx = Context()  # type: ignore[assignment]
    skipped: list[int] = []
    process = guard_process(operator.process, operator, "fused", skipped.append)
    process(Batch(["1", "x", "2", "3"], [10, 20, 30, 40]), 0)
    assert out == [Batch([2, 3], [30, 40])]
    assert skipped == [1]


@pytest.fixture
def output(tmp_path: Path) -> Path:
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


def test_a_job_fails_with_the_place_or_goes_on_without_the_record(output: Path, tmp_path: Path) -> None:
    gate = tmp_path / "go"
    vertices, edges = graph(output, failing_at=1234, hold=gate)
    splits = [{"id": "p0", "next": 1000, "end": 2000}]
    with Slots(1) as slots:
        slots.deploy(vertices, edges)
        slots.give(vertices[0], splits)
        slots.wait("failure", lambda: bool(slots.failures()))
        assert "in operator 'failing'" in slots.failures()[0]
        assert "split 'p0': its records 201 to 300 behind next=1000, end=2000" in slots.failures()[0]
        slots.cancel()
        slots.wait("end", lambda: TaskState.RUNNING not in slots.states().values())
        slots.deploy(vertices, edges, configuration={"penstock.task.on-record-error": "skip"})
        slots.give(vertices[0], [{"id": "p0", "next": 0, "end": 3000}])
        slots.wait(
            "the count of what was left out",
            lambda: any(
                event.values.get("failing.numRecordsSkipped") == 1.0 for event in slots.of(TaskMetrics)
            ),
        )
        gate.touch()
        slots.wait_state(TaskState.FINISHED)
    right = expected(3000)
    count, total = right["key-2"]
    right["key-2"] = (count - 1, total - 1234)
    assert written(output) == right
