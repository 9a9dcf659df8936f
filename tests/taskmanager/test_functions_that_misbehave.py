"""A function that never returns or eats memory costs its slot at most; the job hears what it was, the other slot lives."""

from pathlib import Path

import pytest

from penstock.control.messages import TaskState
from penstock.taskmanager.process_limits import parse_memory
from penstock.taskmanager.worker import cancellation_timeout
from tests.taskmanager.slot_processes import Slots
from tests.taskmanager.small_job import Hungry, expected, graph, operator, written


@pytest.fixture
def output(tmp_path: Path) -> Path:
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


def splits(count: int) -> list[dict[str, object]]:
    return [{"id": "p0", "next": 0, "end": count}]


def test_a_call_that_never_returns_fails_its_task_and_ends_its_slot(output: Path, tmp_path: Path) -> None:
    vertices, edges = graph(output, sums=1, waiting_for=tmp_path / "never")
    limits = {"penstock.task.stall-warning": "1 s", "penstock.task.stall-timeout": "5 s"}
    apart = {vertices[0].id: ["s0"], vertices[1].id: ["s1"]}
    with Slots(2, configuration=limits) as slots:
        slots.deploy(vertices, edges, placement=apart)
        slots.give(vertices[0], splits(1000))
        # The other slot's failure, for want of this one, may be heard of before.
        slots.wait("the failure", lambda: any("small_job.py" in text for text in slots.failures()))
        assert slots.states()["3", 0] is TaskState.FAILED
        assert slots.slots[1].process.wait(60) == 70
        assert slots.slots[0].process.poll() is None


def test_a_cancel_that_is_not_heard_ends_the_slot(output: Path, tmp_path: Path) -> None:
    vertices, edges = graph(output, sums=1, waiting_for=tmp_path / "never")
    apart = {vertices[0].id: ["s0"], vertices[1].id: ["s1"]}
    with Slots(2) as slots:
        slots.deploy(vertices, edges, placement=apart, configuration={"task.cancellation.timeout": "1 s"})
        slots.give(vertices[0], splits(1000))
        slots.wait("the call", lambda: (tmp_path / "reached").exists())
        slots.cancel()
        assert slots.slots[1].process.wait(60) == 70
        slots.wait("the other's end", lambda: slots.states()["1", 0] is TaskState.CANCELED)


def test_memory_over_the_limit_fails_the_task_and_the_slot_works_on(output: Path) -> None:
    vertices, edges = graph(output, sums=1)
    hungry = operator(8, "hungry", Hungry, upstream=1)
    eating = vertices[0].model_copy(update={"operators": [*vertices[0].operators, hungry]})
    with Slots(1, configuration={"penstock.slot.memory-limit": "1 gb"}) as slots:
        slots.deploy([eating, vertices[1]], edges)
        slots.give(eating, splits(1000))
        slots.wait("the failure", lambda: bool(slots.failures()))
        assert "MemoryError" in slots.failures()[0]
        assert "in operator 'hungry'" in slots.failures()[0]
        slots.cancel()
        slots.wait("end", lambda: TaskState.RUNNING not in slots.states().values())
        slots.deploy(vertices, edges)
        slots.give(vertices[0], splits(1000))
        slots.wait_state(TaskState.FINISHED)
    assert written(output) == expected(1000)


def test_a_slot_is_the_first_that_the_kernel_ends() -> None:
    with Slots(1) as slots:
        slots.wait("slots", lambda: bool(slots.events))
        score = Path(f"/proc/{slots.slots[0].process.pid}/oom_score_adj").read_text()
    assert int(score) >= 500


@pytest.mark.parametrize(("text", "size"), [("1", 1), ("2 kb", 2048), ("3m", 3 << 20), ("1 GB", 1 << 30)])
def test_sizes(text: str, size: int) -> None:
    assert parse_memory(text) == size


@pytest.mark.parametrize("text", ["", "much", "1.5 gb", "1 tb"])
def test_bad_sizes_are_named(text: str) -> None:
    with pytest.raises(ValueError, match="no size of memory"):
        parse_memory(text)


def test_the_cancellation_deadline() -> None:
    assert cancellation_timeout({}) == 30.0
    assert cancellation_timeout({"task.cancellation.timeout": "5 s"}) == 5.0
    assert cancellation_timeout({"task.cancellation.timeout": "0"}) is None
