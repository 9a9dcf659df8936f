"""Upstream's upgrade decision table, row by row, as golden rollouts; what differs is that state on storage is the truth.

Where upstream needs HA metadata, waits for ever, or asks for a manual restore, the newest state on storage is restored.
"""

import pytest

from penstock_api.reasons import Reason
from penstock_api.v1beta1.conditions import ConditionType
from penstock_api.v1beta1.status import FlinkJobState, LifecycleState
from penstock_operator.model.plan import Rescale, TriggerSavepoint
from tests.operator.simulation import World, problem

AGE = "job.upgrade.last-state.max.allowed.checkpoint.age"
CANCEL = "job.upgrade.last-state.job-cancel.enabled"
FALLBACK = "job.upgrade.last-state-fallback.enabled"


def running(world: World, mode: str = "savepoint", **options: str) -> World:
    world.defaults["kubernetes.operator.snapshot.resource.enabled"] = "false"
    world.edit(set_job(upgradeMode=mode))
    for key, value in options.items():
        world.edit(set_option(key, value))
    world.settle()
    for _ in range(3):
        world.complete_checkpoint()
    world.settle()
    return world


def set_job(**fields):
    return lambda spec: spec["job"].update(fields)


def set_option(key: str, value: str):
    return lambda spec: spec["flinkConfiguration"].update({f"kubernetes.operator.{key}": value})


def changed(world: World, sentence: str) -> World:
    world.say(sentence)
    world.edit(set_job(args=["--fast"]))
    return world


def runs_the_change(world: World) -> bool:
    status = world.resource.status
    is_there = bool(world.launched and world.launched.arguments == ("--fast",))
    return is_there and status.lifecycle_state is LifecycleState.STABLE and status.error is None


def restored(world: World) -> str:
    return world.resource.status.job_status.upgrade_savepoint_path or ""


def why_it_waits(world: World) -> str | None:
    found = next(c for c in world.resource.status.conditions if c.type == ConditionType.PROGRESSING.value)
    return found.reason


@pytest.mark.parametrize("state", ["RUNNING", "RESTARTING", "FAILED"])
def test_row_1_stateless(world: World, golden, state: str) -> None:
    running(world, "stateless")
    world.job = FlinkJobState(state)
    changed(world, f"the job is {state} and the new mode stateless").settle()
    assert runs_the_change(world)
    assert not restored(world)
    golden(world)


@pytest.mark.parametrize("state", ["FAILED", "FINISHED", "CANCELED"])
def test_row_2_job_is_over(world: World, golden, state: str) -> None:
    running(world)
    before, world.job = world.job_id, FlinkJobState(state)
    changed(world, f"the job is {state}").settle()
    assert runs_the_change(world)
    assert restored(world).endswith("chk-3")
    assert world.job_id != before, "an id that is over is not used again"
    golden(world)


def test_row_2_state_of_a_job_that_is_over_is_gone(world: World, golden) -> None:
    running(world)
    world.job = FlinkJobState.FAILED
    world.snapshots.clear()
    changed(world, "the job failed and its state is gone").settle()
    assert Reason.EMPTY_STATE_REFUSED in (world.resource.status.error or "")
    assert not world.jm
    golden(world)


def test_row_2_bounded_job_without_state_runs_again(world: World) -> None:
    world.settle()
    world.job = FlinkJobState.FINISHED
    world.settle()
    changed(world, "a finished job that never had state").settle()
    assert runs_the_change(world), "nothing is missed that was never there"


def test_row_3_cancelling(world: World, golden) -> None:
    running(world, "last-state")
    world.job, world.cancelling_turns = FlinkJobState.CANCELLING, 5
    changed(world, "someone cancels the job, and the spec changes")
    world.turn()
    assert world.jm, "nothing is done to a job that is being cancelled"
    assert why_it_waits(world) == Reason.UPGRADE_WAITS_FOR_CANCELLATION
    for _ in range(5):
        world.turn()
    world.settle()
    assert runs_the_change(world)
    golden(world)


def test_row_3_cancelling_without_end(world: World) -> None:
    running(world, "last-state")
    world.job, world.cancelling_turns = FlinkJobState.CANCELLING, 10_000
    changed(world, "a cancellation that never ends")
    world.turn()
    world.clock += 301_000
    world.settle()
    assert runs_the_change(world)


def test_row_4_savepoint_of_a_running_job(world: World, golden) -> None:
    running(world)
    changed(world, "the job runs").settle()
    assert runs_the_change(world)
    assert restored(world) == "s3://state/sp/savepoint-4"
    golden(world)


