"""Where upstream loses state or asks for a manual restore: each test fails on its behaviour."""

import pytest

from penstock_api.reasons import Reason
from penstock_api.v1beta1.status import FlinkJobState, LifecycleState
from penstock_operator.model.facts import Snapshot
from penstock_operator.model.plan import Stop
from tests.operator.simulation import World


def running(world: World, **job: object) -> World:
    world.defaults["kubernetes.operator.snapshot.resource.enabled"] = "false"
    world.edit(set_job(**job))
    world.settle()
    for _ in range(3):
        world.complete_checkpoint()
    world.settle()
    return world


def set_job(**fields):
    return lambda spec: spec["job"].update(fields)


def restored(world: World) -> str:
    return world.resource.status.job_status.upgrade_savepoint_path or ""


def recorded(world: World) -> str:
    last = world.resource.status.job_status.last_checkpoint
    return (last.path if last else None) or ""


def test_newest_checkpoint_is_recorded_once_a_minute_at_rest(world: World) -> None:
    running(world)
    world.pass_time(120)
    writes = set()
    for _ in range(60):
        world.complete_checkpoint()
        world.turn()
        writes.add(recorded(world))
    assert len(writes) <= 2, "a checkpoint a second is not a write a second"
    world.pass_time(70)
    assert recorded(world) == world._chk()


@pytest.mark.parametrize("mode", ["savepoint", "last-state"])
def test_newest_checkpoint_is_recorded_before_a_stop(world: World, mode: str) -> None:
    running(world, upgradeMode=mode)
    world.pass_time(120)
    for _ in range(5):
        world.complete_checkpoint()
    world.edit(set_job(args=["--fast"]))
    world.turn()
    assert recorded(world).endswith("chk-8"), "before the act that depends on it"
    world.settle()
    assert world.resource.status.lifecycle_state is LifecycleState.STABLE


def test_last_state_needs_nothing_but_storage(world: World, golden) -> None:
    running(world, upgradeMode="last-state")
    world.say("everything is deleted, also what the status remembers of checkpoints")
    world.lose_processes()
    status = world.resource.status
    bare = status.job_status.model_copy(update={"last_checkpoint": None, "upgrade_savepoint_path": None})
    world._write(status.model_copy(update={"job_status": bare}))
    world.edit(set_job(args=["--fast"]))
    world.settle()
    assert restored(world).endswith("chk-3")
    golden(world)


def test_savepoint_that_completes_after_its_deadline_is_found(world: World, golden) -> None:
    running(world)
    world.savepoints_wait = True
    world.say("the savepoint of the stop takes too long")
    world.edit(set_job(args=["--fast"]))
    world.turn()
    world.clock += 601_000
    world.turn()
    assert Reason.SAVEPOINT_FAILED in (world.resource.status.error or "")
    assert world.resource.status.pending_savepoint is None
    world.say("it completes all the same, and the job has stopped")
    world.savepoints_wait = False
    world.turn()
    world.settle()
    assert restored(world) == "s3://state/sp/savepoint-4", (
        "upstream starts from the checkpoint before, or not at all"
    )
    assert len(world.locations) == 1
    assert world.resource.status.error is None
    golden(world)


def test_deadline_of_a_stop_is_that_of_a_checkpoint(world: World) -> None:
    world.edit(lambda spec: spec["flinkConfiguration"].update({"execution.checkpointing.timeout": "30 min"}))
    running(world)
    world.savepoints_wait = True
    world.edit(set_job(args=["--fast"]))
    world.turn()
    world.clock += 1_500_000
    world.turn()
    assert world.resource.status.pending_savepoint is not None
    assert world.resource.status.error is None


def test_stop_policy_none_takes_nothing_and_keeps_everything(world: World, golden) -> None:
    running(world, stopPolicy="none")
    world.say("stop at once, in savepoint mode")
    world.edit(set_job(args=["--fast"]))
    world.settle()
    assert not world.locations
    assert restored(world).endswith("chk-3")
    golden(world)


def test_stop_policy_savepoint_of_a_stateless_job_is_a_backup(world: World, golden) -> None:
    running(world, upgradeMode="stateless", stopPolicy="savepoint")
    world.say("a savepoint is taken, and the next version begins without state")
    world.edit(set_job(args=["--fast"]))
    world.settle()
    assert len(world.locations) == 1
    assert not restored(world)
    info = world.resource.status.job_status.savepoint_info
    assert info
    assert [taken.location for taken in info.savepoint_history] == ["s3://state/sp/savepoint-4"]
    golden(world)


