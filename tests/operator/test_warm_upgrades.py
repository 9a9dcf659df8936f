"""Warm upgrades as golden rollouts: the new version's pods first, then the stop; whatever happens, one job and all its state."""

import pytest

from penstock_api.reasons import Reason
from penstock_api.v1beta1.conditions import ConditionType
from penstock_api.v1beta1.status import FlinkJobState, LifecycleState
from penstock_api.v1beta1.warm import WarmPhase
from penstock_operator.decide.validate import validate
from tests.operator.simulation import World, problem
from tests.operator.test_upgrade_decisions import restored, running, runs_the_change, set_job


def warm(world: World, mode: str = "savepoint", **options: str) -> World:
    world.edit(lambda spec: spec.update(upgradeStrategy="Warm"))
    return running(world, mode, **options)


def change(world: World, sentence: str, *arguments: str) -> World:
    world.say(sentence)
    world.edit(set_job(args=list(arguments or ["--fast"])))
    return world


def phase(world: World) -> WarmPhase | None:
    held = world.resource.status.warm
    return held.phase if held is not None else None


def until(world: World, wanted: WarmPhase | None) -> World:
    for _ in range(15):
        if phase(world) is wanted:
            return world
        world.turn()
    raise AssertionError(f"{phase(world)} is not {wanted}:\n" + "\n".join(world.lines))


def why(world: World, kind: ConditionType) -> tuple[str, str | None]:
    found = next(c for c in world.resource.status.conditions if c.type == kind.value)
    return found.status.value, found.reason


def assert_at_rest(world: World) -> None:
    assert world.other is None
    assert world.resource.status.warm is None


def test_warm_upgrade_with_savepoint(world, golden):
    warm(world)
    change(world, "the program changes").settle()
    assert runs_the_change(world)
    assert restored(world).startswith("s3://state/sp/")
    assert world.resource.status.cluster_name == world.name == "clicks-2"
    info = world.resource.status.task_manager
    assert info
    assert info.label_selector == "component=taskmanager,app=clicks-2"
    assert_at_rest(world)
    change(world, "and once more", "--fast", "--again").settle()
    assert world.name == "clicks-3"
    assert_at_rest(world)
    world.edit(lambda spec: spec.update(upgradeStrategy="Recreate"))
    change(world, "the owner is content with a gap").settle()
    assert runs_the_change(world)
    assert world.name == "clicks"
    assert world.resource.status.cluster_name is None
    assert_at_rest(world)
    golden(world)


@pytest.mark.parametrize("mode", ["last-state", "stateless"])
def test_warm_upgrade_cancels_where_no_savepoint_is_wanted(world, golden, mode):
    warm(world, mode)
    change(world, "the program changes").settle()
    assert runs_the_change(world)
    assert bool(restored(world)) is (mode == "last-state")
    assert_at_rest(world)
    golden(world)


def test_warm_upgrade_of_a_job_that_must_keep_its_checkpoints(world, golden):
    warm(world, "last-state")
    key = "execution.checkpointing.externalized-checkpoint-retention"
    world.edit(lambda spec: spec["flinkConfiguration"].update({key: "DELETE_ON_CANCELLATION"}))
    world.settle()
    world.complete_checkpoint()
    change(world, "a cancellation would delete them: the processes end, and only then the word is given")
    world.settle()
    assert runs_the_change(world)
    assert "chk-" in restored(world)
    assert_at_rest(world)
    golden(world)


@pytest.mark.parametrize("point", ["status", "act", "after"])
def test_operator_dies_in_every_step_of_a_warm_upgrade(world, golden, point):
    warm(world)
    change(world, "the program changes, and the operator dies in every turn")
    for _ in range(30):
        if runs_the_change(world) and phase(world) is None:
            break
        world.crash_before = point
        world.turn()
        world.turn()
    assert runs_the_change(world)
    assert restored(world).startswith("s3://state/sp/")
    assert_at_rest(world)
    golden(world)


def test_warm_upgrade_without_room_is_by_recreate(world, golden):
    warm(world)
    world.room = problem(Reason.WARM_UPGRADE_NOT_POSSIBLE, "quota team-a leaves 1 of 3 pods")
    change(world, "there is no room for both").settle()
    assert runs_the_change(world)
    assert world.name == "clicks"
    assert sum("WarmUpgradeNotPossible" in line for line in world.lines) == 1
    golden(world)