@pytest.mark.parametrize("state", ["RESTARTING", "FAILING", "CREATED"])
def test_row_5_fallback_to_last_state(world: World, golden, state: str) -> None:
    running(world)
    world.job = FlinkJobState(state)
    changed(world, f"the job is {state}").settle()
    assert runs_the_change(world)
    assert restored(world).endswith("chk-3")
    golden(world)


def test_row_6_no_fallback(world: World, golden) -> None:
    running(world, **{FALLBACK: "false"})
    world.job = FlinkJobState.RESTARTING
    changed(world, "the job restarts, and fallback is off")
    for _ in range(3):
        world.turn()
    assert why_it_waits(world) == Reason.UPGRADE_WAITS_FOR_JOB
    assert world.resource.status.error is None
    world.say("other acts are allowed: the JobManager is deleted, and comes back with the old version")
    world.lose_processes()
    world.settle()
    assert runs_the_change(world)
    assert restored(world).startswith("s3://state/sp/"), "in the end a savepoint was taken"
    golden(world)


def test_row_6_version_that_never_ran_is_not_waited_for(world: World, golden) -> None:
    running(world, **{FALLBACK: "false"})
    world.say("a version whose JobManager never answers")
    world.edit(lambda spec: spec.update(image="no/such:image"))
    for _ in range(5):
        world.turn()
    world.unreachable = True
    world.turn()
    world.say("corrected")
    world.edit(lambda spec: spec.update(image="penstock/runtime:good"))
    world.turn()
    assert not world.jm or world.resource.status.lifecycle_state is LifecycleState.UPGRADING
    world.unreachable = False
    world.settle()
    assert world.resource.status.lifecycle_state is LifecycleState.STABLE
    assert restored(world) == "s3://state/sp/savepoint-4"
    golden(world)


def test_row_7_version_changes(world: World, golden) -> None:
    world.edit(lambda spec: spec.update(engine="Flink", flinkVersion="v1_20", mode="standalone"))
    running(world, "last-state")
    world.say("another Flink version")
    world.edit(lambda spec: spec.update(flinkVersion="v2_0"))
    world.settle()
    assert restored(world) == "s3://state/sp/savepoint-4", (
        "checkpoints of another version may not be readable"
    )
    golden(world)


def test_row_7_version_changes_and_the_job_does_not_run(world: World) -> None:
    world.edit(lambda spec: spec.update(engine="Flink", flinkVersion="v1_20", mode="standalone"))
    running(world)
    world.job = FlinkJobState.RESTARTING
    world.edit(lambda spec: spec.update(flinkVersion="v2_0"))
    world.settle()
    assert restored(world).endswith("chk-3")


def test_row_8_last_state_of_a_running_job(world: World, golden) -> None:
    running(world, "last-state")
    before = world.job_id
    changed(world, "the job runs").settle()
    assert runs_the_change(world)
    assert world.job_id == before
    assert not world.locations
    golden(world)


def test_row_8_checkpoint_is_young(world: World) -> None:
    running(world, "last-state", **{AGE: "5 min"})
    world.clock += 600_000
    world.checkpoint_age = 60_000
    changed(world, "its newest checkpoint is a minute old").settle()
    assert runs_the_change(world)
    assert not world.locations


def test_row_8_job_is_young(world: World) -> None:
    running(world, "last-state", **{AGE: "5 min"})
    world.checkpoint_age = 10**12
    changed(world, "it started less than five minutes ago").settle()
    assert runs_the_change(world)
    assert not world.locations


def test_row_8_checkpoint_is_old(world: World, golden) -> None:
    running(world, "last-state", **{AGE: "5 min"})
    world.clock += 600_000
    world.checkpoint_age = 600_000
    changed(world, "its newest checkpoint is ten minutes old").settle()
    assert runs_the_change(world)
    assert restored(world) == "s3://state/sp/savepoint-4"
    golden(world)


def test_row_8_checkpoint_is_old_and_another_is_being_taken(world: World, golden) -> None:
    running(world, "last-state", **{AGE: "5 min"})
    world.clock += 600_000
    world.checkpoint_age, world.checkpoint_begun = 600_000, world.clock - 30_000
    changed(world, "ten minutes old, and another was begun half a minute ago")
    for _ in range(2):
        world.turn()
    assert why_it_waits(world) == Reason.UPGRADE_WAITS_FOR_CHECKPOINT
    world.say("it completes")
    world.checkpoint_begun, world.checkpoint_age = None, 1000
    world.complete_checkpoint()
    world.settle()
    assert runs_the_change(world)
    assert restored(world).endswith("chk-4")
    golden(world)