def test_stop_policy_checkpoint_of_a_savepoint_job(world: World) -> None:
    running(world, stopPolicy="checkpoint")
    world.edit(set_job(args=["--fast"]))
    world.settle()
    assert not world.locations
    assert restored(world).endswith("chk-3")


def test_restore_policy_savepoint_passes_over_newer_checkpoints(world: World, golden) -> None:
    running(world, upgradeMode="last-state")
    world.edit(set_job(savepointTriggerNonce=1))
    world.settle()
    world.complete_checkpoint()
    world.settle()
    world.say("back to the newest savepoint, though a checkpoint is newer")
    world.edit(set_job(restorePolicy="savepoint", args=["--fast"]))
    world.settle()
    assert restored(world) == "s3://state/sp/savepoint-4"
    world.say("the JobManager is lost: the line that was left behind does not come back")
    world.lose_processes()
    world.settle()
    assert restored(world) == "s3://state/sp/savepoint-4"
    golden(world)


def test_restore_policy_savepoint_is_not_for_recoveries(world: World) -> None:
    running(world, restorePolicy="savepoint")
    world.edit(set_job(savepointTriggerNonce=1))
    world.settle()
    world.complete_checkpoint()
    world.settle()
    world.lose_processes()
    world.settle()
    assert restored(world).endswith("chk-5"), "nobody changed anything: the newest state is what was lost"


def test_restore_policy_savepoint_without_one_is_refused(world: World, golden) -> None:
    running(world, upgradeMode="last-state", restorePolicy="savepoint")
    world.say("there is no savepoint")
    world.edit(set_job(args=["--fast"]))
    world.settle()
    assert Reason.STATE_NOT_FOUND in (world.resource.status.error or "")
    assert not world.jm
    world.say("the newest, then")
    world.edit(set_job(restorePolicy="latest"))
    world.settle()
    assert restored(world).endswith("chk-3")
    golden(world)


def test_restore_policy_none_begins_anew(world: World) -> None:
    running(world, restorePolicy="none")
    world.edit(set_job(args=["--fast"]))
    world.settle()
    assert len(world.locations) == 1
    assert not restored(world)
    assert len(world.resource.status.job_status.job_ids) == 1


def test_newest_wins_by_time_and_not_by_kind(world: World) -> None:
    running(world)
    world.edit(set_job(savepointTriggerNonce=1))
    world.settle()
    world.complete_checkpoint()
    world.job = FlinkJobState.FAILED
    world.edit(set_job(args=["--fast"]))
    world.settle()
    assert restored(world).endswith("chk-5"), "upstream goes back to the savepoint that it recorded"


def test_request_that_was_lost_is_sent_again_under_its_id(world: World) -> None:
    running(world)
    world.edit(set_job(args=["--fast"]))
    world.crash_before = "act"
    world.turn()
    pending = world.resource.status.pending_savepoint
    assert pending
    assert not world.triggers
    world.turn()
    assert list(world.triggers) == [pending.trigger_id]


def test_nothing_is_stopped_before_the_path_is_recorded(world: World) -> None:
    running(world)
    world.edit(set_job(args=["--fast"]))
    while True:
        plan = world.turn()
        if any(isinstance(action, Stop) for action in plan.actions):
            break
        assert world.turns < 30
    assert plan.status.job_status.upgrade_savepoint_path == "s3://state/sp/savepoint-4"


def test_foreign_state_is_never_restored(world: World) -> None:
    running(world)
    world.snapshots.append(Snapshot("s3://state/chk/other/chk-99", 99, world.clock, "e" * 32))
    world.lose_processes()
    world.settle()
    assert restored(world).endswith("chk-3")


def test_checkpoint_that_is_not_whole_is_not_recorded_and_told_of(world: World, golden) -> None:
    running(world)
    world.say("the newest checkpoint lacks an object, and nobody is about to need it")
    world.complete_checkpoint()
    world.newest_is_broken = True
    world.pass_time(90)
    assert recorded(world).endswith("chk-3")
    assert Reason.STATE_INCOMPLETE in (world.resource.status.error or "")
    assert world.job is FlinkJobState.RUNNING
    world.say("the next is whole")
    world.newest_is_broken = False
    world.complete_checkpoint()
    world.settle()
    assert recorded(world).endswith("chk-5")
    assert world.resource.status.error is None
    golden(world)
