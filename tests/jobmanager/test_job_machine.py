"""What a job does about each event, without clock or I/O."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.control.messages import CheckpointDeclined, Failure, TaskState, TriggerCheckpoint
from penstock.jobmanager import events
from penstock.jobmanager.job import ENDED
from penstock.jobmanager.status import LEGAL_MOVES, IllegalMove, JobStatus
from tests.jobmanager.job_world import SINK, SOURCE, World, graph

CHECKPOINTS = {"execution.checkpointing.interval": "10 s"}
RESTARTS = {
    **CHECKPOINTS,
    "restart-strategy.type": "fixed-delay",
    "restart-strategy.fixed-delay.attempts": "2",
}


def test_job_waits_for_slots_then_runs() -> None:
    world = World({})
    world.start(slots=1)
    assert world.status() is JobStatus.CREATED
    assert not world.commands("deploy")
    world.offer(2)
    assert world.status() is JobStatus.RUNNING
    assert [status for _, status in world.job.history] == ["INITIALIZING", "CREATED", "RUNNING"]


def test_bounded_job_finishes_and_its_end_is_on_record() -> None:
    world = World({})
    world.start()
    world.tasks(TaskState.FINISHED)
    assert world.status() is JobStatus.FINISHED
    assert world.results == ["FINISHED"]
    assert len(world.released) == 2


def test_without_checkpoints_the_first_failure_is_the_last() -> None:
    world = World({})
    world.start()
    world.fail_task()
    world.tasks(TaskState.CANCELED)
    assert world.status() is JobStatus.FAILED
    assert world.job.failure is not None
    assert world.job.failure.message == "boom"
    assert not world.results


def test_failed_job_restarts_from_its_newest_checkpoint() -> None:
    world = World(RESTARTS)
    world.start()
    world.sleep(10_000)
    assert [metadata.checkpoint_id for metadata in world.written] == [1]
    world.fail_task()
    assert world.status() is JobStatus.FAILING
    world.tasks(TaskState.CANCELED)
    assert world.status() is JobStatus.RESTARTING
    world.sleep(1_000)
    world.offer(2)
    assert world.status() is JobStatus.RUNNING
    assert world.job.restored is not None
    assert world.job.restored.metadata.checkpoint_id == 1
    world.sleep(10_000)
    assert [(m.checkpoint_id, m.attempt) for m in world.written] == [(1, 1), (2, 2)]


def test_restarts_run_out() -> None:
    world = World(RESTARTS)
    world.start()
    for _ in range(3):
        world.fail_task()
        world.tasks(TaskState.CANCELED)
        world.sleep(1_000)
        world.offer(2)
    assert world.status() is JobStatus.FAILED
    assert world.job.restarts == 2


def test_lost_slot_fails_the_attempt() -> None:
    world = World(RESTARTS)
    world.start()
    lost = next(iter(world.job.slots))
    world.handle(events.SlotsGone((lost,), "killed by SIGKILL"))
    assert world.status() is JobStatus.FAILING
    assert "SIGKILL" in world.job.failures[0].failure.message
    assert lost not in world.released


def test_tasks_that_do_not_end_go_with_their_slots() -> None:
    world = World(RESTARTS)
    world.start()
    world.fail_task()
    world.sleep(10_000)
    assert world.status() is JobStatus.RESTARTING
    assert len(world.released) == 2


def test_incompatible_state_is_not_tried_again() -> None:
    world = World(RESTARTS)
    world.start()
    world.fail_task(reason="StateIncompatible")
    world.tasks(TaskState.CANCELED)
    assert world.status() is JobStatus.FAILED


def test_events_of_an_old_attempt_are_dropped() -> None:
    world = World(RESTARTS)
    world.start()
    world.fail_task()
    world.tasks(TaskState.CANCELED)
    world.sleep(1_000)
    world.offer(2)
    world.attempt = 1
    world.fail_task()
    assert world.status() is JobStatus.RUNNING


def test_cancel_ends_the_job_without_state() -> None:
    world = World(CHECKPOINTS)
    world.start()
    world.handle(events.CancelWanted())
    assert world.status() is JobStatus.CANCELLING
    world.tasks(TaskState.CANCELED)
    assert world.status() is JobStatus.CANCELED
    assert world.results == ["CANCELED"]


def test_cancel_while_failing_overrides_the_restart() -> None:
    world = World(RESTARTS)
    world.start()
    world.fail_task()
    world.handle(events.CancelWanted())
    world.tasks(TaskState.CANCELED)
    assert world.status() is JobStatus.CANCELED


def test_stop_is_done_when_all_tasks_have_finished() -> None:
    world = World(CHECKPOINTS)
    world.start()
    world.handle(events.SnapshotWanted("d" * 32, True, None, stop=True))
    state = world.job.coordinator.requests["d" * 32]
    assert state.location == f"/sp/savepoint-cccccc-{'d' * 12}"
    assert not state.is_done
    world.sleep(20_000)
    assert len(world.written) == 1, "no checkpoint after the stop's savepoint"
    world.tasks(TaskState.FINISHED)
    assert state.is_done
    assert state.failure is None
    assert world.status() is JobStatus.FINISHED


def test_stop_whose_job_fails_says_where_the_savepoint_is_and_goes_on_from_it() -> None:
    world = World(RESTARTS)
    world.start()
    world.handle(events.SnapshotWanted("d" * 32, True, None, stop=True))
    world.fail_task()
    state = world.job.coordinator.requests["d" * 32]
    assert state.is_done
    assert state.failure is not None
    assert "savepoint-cccccc" in state.failure
    world.tasks(TaskState.CANCELED)
    world.sleep(1_000)
    world.offer(2)
    assert world.job.restored is not None
    assert world.job.restored.location == state.location


def test_end_of_all_input_brings_a_final_checkpoint() -> None:
    world = World(CHECKPOINTS)
    world.start()
    world.end_of_data()
    triggers = world.commands("trigger-checkpoint")
    assert triggers
    assert all(isinstance(trigger, TriggerCheckpoint) and trigger.stop for trigger in triggers)
    world.tasks(TaskState.FINISHED)
    assert world.status() is JobStatus.FINISHED


def test_commits_of_all_tasks_are_noted_beside_the_snapshot() -> None:
    world = World(CHECKPOINTS, committables=[{"transaction": "t"}])
    world.start()
    world.sleep(10_000)
    assert not world.committed
    world.commit_done(1)
    assert world.committed == [f"/chk/{'c' * 32}/chk-1"]


def test_checkpoint_that_nobody_answers_expires_and_fails_the_job() -> None:
    world = World({**RESTARTS, "execution.checkpointing.timeout": "5 s"}, acknowledges=False)
    world.start()
    world.sleep(10_000)
    world.sleep(5_000)
    assert world.discarded == [f"/chk/{'c' * 32}/chk-1"]
    assert world.status() is JobStatus.FAILING
    assert "expired" in world.job.failures[0].failure.message


def test_stop_whose_tasks_do_not_end_fails_in_time_and_goes_on_from_its_savepoint() -> None:
    world = World(RESTARTS | {"execution.checkpointing.timeout": "20 s"})
    world.start()
    world.handle(events.SnapshotWanted("d" * 32, True, None, stop=True))
    world.task(SOURCE, 0, TaskState.FINISHED)
    assert world.machine.next_wake() == world.now + 20_000
    world.sleep(20_000)
    assert world.status() is JobStatus.FAILING
    message = world.job.failures[0].failure.message
    assert "sink (1/2), sink (2/2)" in message
    assert "source (1/2)" not in message
    assert world.completed[-1].location in message
    world.tasks(TaskState.CANCELED)
    assert world.status() is JobStatus.RESTARTING


def test_job_that_waits_for_slots_that_cannot_start_fails_with_the_reason() -> None:
    world = World(RESTARTS)
    world.start(slots=1)
    assert world.status() is JobStatus.CREATED
    world.handle(events.SlotsCannotStart("the slots of tm end at once"))
    assert world.status() is JobStatus.RESTARTING
    assert world.job.failures[0].failure.reason == "SlotsCannotStart"
    world.sleep(10_000)
    world.offer(2)
    assert world.status() is JobStatus.RUNNING
    world.handle(events.SlotsCannotStart("of another TaskManager"))
    assert world.status() is JobStatus.RUNNING


def test_superseded_attempt_ends_for_good() -> None:
    world = World(RESTARTS, acknowledges=False)
    world.start()
    world.sleep(10_000)
    world.handle(events.MetadataFailed(1, "attempt 2 runs", is_superseded=True))
    world.tasks(TaskState.CANCELED)
    assert world.status() is JobStatus.FAILED


def test_job_of_a_leader_that_lost_its_term_is_suspended_and_left_to_the_next() -> None:
    world = World(RESTARTS, acknowledges=False)
    world.start()
    world.sleep(10_000)
    world.handle(events.MetadataFailed(1, "another one leads", is_superseded=True, has_lost_term=True))
    world.tasks(TaskState.CANCELED)
    assert world.status() is JobStatus.SUSPENDED
    assert world.results == []
    assert world.pruned == []


def test_state_that_no_operator_claims_is_refused_by_name() -> None:
    world = World(RESTARTS)
    world.start()
    world.sleep(10_000)
    other = World(
        RESTARTS, job_graph=graph().model_copy(update={"vertices": graph().vertices[1:], "edges": []})
    )
    other.completed = world.completed
    other.start()
    assert other.status() is JobStatus.FAILED
    assert other.job.failure is not None
    assert other.job.failure.reason == "StateNotClaimed"
    assert "'source'" in other.job.failure.message


def test_preparation_that_may_be_mended_is_tried_again() -> None:
    world = World(RESTARTS)
    world.machine.start(world.now)
    failure = Failure(exception="StorageUnavailable", message="503")
    world.handle(events.PreparationFailed(failure, is_final=False))
    assert world.status() is JobStatus.RESTARTING
    world.sleep(1_000)
    world.offer(2)
    assert world.status() is JobStatus.RUNNING


def test_illegal_move_tells_the_history() -> None:
    world = World({})
    world.start()
    with pytest.raises(IllegalMove, match="RUNNING to INITIALIZING"):
        world.job.move(JobStatus.INITIALIZING, 1)
    assert set(LEGAL_MOVES) <= set(JobStatus)


def test_failures_in_consequence_stand_beside_their_root_cause() -> None:
    world = World(RESTARTS)
    world.start()
    world.fail_task("first")
    world.task(SOURCE, 1, TaskState.FAILED, Failure(exception="ConnectionError", message="sink is gone"))
    (root,) = world.job.failures
    assert root.failure.message == "first"
    assert root.task_name == "sink (1/2)"
    assert root.taskmanager_id == "slot"
    assert [(record.task_name, record.failure.exception) for record in root.concurrent] == [
        ("source (2/2)", "ConnectionError")
    ]


def test_declined_checkpoint_is_no_failure_of_the_job() -> None:
    world = World(
        {**RESTARTS, "execution.checkpointing.tolerable-failed-checkpoints": "1"}, acknowledges=False
    )
    world.start()
    world.sleep(10_000)
    failure = Failure(exception="StateNotSerializable", message="a lock cannot be stored")
    world.report(CheckpointDeclined(subtask=world.subtask(SINK, 0), checkpoint_id=1, failure=failure))
    assert world.status() is JobStatus.RUNNING
    assert not world.job.failures
    latest = world.job.coordinator.history.latest_failed
    assert latest is not None
    assert "a lock" in str(latest.failure)


STEPS = st.sampled_from(
    [
        "fail",
        "cancel-tasks",
        "sleep",
        "offer",
        "gone",
        "savepoint",
        "stop",
        "finish",
        "cancel",
        "end",
        "late-ack",
    ]
)


@settings(max_examples=150, deadline=None)
@given(st.lists(STEPS, max_size=25))
def test_any_order_of_events_keeps_the_job_sound(steps: list[str]) -> None:
    world = World(RESTARTS)
    world.start()
    for number, step in enumerate(steps):
        if step == "fail":
            world.fail_task()
        elif step == "cancel-tasks":
            world.tasks(TaskState.CANCELED)
        elif step == "sleep":
            world.sleep(10_000)
        elif step == "offer":
            world.offer(2)
        elif step == "gone":
            world.handle(events.SlotsGone(tuple(world.job.slots), "gone"))
        elif step in ("savepoint", "stop"):
            world.handle(events.SnapshotWanted(f"{number:032x}", True, None, stop=step == "stop"))
        elif step == "finish":
            world.tasks(TaskState.FINISHED)
        elif step == "cancel":
            world.handle(events.CancelWanted())
        elif step == "end":
            world.end_of_data()
        else:
            world.acknowledge(SOURCE, 0, number)
        check(world)


def check(world: World) -> None:
    job = world.job
    ids = [metadata.checkpoint_id for metadata in world.written]
    assert ids == sorted(set(ids)), "checkpoint ids rise"
    if job.status is JobStatus.RUNNING:
        up = (TaskState.RUNNING, TaskState.FINISHED)
        assert all(execution.state in up for execution in job.executions.values())
    if job.status.is_terminal:
        assert not job.slots
        assert all(execution.state in ENDED for execution in job.executions.values())
        assert all(state.is_done for state in job.coordinator.requests.values())
        assert not job.coordinator.pending
    assert (SINK, 0) in job.executions or not job.executions
