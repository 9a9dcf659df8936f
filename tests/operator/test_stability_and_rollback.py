"""When a spec counts as stable, and the way back to the last one that was; golden rollouts under `golden/`."""

import pytest

from penstock_api.reasons import Reason
from penstock_api.v1beta1.status import FlinkJobState, LifecycleState, ReconciliationState
from penstock_operator.model.facts import ApplicationFacts
from tests.operator.simulation import World, problem

WINDOW = "kubernetes.operator.deployment.stability.window"
ROLLBACK = "kubernetes.operator.deployment.rollback.enabled"
INTERVAL = "execution.checkpointing.interval"


def setting(values: dict[str, str]):
    return lambda spec: spec["flinkConfiguration"].update(values)


def set_job(**fields):
    return lambda spec: spec["job"].update(fields)


def life(world: World) -> LifecycleState | None:
    return world.resource.status.lifecycle_state


def stable_on(world: World, checkpoints: int = 3, **job) -> World:
    """A stable first version, with rollback on."""
    world.edit(setting({ROLLBACK: "true"}))
    world.edit(set_job(**job))
    world.settle()
    for _ in range(checkpoints):
        world.complete_checkpoint()
    world.settle()
    assert life(world) is LifecycleState.STABLE
    return world


def fails_after(world: World, edit) -> None:
    """A change whose job fails for good; what is started after the rollback began runs."""
    world.starts_as = FlinkJobState.FAILED
    world.edit(edit)
    for _ in range(20):
        if world.resource.status.reconciliation_status.rollback is not None:
            break
        world.turn()
    world.starts_as = FlinkJobState.RUNNING
    world.settle()


def test_stable_after_a_window_without_restarts(world: World, golden) -> None:
    world.defaults = {WINDOW: "30 s"}
    world.settle()
    assert life(world) is LifecycleState.DEPLOYED
    world.say("twenty seconds, then the job restarts once")
    world.pass_time(20)
    world.restarts += 1
    world.pass_time(20)
    assert life(world) is LifecycleState.DEPLOYED
    world.say("thirty seconds without a restart")
    world.pass_time(20)
    assert life(world) is LifecycleState.STABLE
    held = world.resource.status.reconciliation_status
    assert held.last_stable_spec == held.last_reconciled_spec
    golden(world)


def test_stable_needs_a_checkpoint_where_the_owner_asked_for_them(world: World, golden) -> None:
    world.edit(setting({INTERVAL: "10 s"}))
    world.settle()
    world.pass_time(120)
    assert life(world) is LifecycleState.DEPLOYED
    world.say("a checkpoint")
    world.complete_checkpoint()
    world.pass_time(10)
    assert life(world) is LifecycleState.STABLE
    golden(world)


@pytest.mark.parametrize(
    "keys",
    [
        {INTERVAL: "10 s", "kubernetes.operator.deployment.stability.checkpoints": "0"},
        {},  # the interval that is added for savepoint mode was nobody's wish
    ],
)
def test_stable_by_its_window_alone(world: World, keys: dict[str, str]) -> None:
    world.edit(setting(keys))
    world.settle()
    assert life(world) is LifecycleState.STABLE


def test_a_stateless_job_needs_no_checkpoint(world: World) -> None:
    world.edit(setting({INTERVAL: "10 s"}))
    world.edit(set_job(upgradeMode="stateless"))
    world.settle()
    assert life(world) is LifecycleState.STABLE


def test_a_bounded_job_is_stable_at_its_end(world: World) -> None:
    world.defaults = {WINDOW: "10 min"}
    world.starts_as = FlinkJobState.FINISHED
    world.edit(setting({INTERVAL: "10 s"}))
    world.settle()
    assert life(world) is LifecycleState.STABLE


def test_a_job_that_cannot_be_asked_keeps_its_window(world: World) -> None:
    world.defaults = {WINDOW: "30 s"}
    world.settle()
    since = world.resource.status.health
    world.unreachable = True
    world.pass_time(10)
    world.unreachable = False
    world.pass_time(10)
    assert since is not None
    assert world.resource.status.health == since


def test_rollback_of_a_program_that_fails(world: World, golden) -> None:
    stable_on(world)
    world.say("a new program, which fails")
    fails_after(world, set_job(jarURI="local:///opt/job2.py"))
    status = world.resource.status
    assert life(world) is LifecycleState.ROLLED_BACK
    assert status.reconciliation_status.state is ReconciliationState.ROLLED_BACK
    assert status.job_status.state is FlinkJobState.RUNNING
    assert status.job_status.upgrade_savepoint_path == "s3://state/sp/savepoint-4"
    assert Reason.ROLLED_BACK in (status.error or "")
    assert world.launched is not None
    assert world.launched.program == "local:///opt/job.py"
    assert world.resource.spec.job is not None
    assert world.resource.spec.job.jar_uri == "local:///opt/job2.py", "the owner's spec is never written"
    world.say("the job loses its processes: it comes back as it is, from its own state")
    world.complete_checkpoint()
    world.lose_processes()
    world.settle()
    assert life(world) is LifecycleState.ROLLED_BACK
    assert "chk-5" in (world.resource.status.job_status.upgrade_savepoint_path or "")
    world.say("a corrected program leaves the rollback")
    world.edit(set_job(jarURI="local:///opt/job3.py"))
    world.settle()
    assert life(world) is LifecycleState.STABLE
    assert world.resource.status.reconciliation_status.rollback is None
    assert world.launched.program == "local:///opt/job3.py"
    golden(world)


