"""Whole small jobs in real slot processes: records, checkpoints, restore with other parallelism, stop, failures."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from penstock.control.messages import (
    CommitDone,
    EndOfData,
    SplitsWanted,
    TaskMetrics,
    TaskState,
    TaskStateChanged,
)
from penstock_api.manifest import OperatorState
from tests.taskmanager.slot_processes import Slots, states_of
from tests.taskmanager.small_job import expected, graph, written

CHECKPOINTED = {"execution.checkpointing.interval": "1 h"}


@pytest.fixture
def output(tmp_path: Path) -> Path:
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


def splits(count: int, parts: int = 2) -> list[dict[str, Any]]:
    size = count // parts
    return [
        {"id": f"p{part}", "next": part * size, "end": count if part == parts - 1 else (part + 1) * size}
        for part in range(parts)
    ]


def positions(states: Sequence[OperatorState]) -> list[dict[str, Any]]:
    return [split for state in states for subtask in state.subtasks for split in subtask.splits]


@pytest.mark.parametrize(("slot_count", "sources", "sums"), [(1, 1, 1), (1, 2, 3), (2, 1, 2), (2, 2, 3)])
def test_bounded_job_counts_every_record_once(output: Path, slot_count: int, sources: int, sums: int) -> None:
    vertices, edges = graph(output, sources=sources, sums=sums)
    with Slots(slot_count) as slots:
        slots.deploy(vertices, edges)
        slots.wait("splits wanted", lambda: len(slots.of(SplitsWanted)) == sources)
        slots.give(vertices[0], splits(30_000))
        slots.wait_state(TaskState.FINISHED)
    assert written(output) == expected(30_000)


@pytest.mark.parametrize(("sums_before", "sums_after"), [(2, 3), (3, 1)])
def test_state_is_restored_with_another_parallelism(
    output: Path, tmp_path: Path, sums_before: int, sums_after: int
) -> None:
    gate = tmp_path / "go"
    vertices, edges = graph(output, sums=sums_before, hold=gate, two_phase=True)
    with Slots(2) as slots:
        slots.deploy(vertices, edges, configuration=CHECKPOINTED)
        slots.give(vertices[0], splits(5000, 1))
        slots.wait_state(TaskState.RUNNING)
        acks = slots.checkpoint(1, tmp_path / "chk-1")
        slots.complete(1)
        slots.wait("commits", lambda: len(slots.of(CommitDone)) == 1 + sums_before)
        slots.cancel()
        slots.wait_state(TaskState.CANCELED)
        states = states_of(acks, vertices)
        assert {ack.transaction_timeout_ms for ack in acks} == {None, 5000}

        gate.touch()
        vertices, edges = graph(output, sums=sums_after, two_phase=True)
        slots.deploy(
            vertices,
            edges,
            configuration=CHECKPOINTED,
            restored=states,
            checkpoint=(1, str(tmp_path / "chk-1")),
        )
        slots.give(vertices[0], positions(states))
        slots.wait("end of data", lambda: len(slots.of(EndOfData)) == 1 + sums_after)
        slots.checkpoint(2, tmp_path / "chk-2", stop=True)
        assert written(output) == {}
        slots.complete(2)
        slots.wait_state(TaskState.FINISHED)
    assert written(output) == expected(5000)


def test_stop_with_savepoint_then_resume_loses_nothing(output: Path, tmp_path: Path) -> None:
    gate = tmp_path / "go"
    vertices, edges = graph(output, hold=gate)
    with Slots(2) as slots:
        slots.deploy(vertices, edges)
        slots.give(vertices[0], splits(5000, 1))
        slots.wait_state(TaskState.RUNNING)
        acks = slots.checkpoint(1, tmp_path / "sp", stop=True)
        slots.complete(1)
        slots.wait_state(TaskState.FINISHED)
        assert written(output) == {}
        states = states_of(acks, vertices)
        gate.touch()
        slots.deploy(vertices, edges, restored=states, checkpoint=(1, str(tmp_path / "sp")))
        slots.give(vertices[0], positions(states))
        slots.wait_state(TaskState.FINISHED)
    assert written(output) == expected(5000)


def test_drain_fires_timers_before_the_savepoint(output: Path, tmp_path: Path) -> None:
    vertices, edges = graph(output, hold=tmp_path / "never")
    with Slots(2) as slots:
        slots.deploy(vertices, edges)
        slots.give(vertices[0], splits(1010, 1))
        slots.wait_state(TaskState.RUNNING)
        slots.wait(
            "records", lambda: any(event.values["numRecordsOut"] == 1000 for event in slots.of(TaskMetrics))
        )
        slots.checkpoint(1, tmp_path / "sp", stop=True, drain=True)
        slots.complete(1)
        slots.wait_state(TaskState.FINISHED)
    assert written(output) == expected(1000)


def test_failure_in_user_code_is_reported_with_its_cause(output: Path) -> None:
    vertices, edges = graph(output, failing_at=700)
    with Slots(1) as slots:
        slots.deploy(vertices, edges)
        slots.give(vertices[0], splits(5000, 1))
        slots.wait("a failure", lambda: bool(slots.failures()))
        (failed,) = [event for event in slots.of(TaskStateChanged) if event.state is TaskState.FAILED]
        assert failed.failure is not None
        assert failed.failure.exception == "ValueError"
        assert "cannot digest 700" in failed.failure.message
        assert "small_job.py" in failed.failure.stacktrace
        slots.cancel()
        slots.wait("cancelled", lambda: list(slots.states().values()).count(TaskState.CANCELED) == 2)


def test_lost_slot_fails_the_tasks_that_talk_to_it(output: Path, tmp_path: Path) -> None:
    vertices, edges = graph(output, hold=tmp_path / "never")
    with Slots(2) as slots:
        slots.deploy(vertices, edges)
        slots.give(vertices[0], splits(5000, 1))
        slots.wait_state(TaskState.RUNNING)
        slots.slots[1].process.kill()
        slots.wait("failures", lambda: any("slot s1 is gone" in text for text in slots.failures()))