@pytest.mark.parametrize("state", ["RUNNING", "RESTARTING"])
def test_row_9_cancel_over_rest(world: World, golden, state: str) -> None:
    running(world, "last-state", **{CANCEL: "true"})
    before, world.job = world.job_id, FlinkJobState(state)
    changed(world, f"the job is {state}, and may be cancelled")
    world.turn()
    assert world.resource.status.job_status.state is FlinkJobState.CANCELLING
    world.settle()
    assert runs_the_change(world)
    assert restored(world).endswith("chk-3")
    assert world.job_id != before
    golden(world)


def test_row_9_job_that_deletes_its_checkpoints_is_not_cancelled(world: World) -> None:
    retention = {"execution.checkpointing.externalized-checkpoint-retention": "DELETE_ON_CANCELLATION"}
    world.edit(lambda spec: spec["flinkConfiguration"].update(retention))
    running(world, "last-state", **{CANCEL: "true"})
    changed(world, "cancelling would delete the state").settle()
    assert runs_the_change(world)
    assert not any("CancelJob" in line for line in world.lines)


def test_fallback_a_job_manager_does_not_answer(world: World, golden) -> None:
    running(world, "last-state", **{CANCEL: "true"})
    world.unreachable = True
    changed(world, "the JobManager does not answer")
    for _ in range(3):
        world.turn()
    world.unreachable = False
    world.settle()
    assert runs_the_change(world)
    assert restored(world).endswith("chk-3")
    golden(world)


def test_fallback_b_pod_that_never_started(world: World, golden) -> None:
    running(world)
    world.say("an image that does not exist")
    world.edit(lambda spec: spec.update(image="no/such:image"))
    world.cluster_problem = None
    for _ in range(3):
        world.turn()
    world.cluster_problem = problem(Reason.IMAGE_PULL_BACK_OFF)
    for _ in range(4):
        world.turn()
    assert world.job is FlinkJobState.INITIALIZING
    world.say("corrected")
    world.cluster_problem = None
    world.edit(lambda spec: spec.update(image="penstock/runtime:good"))
    world.settle()
    assert world.resource.status.lifecycle_state is LifecycleState.STABLE
    assert restored(world) == "s3://state/sp/savepoint-4", "the state from before the version that never ran"
    golden(world)


@pytest.mark.parametrize("mode", ["savepoint", "last-state"])
def test_fallback_c_everything_is_gone_but_the_state(world: World, golden, mode: str) -> None:
    running(world, mode)
    world.lose_processes()
    changed(world, "JobManager and TaskManagers are gone; upstream asks for a manual restore").settle()
    assert runs_the_change(world)
    assert restored(world).endswith("chk-3")
    golden(world)


def test_fallback_d_state_is_gone_too(world: World, golden) -> None:
    running(world)
    world.lose_processes()
    world.snapshots.clear()
    changed(world, "JobManager and state are gone").settle()
    assert Reason.EMPTY_STATE_REFUSED in (world.resource.status.error or "")
    world.say("the owner names a savepoint")
    from penstock_operator.model.facts import Snapshot

    world.snapshots.append(Snapshot("s3://backup/sp", 2, 1, "f" * 32, True))
    world.edit(set_job(savepointRedeployNonce=1, initialSavepointPath="s3://backup/sp"))
    world.settle()
    assert runs_the_change(world)
    assert restored(world) == "s3://backup/sp"
    golden(world)


@pytest.mark.parametrize("ignore", ["false", "true"])
def test_savepoint_that_is_pending(world: World, golden, ignore: str) -> None:
    running(world, "last-state", **{"job.upgrade.ignore-pending-savepoint": ignore})
    world.savepoints_wait = True
    world.edit(set_job(savepointTriggerNonce=1))
    world.turn()
    changed(world, "a savepoint by nonce is being taken, and the spec changes")
    for _ in range(3):
        world.turn()
    if ignore == "false":
        assert why_it_waits(world) == Reason.UPGRADE_WAITS_FOR_SAVEPOINT
        assert world.job is FlinkJobState.RUNNING
    world.savepoints_wait = False
    world.turn()
    world.settle()
    assert runs_the_change(world)
    assert restored(world).startswith("s3://state/sp/") is (ignore == "false")
    golden(world)