def test_rollback_of_a_job_that_never_gets_stable(world: World, golden) -> None:
    stable_on(world, upgradeMode="last-state")
    old_id = world.job_id
    world.say("a version that restarts again and again, and yet completes a checkpoint")
    world.defaults = {WINDOW: "30 s"}
    world.edit(set_job(args=["--broken"]))
    world.settle()
    assert world.job_id != old_id, "on trial under an id of its own, so that the state to go back to stays"
    world.complete_checkpoint()
    newest = world.snapshots[-1].path
    for _ in range(14):
        world.restarts += 1
        world.pass_time(25, every=25)
    world.settle()
    status = world.resource.status
    assert life(world) is LifecycleState.ROLLED_BACK
    assert status.job_status.upgrade_savepoint_path == f"s3://state/chk/{old_id}/chk-3"
    assert status.job_status.upgrade_savepoint_path != newest
    assert len(status.job_status.job_ids) == 1, "what the rejected version wrote is never restored"
    assert world.launched is not None
    assert world.launched.arguments == ()
    world.say("the owner takes the change back")
    world.edit(set_job(args=[]))
    world.pass_time(40)
    assert life(world) is LifecycleState.STABLE
    assert world.resource.status.error is None
    golden(world)


def test_rollback_of_a_stateless_job(world: World, golden) -> None:
    stable_on(world, upgradeMode="stateless")
    world.say("an image that is not there")
    world.cluster_problem = problem(Reason.IMAGE_PULL_BACK_OFF)
    world.edit(lambda spec: spec.update(image="missing:1"))
    world.pass_time(280)
    assert life(world) is LifecycleState.DEPLOYED
    world.pass_time(60)
    world.cluster_problem = None
    world.settle()
    assert life(world) is LifecycleState.ROLLED_BACK
    assert world.resource.status.job_status.upgrade_savepoint_path is None
    golden(world)


def test_no_rollback_unless_asked(world: World) -> None:
    world.settle()
    world.starts_as = FlinkJobState.FAILED
    world.edit(set_job(args=["--broken"]))
    world.settle()
    world.pass_time(600)
    assert life(world) is LifecycleState.FAILED
    assert world.resource.status.reconciliation_status.rollback is None


def test_no_rollback_of_a_first_version(world: World) -> None:
    world.edit(setting({ROLLBACK: "true"}))
    world.starts_as = FlinkJobState.FAILED
    world.settle()
    world.pass_time(600)
    assert life(world) is LifecycleState.FAILED


def test_no_rollback_while_the_first_checkpoint_is_not_due(world: World) -> None:
    stable_on(world)
    world.edit(setting({INTERVAL: "10 min"}))
    world.settle()
    world.pass_time(900)
    assert life(world) is LifecycleState.DEPLOYED
    world.complete_checkpoint()
    world.pass_time(10)
    assert life(world) is LifecycleState.STABLE


def test_rollback_of_a_program_whose_checkpoints_all_fail(world: World) -> None:
    stable_on(world)
    world.edit(setting({INTERVAL: "10 s"}))
    world.settle()
    world.pass_time(330)
    world.settle()
    assert life(world) is LifecycleState.ROLLED_BACK
    assert Reason.NOT_STABLE_IN_TIME in (world.resource.status.error or "")


def test_a_refused_spec_does_not_leave_a_rollback(world: World) -> None:
    stable_on(world)
    fails_after(world, set_job(args=["--broken"]))
    world.problems = (problem(Reason.VALIDATION_ERROR, "spec.job.parallelism is -1"),)
    world.edit(set_job(parallelism=-1))
    world.settle()
    assert life(world) is LifecycleState.ROLLED_BACK
    assert Reason.VALIDATION_ERROR in (world.resource.status.error or "")


def test_suspending_leaves_a_rollback(world: World) -> None:
    stable_on(world)
    fails_after(world, set_job(args=["--broken"]))
    world.edit(set_job(state="suspended"))
    world.settle()
    assert life(world) is LifecycleState.SUSPENDED
    assert world.processes == 0


@pytest.mark.parametrize("point", ["status", "act", "after"])
def test_operator_dies_in_every_step_of_a_rollback(world: World, golden, point: str) -> None:
    stable_on(world)
    world.application = None
    world.starts_as = FlinkJobState.FAILED
    world.edit(set_job(jarURI="local:///opt/job2.py"))
    for _ in range(14):
        if world.resource.status.reconciliation_status.rollback is not None:
            world.starts_as = FlinkJobState.RUNNING
        world.crash_before = point
        world.turn()
        world.turn()
    world.settle()
    assert life(world) is LifecycleState.ROLLED_BACK
    assert world.resource.status.job_status.upgrade_savepoint_path == "s3://state/sp/savepoint-4"
    golden(world)


def test_rollback_from_stateless_to_a_stateful_spec_finds_its_state(world: World) -> None:
    stable_on(world)
    old_id = world.job_id
    fails_after(world, set_job(upgradeMode="stateless", args=["--fresh"]))
    assert life(world) is LifecycleState.ROLLED_BACK
    assert world.resource.status.job_status.upgrade_savepoint_path == f"s3://state/chk/{old_id}/chk-3"


def test_rollback_where_the_program_raises(world: World) -> None:
    stable_on(world)
    world.edit(set_job(jarURI="local:///opt/job2.py"))
    for _ in range(5):
        world.turn()
    world.application = ApplicationFacts("FAILED", Reason.PROGRAM_FAILED, "ValueError: no topic")
    world.turn()
    world.settle()
    assert life(world) is LifecycleState.ROLLED_BACK
    assert "ValueError: no topic" in (world.resource.status.error or "")
