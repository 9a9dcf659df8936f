"""Jobs that run and do not work, jobs that failed, jobs that are over: what is restarted, kept and cleaned up."""

import pytest

from penstock_api.reasons import Reason
from penstock_api.v1beta1.status import FlinkJobState, LifecycleState
from tests.operator.simulation import World

HEALTH = "kubernetes.operator.cluster.health-check"
INTERVAL = "execution.checkpointing.interval"


def setting(values: dict[str, str]):
    return lambda spec: spec["flinkConfiguration"].update(values)


def set_job(**fields):
    return lambda spec: spec["job"].update(fields)


def cleanup(**policy: str):
    return lambda spec: spec.update(cleanupPolicy=policy)


def running(world: World, checkpoints: int = 3) -> World:
    world.settle()
    for _ in range(checkpoints):
        world.complete_checkpoint()
    world.settle()
    return world


def events(world: World, reason: Reason) -> int:
    return sum(f" {reason}: " in line for line in world.lines)


def test_too_many_restarts_restart_the_job_from_its_newest_state(world: World, golden) -> None:
    world.edit(setting({f"{HEALTH}.enabled": "true", f"{HEALTH}.restarts.threshold": "5"}))
    running(world)
    world.say("two restarts a look")
    for _ in range(4):
        world.restarts += 2
        world.turn()
    world.settle()
    assert events(world, Reason.RESTART_UNHEALTHY_JOB) == 1
    assert "chk-3" in (world.resource.status.job_status.upgrade_savepoint_path or "")
    assert world.resource.status.lifecycle_state is LifecycleState.STABLE
    golden(world)


def test_restarts_now_and_then_are_healthy(world: World) -> None:
    world.edit(setting({f"{HEALTH}.enabled": "true", f"{HEALTH}.restarts.threshold": "5"}))
    running(world)
    for _ in range(40):
        world.restarts += 1
        world.pass_time(60)
    assert events(world, Reason.RESTART_UNHEALTHY_JOB) == 0


def test_restarts_are_counted_over_the_configured_window(world: World) -> None:
    keys = {
        f"{HEALTH}.enabled": "true",
        f"{HEALTH}.restarts.threshold": "5",
        f"{HEALTH}.restarts.window": "10 min",
    }
    world.edit(setting(keys))
    running(world)
    for _ in range(7):
        world.restarts += 1
        world.pass_time(60)
    assert events(world, Reason.RESTART_UNHEALTHY_JOB) == 1


def test_no_checkpoint_for_too_long_restarts_the_job(world: World, golden) -> None:
    keys = {
        f"{HEALTH}.enabled": "true",
        INTERVAL: "10 s",
        "execution.checkpointing.timeout": "1 min",
        f"{HEALTH}.checkpoint-progress.window": "1 min",
    }
    world.edit(setting(keys))
    running(world)
    world.say("two minutes are the least that a window may be here: timeout times two")
    world.pass_time(110)
    assert events(world, Reason.RESTART_UNHEALTHY_JOB) == 0
    world.pass_time(20)
    world.settle()
    assert events(world, Reason.RESTART_UNHEALTHY_JOB) == 1
    golden(world)


def test_checkpoint_progress_can_be_left_out(world: World) -> None:
    keys = {
        f"{HEALTH}.enabled": "true",
        f"{HEALTH}.checkpoint-progress.enabled": "false",
        INTERVAL: "10 s",
    }
    world.edit(setting(keys))
    running(world)
    world.pass_time(7200, every=60)
    assert events(world, Reason.RESTART_UNHEALTHY_JOB) == 0


def test_health_is_nobodys_business_unless_asked(world: World) -> None:
    running(world)
    for _ in range(10):
        world.restarts += 50
        world.turn()
    assert events(world, Reason.RESTART_UNHEALTHY_JOB) == 0


def test_failed_job_restarts_from_a_savepoint_that_is_newer_than_its_checkpoints(
    world: World, golden
) -> None:
    world.edit(setting({"kubernetes.operator.job.restart.failed": "true"}))
    running(world)
    world.say("a savepoint by hand, then the job fails")
    world.edit(set_job(savepointTriggerNonce=1))
    world.settle()
    world.job = FlinkJobState.FAILED
    world.settle()
    status = world.resource.status
    assert status.job_status.upgrade_savepoint_path == "s3://state/sp/savepoint-4"
    assert status.lifecycle_state is LifecycleState.STABLE
    assert status.error is None
    golden(world)


