"""When snapshots begin, how many at once, what a failed one means: the coordinator, without clock or I/O."""

from dataclasses import replace

import pytest

from penstock.checkpoint.settings import Retention, read_settings
from penstock.control.messages import CheckpointDeclined, Failure, TaskState, TriggerCheckpoint
from penstock.jobmanager import events
from penstock.jobmanager.status import JobStatus
from tests.jobmanager.job_world import SINK, SOURCE, World

EVERY = "execution.checkpointing.interval"
KEY = "execution.checkpointing."


def triggered(world: World) -> list[int]:
    return sorted({command.checkpoint_id for command in world.sent if isinstance(command, TriggerCheckpoint)})


def answer(world: World, checkpoint_id: int) -> None:
    for vertex_id, index in list(world.job.executions):
        world.acknowledge(vertex_id, index, checkpoint_id)


def test_one_at_a_time_unless_more_are_allowed() -> None:
    world = World({EVERY: "10 s"}, acknowledges=False)
    world.start()
    world.sleep(10_000)
    world.sleep(10_000)
    assert triggered(world) == [1]
    answer(world, 1)
    assert triggered(world) == [1, 2], "the next one was due"

    several = World({EVERY: "10 s", KEY + "max-concurrent-checkpoints": "2"}, acknowledges=False)
    several.start()
    for _ in range(3):
        several.sleep(10_000)
    assert triggered(several) == [1, 2]
    answer(several, 1)
    assert triggered(several) == [1, 2, 3]


def test_newer_checkpoint_ends_older_ones() -> None:
    world = World({EVERY: "10 s", KEY + "max-concurrent-checkpoints": "2"}, acknowledges=False)
    world.start()
    world.sleep(10_000)
    world.sleep(10_000)
    answer(world, 2)
    assert [metadata.checkpoint_id for metadata in world.written] == [2]
    assert world.commands("checkpoint-aborted")
    assert f"/chk/{'c' * 32}/chk-1" in world.discarded
    assert 1 not in world.job.coordinator.pending
    assert world.status() is JobStatus.RUNNING, "an older one that is of no more use is no failure"


def test_pause_between_checkpoints_is_kept() -> None:
    world = World(
        {EVERY: "10 s", KEY + "min-pause": "8 s", KEY + "max-concurrent-checkpoints": "3"}, acknowledges=False
    )
    world.start()
    world.sleep(10_000)
    world.sleep(9_000)
    assert triggered(world) == [1]
    answer(world, 1)
    world.sleep(7_000)
    assert triggered(world) == [1]
    world.sleep(1_000)
    assert triggered(world) == [1, 2]


def test_tolerated_failures_are_in_a_row() -> None:
    world = World(
        {EVERY: "10 s", KEY + "timeout": "1 s", KEY + "tolerable-failed-checkpoints": "1"}, acknowledges=False
    )
    world.start()
    world.sleep(10_000)
    world.sleep(1_000)
    assert world.status() is JobStatus.RUNNING
    world.sleep(10_000)
    answer(world, 2)
    world.sleep(10_000)
    world.sleep(1_000)
    assert world.status() is JobStatus.RUNNING
    world.sleep(10_000)
    failure = Failure(exception="OSError", message="disk full")
    world.report(CheckpointDeclined(subtask=world.subtask(SINK, 1), checkpoint_id=4, failure=failure))
    assert world.status() is JobStatus.FAILING
    assert "sink (2/2): disk full" in world.job.failures[0].failure.message


def test_savepoint_that_fails_is_no_failure_of_the_job() -> None:
    world = World({EVERY: "100 s", KEY + "timeout": "1 s"}, acknowledges=False)
    world.start()
    world.handle(events.SnapshotWanted("d" * 32, True))
    world.sleep(1_000)
    state = world.job.coordinator.requests["d" * 32]
    assert "expired" in str(state.failure)
    assert world.status() is JobStatus.RUNNING


def test_checkpoint_on_demand_needs_no_interval() -> None:
    world = World({})
    world.start()
    world.handle(events.SnapshotWanted("d" * 32, False))
    state = world.job.coordinator.requests["d" * 32]
    assert (state.checkpoint_id, state.failure) == (1, None)


def test_tasks_that_have_finished_have_no_part_any_more() -> None:
    world = World({EVERY: "10 s"})
    world.start()
    world.task(SOURCE, 0, TaskState.FINISHED)
    world.sleep(10_000)
    (metadata,) = world.written
    (source,) = (operator for operator in metadata.operators if operator.operator_id == SOURCE)
    assert [subtask.index for subtask in source.subtasks] == [1]
    assert source.enumerator is not None, "what was handed out to the finished one is not read again"


def test_barriers_may_overtake_only_in_checkpoints() -> None:
    world = World(
        {EVERY: "10 s", KEY + "unaligned.enabled": "true", KEY + "aligned-checkpoint-timeout": "2 s"}
    )
    world.start()
    world.sleep(10_000)
    world.handle(events.SnapshotWanted("d" * 32, True))
    world.handle(events.SnapshotWanted("e" * 32, True, stop=True))
    found = {
        command.checkpoint_id: (command.unaligned, command.alignment_timeout_ms)
        for command in world.sent
        if isinstance(command, TriggerCheckpoint)
    }
    assert found == {1: (True, 2_000), 2: (False, 0), 3: (False, 0)}


@pytest.mark.parametrize(
    ("retention", "ends", "is_kept"),
    [
        (None, "cancel", True),
        ("RETAIN_ON_CANCELLATION", "cancel", True),
        ("DELETE_ON_CANCELLATION", "cancel", False),
        ("DELETE_ON_CANCELLATION", "fail", True),
        ("NO_EXTERNALIZED_CHECKPOINTS", "fail", False),
        ("NO_EXTERNALIZED_CHECKPOINTS", "finish", False),
    ],
)
def test_checkpoints_of_an_ended_job_are_kept_as_configured(
    retention: str | None, ends: str, is_kept: bool
) -> None:
    settings = {EVERY: "10 s", "restart-strategy.type": "none"}
    if retention:
        settings[KEY + "externalized-checkpoint-retention"] = retention
    world = World(settings)
    world.start()
    world.sleep(10_000)
    if ends == "cancel":
        world.handle(events.CancelWanted())
        world.tasks(TaskState.CANCELED)
    elif ends == "fail":
        world.fail_task()
        world.tasks(TaskState.CANCELED)
    else:
        world.tasks(TaskState.FINISHED)
    assert world.status().is_terminal
    assert (0 not in world.pruned) is is_kept


def test_settings_that_cannot_be_read_are_named() -> None:
    for key, value in (
        ("max-concurrent-checkpoints", "0"),
        ("num-retained", "all"),
        ("externalized-checkpoint-retention", "SOMETIMES"),
        ("timeout", "long"),
    ):
        with pytest.raises(ValueError, match=key):
            read_settings({KEY + key: value})
    assert read_settings({}).retention is Retention.RETAIN_ON_CANCELLATION
    assert replace(read_settings({}), interval=5).is_enabled
