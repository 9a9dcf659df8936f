"""Barriers that overtake records under real backpressure: at once, after a timeout, and with exact counts after a restore."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from penstock.control.messages import CheckpointAcknowledged, TaskMetrics, TaskState
from penstock.graph.jobgraph import EdgeSpec, Partitioner, VertexSpec
from penstock_api.manifest import OperatorState
from tests.taskmanager.slot_processes import Slots, states_of
from tests.taskmanager.small_job import expected, graph, written

COUNT = 30_000
SLOW_SECONDS = 3.0
"""What the records in front of an aligned barrier take at least, in these jobs."""


@pytest.fixture
def output(tmp_path: Path) -> Path:
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    return tmp_path / "go"


def splits(parts: int) -> list[dict[str, Any]]:
    size = COUNT // parts
    return [{"id": f"p{part}", "next": part * size, "end": (part + 1) * size} for part in range(parts)]


def positions(states: Sequence[OperatorState]) -> list[dict[str, Any]]:
    return [split for state in states for subtask in state.subtasks for split in subtask.splits]


def start_slow_job(slots: Slots, vertices: list[VertexSpec], edges: list[EdgeSpec]) -> None:
    """Run it until its sources wait for room."""
    placement = {
        vertices[0].id: ["s0"] * vertices[0].parallelism,
        vertices[1].id: ["s1"] * vertices[1].parallelism,
    }
    slots.deploy(vertices, edges, placement=placement)
    slots.give(vertices[0], splits(vertices[0].parallelism))
    slots.wait_state(TaskState.RUNNING)
    slots.wait(
        "backpressure at every source",
        lambda: (
            {
                event.subtask.index
                for event in slots.of(TaskMetrics)
                if event.subtask.vertex_id == vertices[0].id
                and event.values["backPressuredTimeMsPerSecond"] > 700
            }
            == set(range(vertices[0].parallelism))
        ),
    )


def take(
    slots: Slots, location: Path, tasks: int, alignment_timeout_ms: int | None, checkpoint_id: int = 1
) -> tuple[float, list[CheckpointAcknowledged]]:
    """Seconds until all tasks have acknowledged."""
    started = time.monotonic()
    slots.trigger(checkpoint_id, location, alignment_timeout_ms=alignment_timeout_ms)
    slots.wait("acknowledgements", lambda: len(slots.acknowledged(checkpoint_id)) == tasks)
    return time.monotonic() - started, slots.acknowledged(checkpoint_id)


def stored_batches(acks: Sequence[CheckpointAcknowledged]) -> int:
    return sum(len(state.channels) for ack in acks for state in ack.states.values())


def test_an_aligned_checkpoint_waits_for_the_slow_function(output: Path, tmp_path: Path, gate: Path) -> None:
    vertices, edges = graph(output, sums=1, slow_until=gate, batch_size=2000)
    with Slots(2) as slots:
        start_slow_job(slots, vertices, edges)
        seconds, acks = take(slots, tmp_path / "chk-1", 2, None)
    assert seconds > SLOW_SECONDS
    assert stored_batches(acks) == 0


@pytest.mark.parametrize(("sources", "before", "after"), [(1, 1, 1), (2, 2, 2), (1, 2, 3), (2, 3, 1)])
def test_overtaken_records_are_counted_once_after_a_restore(
    output: Path, tmp_path: Path, gate: Path, sources: int, before: int, after: int
) -> None:
    vertices, edges = graph(output, sources=sources, sums=before, slow_until=gate, batch_size=2000)
    with Slots(2) as slots:
        start_slow_job(slots, vertices, edges)
        _, acks = take(slots, tmp_path / "chk-1", sources + before, 0)
        assert stored_batches(acks) > 0, "barriers overtook records"
        slots.cancel()
        slots.wait_state(TaskState.CANCELED)
        gate.touch()
        states = states_of(acks, vertices)
        vertices, edges = graph(output, sources=sources, sums=after, slow_until=gate, batch_size=2000)
        slots.deploy(vertices, edges, restored=states, checkpoint=(1, str(tmp_path / "chk-1")))
        slots.give(vertices[0], positions(states))
        slots.wait_state(TaskState.FINISHED)
    assert written(output) == expected(COUNT)


def test_the_job_goes_on_behind_the_barrier(output: Path, tmp_path: Path, gate: Path) -> None:
    vertices, edges = graph(output, sums=2, slow_until=gate, batch_size=2000)
    with Slots(2) as slots:
        start_slow_job(slots, vertices, edges)
        take(slots, tmp_path / "chk-1", 3, 0)
        take(slots, tmp_path / "chk-2", 3, 0, checkpoint_id=2)
        gate.touch()
        slots.wait_state(TaskState.FINISHED)
    assert written(output) == expected(COUNT)


def test_alignment_gives_up_after_its_timeout(output: Path, tmp_path: Path, gate: Path) -> None:
    vertices, edges = graph(output, sources=2, sums=1, slow_until=gate, batch_size=2000)
    with Slots(2) as slots:
        start_slow_job(slots, vertices, edges)
        seconds, acks = take(slots, tmp_path / "chk-1", 3, 1000)
        assert seconds > 0.9
        assert stored_batches(acks) > 0, "then barriers overtook records"
        slots.cancel()
        slots.wait_state(TaskState.CANCELED)
        gate.touch()
        states = states_of(acks, vertices)
        slots.deploy(vertices, edges, restored=states, checkpoint=(1, str(tmp_path / "chk-1")))
        slots.give(vertices[0], positions(states))
        slots.wait_state(TaskState.FINISHED)
    assert written(output) == expected(COUNT)


def test_without_backpressure_a_timed_checkpoint_stays_aligned(
    output: Path, tmp_path: Path, gate: Path
) -> None:
    gate.touch()
    vertices, edges = graph(output, sums=2, hold=tmp_path / "hold", slow_until=gate, batch_size=2000)
    with Slots(2) as slots:
        slots.deploy(vertices, edges)
        slots.give(vertices[0], splits(1))
        slots.wait_state(TaskState.RUNNING)
        _, acks = take(slots, tmp_path / "chk-1", 3, 60_000)
        assert stored_batches(acks) == 0


def test_records_that_cannot_find_their_way_again_refuse_another_parallelism(
    output: Path, tmp_path: Path, gate: Path
) -> None:
    vertices, edges = graph(output, sums=1, slow_until=gate, batch_size=2000, partitioner=Partitioner.FORWARD)
    with Slots(2) as slots:
        start_slow_job(slots, vertices, edges)
        _, acks = take(slots, tmp_path / "chk-1", 2, 0)
        slots.cancel()
        slots.wait_state(TaskState.CANCELED)
        states = states_of(acks, vertices)
        vertices, edges = graph(
            output, sources=2, sums=2, slow_until=gate, batch_size=2000, partitioner=Partitioner.FORWARD
        )
        slots.deploy(vertices, edges, restored=states, checkpoint=(1, str(tmp_path / "chk-1")))
        slots.wait("refusal", lambda: bool(slots.failures()))
        assert "can only be restored at the snapshot's parallelism (1 to 1)" in slots.failures()[-1]


def test_several_checkpoints_at_once_all_complete(output: Path, tmp_path: Path, gate: Path) -> None:
    vertices, edges = graph(output, sums=2, slow_until=gate, batch_size=2000)
    with Slots(2) as slots:
        start_slow_job(slots, vertices, edges)
        for checkpoint_id in (1, 2, 3):
            slots.trigger(checkpoint_id, tmp_path / f"chk-{checkpoint_id}")
        # Each has begun, and none is over, before the job may run to its end.
        slots.wait("the source's part", lambda: all(slots.acknowledged(known) for known in (1, 2, 3)))
        gate.touch()
        slots.wait(
            "acknowledgements", lambda: all(len(slots.acknowledged(known)) == 3 for known in (1, 2, 3))
        )
        slots.wait_state(TaskState.FINISHED)
    assert written(output) == expected(COUNT)