def test_pods_of_a_warm_upgrade_find_no_node(world, golden):
    warm(world)
    world.waiting_problem = problem(Reason.POD_NOT_SCHEDULED, "0/3 nodes are available")
    change(world, "no node has room").turn()
    world.pass_time(290)
    assert phase(world) is WarmPhase.PREPARING
    assert world.job is FlinkJobState.RUNNING
    world.pass_time(40)
    world.settle()
    assert runs_the_change(world)
    assert world.name == "clicks"
    assert_at_rest(world)
    golden(world)


def test_pods_of_a_warm_upgrade_that_do_not_come_up_leave_the_old_job_running(world, golden):
    warm(world)
    before = world.job_id
    world.waiting_problem = problem(Reason.IMAGE_PULL_FAILED, "image 'nope' cannot be pulled")
    change(world, "the new image is not there").turn()
    world.pass_time(330)
    world.settle()
    assert (world.job, world.job_id) == (FlinkJobState.RUNNING, before)
    assert world.other is None
    assert why(world, ConditionType.DEGRADED) == ("True", "WarmUpgradeFailed")
    assert why(world, ConditionType.STALLED)[0] == "True"
    world.say("the old job is looked after as ever")
    world.lose_processes()
    world.settle()
    assert world.launched
    assert world.launched.arguments == ()
    world.waiting_problem = None
    change(world, "the owner corrects it", "--fast", "--corrected")
    world.settle()
    assert world.launched.arguments == ("--fast", "--corrected")
    assert world.resource.status.lifecycle_state is LifecycleState.STABLE
    assert_at_rest(world)
    golden(world)


def test_program_that_a_warm_upgrade_cannot_fetch_stops_nothing(world, golden):
    warm(world)
    world.waiting_failure = problem(Reason.ARTIFACT_NOT_FOUND, "s3://programs/v2.py is not there")
    change(world, "the new program is not there").settle()
    assert world.job is FlinkJobState.RUNNING
    assert why(world, ConditionType.DEGRADED) == ("True", "WarmUpgradeFailed")
    assert not world.triggers
    golden(world)


def test_warm_upgrade_is_taken_back_while_pods_come_up(world, golden):
    warm(world)
    change(world, "the program changes").turn()
    assert phase(world) is WarmPhase.PREPARING
    world.say("and back")
    world.edit(lambda spec: spec["job"].pop("args"))
    world.settle()
    assert world.job is FlinkJobState.RUNNING
    assert not world.triggers
    assert_at_rest(world)
    golden(world)


def test_warm_upgrade_is_changed_while_the_savepoint_is_taken(world, golden):
    warm(world)
    world.savepoints_wait = True
    until(change(world, "the program changes"), WarmPhase.READY)
    world.turn()
    assert world.triggers
    change(world, "and again, while the old job is being stopped", "--fast", "--again")
    world.turn()
    world.savepoints_wait = False
    world.settle()
    assert world.launched
    assert world.launched.arguments == ("--fast", "--again")
    assert restored(world).startswith("s3://state/sp/")
    assert_at_rest(world)
    golden(world)


def test_savepoint_of_a_warm_upgrade_fails_and_is_tried_again(world, golden):
    warm(world)
    world.savepoints_fail = "storage is away"
    until(change(world, "the savepoint fails at first"), WarmPhase.READY)
    for _ in range(4):
        world.turn()
    assert world.job is FlinkJobState.RUNNING
    world.savepoints_fail = None
    world.settle()
    assert runs_the_change(world)
    assert world.name == "clicks-2"
    assert_at_rest(world)
    golden(world)


def test_old_job_dies_while_a_warm_upgrade_prepares(world, golden):
    warm(world)
    change(world, "the program changes").turn()
    world.lose_processes()
    world.say("the old pods are deleted behind the operator's back")
    world.settle()
    assert runs_the_change(world)
    assert "chk-3" in restored(world)
    assert_at_rest(world)
    golden(world)


def test_job_is_deleted_in_a_warm_upgrade(world):
    warm(world)
    until(change(world, "the program changes"), WarmPhase.READY)
    world.delete()
    world.other = None  # the platform removes all that is the resource's
    world.settle()
    assert world.gone


def test_session_cluster_is_never_upgraded_warm(world):
    world.edit(lambda spec: (spec.pop("job"), spec.update(upgradeStrategy="Warm")))
    assert "upgradeStrategy" in validate(world.resource)[0].message