def test_failed_job_restarts_from_a_checkpoint_that_is_newer_than_its_savepoint(world: World) -> None:
    world.edit(setting({"kubernetes.operator.job.restart.failed": "true"}))
    running(world)
    world.edit(set_job(savepointTriggerNonce=1))
    world.settle()
    world.complete_checkpoint()
    world.job = FlinkJobState.FAILED
    world.settle()
    assert "chk-5" in (world.resource.status.job_status.upgrade_savepoint_path or "")


def failing_again(world: World) -> None:
    """The job fails, and the turns are taken that follow at once."""
    world.job = FlinkJobState.FAILED
    world.settle()


def test_job_that_fails_again_and_again_is_started_ever_more_rarely(world: World) -> None:
    world.edit(setting({"kubernetes.operator.job.restart.failed": "true"}))
    running(world)
    failing_again(world)
    assert world.job is FlinkJobState.RUNNING
    waits = []
    for _ in range(7):
        world.say("it fails again")
        failing_again(world)
        assert world.job is FlinkJobState.FAILED
        assert "in a row follows at" in (world.resource.status.error or "")
        began = world.clock
        while world.job is FlinkJobState.FAILED:
            world.pass_time(5, every=5)
        waits.append((world.clock - began) // 1000)
        world.settle()
    due = [10, 20, 40, 80, 160, 300, 300]
    assert all(0 <= wait - least <= 10 for wait, least in zip(waits, due, strict=True)), waits
    assert world.resource.status.failed_restarts is not None
    assert world.resource.status.failed_restarts.count == 8


def test_row_of_restarts_ends_with_a_job_that_ran_and_with_another_spec(world: World) -> None:
    world.edit(setting({"kubernetes.operator.job.restart.failed": "true"}))
    running(world)
    failing_again(world)
    world.pass_time(301, every=20)
    failing_again(world)
    assert world.job is FlinkJobState.RUNNING
    failing_again(world)
    assert world.job is FlinkJobState.FAILED
    world.edit(set_job(args=["--mended"]))
    world.settle()
    assert world.job is FlinkJobState.RUNNING
    failing_again(world)
    assert world.job is FlinkJobState.RUNNING
    assert world.resource.status.failed_restarts is not None
    assert world.resource.status.failed_restarts.count == 1


ENDS = {
    "afterFinished": FlinkJobState.FINISHED,
    "afterFailed": FlinkJobState.FAILED,
    "afterCanceled": FlinkJobState.CANCELED,
}


@pytest.mark.parametrize("field", ENDS)
def test_cluster_is_deleted_when_the_policy_says_so(world: World, golden, field: str) -> None:
    world.edit(cleanup(**{field: "DeleteCluster", "delay": "1 min"}))
    running(world)
    world.job = ENDS[field]
    world.say("the job is over")
    world.settle()
    world.pass_time(30)
    assert world.processes == 3
    world.pass_time(60)
    world.settle()
    assert world.processes == 0
    assert world.resource.status.job_status.state is ENDS[field]
    assert not world.gone
    golden(world)


def test_resource_is_deleted_when_the_policy_says_so(world: World, golden) -> None:
    world.edit(cleanup(afterFinished="DeleteResource"))
    running(world)
    world.job = FlinkJobState.FINISHED
    world.say("the job is over")
    world.settle()
    assert world.gone
    assert world.snapshots, "its checkpoints stay"
    golden(world)


@pytest.mark.parametrize("field", ENDS)
def test_cluster_is_kept_when_the_policy_says_so(world: World, field: str) -> None:
    world.edit(cleanup(**{field: "Keep"}))
    running(world)
    world.job = ENDS[field]
    world.settle()
    world.pass_time(3 * 86400, every=3600)
    assert world.processes == 3


@pytest.mark.parametrize("field", ENDS)
def test_without_a_policy_the_cluster_lives_for_a_day(world: World, field: str) -> None:
    other = next(name for name in ENDS if name != field)
    world.edit(cleanup(**{other: "DeleteResource"}))
    running(world)
    world.job = ENDS[field]
    world.settle()
    world.pass_time(82800, every=3600)
    assert world.processes == 3
    world.pass_time(7200, every=3600)
    assert world.processes == 0
    assert not world.gone


def test_a_suspended_job_is_not_over(world: World) -> None:
    world.edit(cleanup(afterFinished="DeleteResource"))
    running(world)
    world.edit(set_job(state="suspended"))
    world.settle()
    world.pass_time(3600, every=600)
    assert not world.gone
    assert world.resource.status.lifecycle_state is LifecycleState.SUSPENDED


def test_an_upgrade_with_savepoint_is_not_the_end(world: World) -> None:
    world.edit(cleanup(afterFinished="DeleteResource"))
    running(world)
    world.edit(set_job(args=["--fast"]))
    world.settle()
    assert not world.gone
    assert world.resource.status.lifecycle_state is LifecycleState.STABLE