def test_suspended_job_just_notes_a_change(world: World, golden) -> None:
    running(world)
    world.edit(set_job(state="suspended"))
    world.settle()
    changed(world, "the spec of a suspended job changes").settle()
    assert not world.jm
    world.say("resume")
    world.edit(set_job(state="running"))
    world.settle()
    assert runs_the_change(world)
    golden(world)


@pytest.mark.parametrize("mode", ["stateless", "savepoint", "last-state"])
def test_suspend_keeps_what_its_mode_says(world: World, golden, mode: str) -> None:
    running(world, mode)
    world.say(f"suspend, {mode}")
    world.edit(set_job(state="suspended"))
    world.settle()
    assert world.resource.status.lifecycle_state is LifecycleState.SUSPENDED
    world.say("resume, by another mode: what was kept is what is restored")
    world.edit(set_job(state="running", upgradeMode="savepoint"))
    world.settle()
    assert (
        restored(world).rpartition("/")[2]
        == {
            "stateless": "",
            "savepoint": "savepoint-4",
            "last-state": "chk-3",
        }[mode]
    )
    golden(world)


def test_resume_without_state_if_that_is_asked(world: World) -> None:
    running(world)
    world.edit(set_job(state="suspended"))
    world.settle()
    world.edit(set_job(state="running", upgradeMode="stateless"))
    world.settle()
    assert not restored(world)


def test_drain_is_for_deletion_alone(world: World) -> None:
    running(world, **{"job.drain-on-savepoint-deletion": "true", "job.savepoint-on-deletion": "true"})
    world.edit(set_job(args=["--fast"]))
    asked = [
        action for _ in range(3) for action in world.turn().actions if isinstance(action, TriggerSavepoint)
    ]
    assert [action.drain for action in asked] == [False]
    world.settle()
    world.delete()
    world.clock = max(world.clock, 1_800_000_010_000)
    asked = [
        action for _ in range(3) for action in world.turn().actions if isinstance(action, TriggerSavepoint)
    ]
    assert [action.drain for action in asked] == [True]


def test_status_edited_by_hand_is_honoured(world: World) -> None:
    from penstock_operator.model.facts import Snapshot

    running(world)
    world.edit(set_job(state="suspended"))
    world.settle()
    job = world.resource.status.job_status
    assert job.savepoint_info
    assert job.savepoint_info.last_savepoint
    world.snapshots.append(Snapshot("s3://mine/sp", 9, 1, job.job_ids[0], True))
    mine = job.savepoint_info.last_savepoint.model_copy(update={"location": "s3://mine/sp"})
    info = job.savepoint_info.model_copy(update={"last_savepoint": mine})
    edited = job.model_copy(update={"upgrade_savepoint_path": None, "savepoint_info": info})
    world._write(world.resource.status.model_copy(update={"job_status": edited}))
    world.edit(set_job(state="running"))
    world.settle()
    assert restored(world) == "s3://mine/sp"


def test_change_back_while_the_savepoint_is_taken(world: World, golden) -> None:
    running(world)
    changed(world, "a change")
    world.turn()
    world.say("taken back while the savepoint is under way")
    world.edit(set_job(args=[]))
    world.settle()
    assert world.launched
    assert world.launched.arguments == ()
    assert restored(world) == "s3://state/sp/savepoint-4"
    assert any(Reason.UPGRADE_ABORTED in line for line in world.lines)
    assert world.resource.status.lifecycle_state is LifecycleState.STABLE
    golden(world)


def test_change_back_while_the_new_version_starts(world: World, golden) -> None:
    running(world, **{FALLBACK: "false"})
    world.starts_as = FlinkJobState.INITIALIZING
    changed(world, "a version that never gets to run")
    for _ in range(6):
        world.turn()
    assert world.launched
    assert world.launched.arguments == ("--fast",)
    world.say("taken back")
    world.starts_as = FlinkJobState.RUNNING
    world.edit(set_job(args=[]))
    world.settle()
    assert world.launched.arguments == ()
    assert restored(world) == "s3://state/sp/savepoint-4", "the very state that the stop left"
    assert world.resource.status.lifecycle_state is LifecycleState.STABLE
    golden(world)


def test_change_back_of_a_scaling_asks_for_the_old_width(world: World) -> None:
    running(world)
    world.edit(set_job(parallelism=4))
    world.turn()
    world.edit(set_job(parallelism=2))
    asked = [action for _ in range(4) for action in world.turn().actions if isinstance(action, Rescale)]
    assert not asked, "it was never asked for the new one"
    world.settle()
    assert world.resource.status.lifecycle_state is LifecycleState.STABLE
