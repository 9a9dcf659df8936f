"""Scaling in place, decision by decision: TaskManagers first where it grows, last where it shrinks, an upgrade where it fails."""

from penstock_api.reasons import Reason
from penstock_api.v1beta1.status import LifecycleState
from penstock_operator.model.plan import Deploy, Rescale, SetTaskManagers
from tests.operator.simulation import World


def running(world: World) -> World:
    world.settle()
    world.complete_checkpoint()
    world.settle()
    return world


def set_job(**fields):
    return lambda spec: spec["job"].update(fields)


def kinds_of(world: World) -> list[type]:
    found: list[type] = []
    while True:
        before = (world.resource.status, world.task_managers, world.width)
        found += [type(action) for action in world.turn().actions]
        if before == (world.resource.status, world.task_managers, world.width):
            return found


def test_scale_up_in_place(world: World, golden) -> None:
    running(world)
    world.say("twice as wide")
    world.edit(set_job(parallelism=4))
    world.settle()
    status = world.resource.status
    assert (world.width, world.task_managers) == (4, 4)
    assert status.lifecycle_state is LifecycleState.STABLE
    assert status.observed_generation == 2
    assert status.task_manager
    assert status.task_manager.replicas == 4
    assert not world.locations, "no savepoint was needed"
    golden(world)


def test_scale_down_in_place(world: World, golden) -> None:
    world.edit(set_job(parallelism=4))
    running(world)
    world.say("half as wide")
    world.edit(set_job(parallelism=2))
    world.settle()
    assert (world.width, world.task_managers) == (2, 2)
    assert world.resource.status.lifecycle_state is LifecycleState.STABLE
    golden(world)


def test_scale_by_replicas_of_the_scale_subresource(world: World, golden) -> None:
    running(world)
    world.say("kubectl scale --replicas=3")
    world.edit(lambda spec: spec.update(taskManager={"replicas": 3}))
    world.settle()
    assert (world.width, world.task_managers) == (3, 3)
    golden(world)


def test_scale_a_vertex_by_its_override(world: World, golden) -> None:
    world.edit(set_job(parallelism=4))
    running(world)
    world.say("one vertex gets another parallelism")
    override = {"pipeline.jobvertex-parallelism-overrides": "clicks:3"}
    world.edit(lambda spec: spec["flinkConfiguration"].update(override))
    world.settle()
    assert (world.width, world.task_managers) == (3, 4)
    golden(world)


def test_override_taken_back_is_an_upgrade(world: World) -> None:
    override = {"pipeline.jobvertex-parallelism-overrides": "clicks:2"}
    world.edit(lambda spec: spec["flinkConfiguration"].update(override))
    running(world)
    world.edit(lambda spec: spec["flinkConfiguration"].pop("pipeline.jobvertex-parallelism-overrides"))
    assert Deploy in kinds_of(world)


def test_scaling_that_the_job_manager_refuses_is_an_upgrade(world: World, golden) -> None:
    running(world)
    world.scaling_is = "refused"
    world.say("wider than the job can be")
    world.edit(set_job(parallelism=200))
    world.settle()
    assert world.launched
    assert world.launched.parallelism == 200
    assert world.resource.status.job_status.upgrade_savepoint_path == "s3://state/sp/savepoint-2"
    assert world.resource.status.error is None
    golden(world)


def test_wider_than_the_state_allows_is_an_upgrade_at_once(world: World) -> None:
    running(world)
    world.edit(set_job(parallelism=200))
    world.limit = 128
    kinds = kinds_of(world)
    assert Deploy in kinds
    assert SetTaskManagers not in kinds


def test_scaling_past_its_deadline_is_an_upgrade(world: World, golden) -> None:
    running(world)
    world.scaling_is = "stuck"
    world.say("the job never gets wider")
    world.edit(set_job(parallelism=4))
    for _ in range(4):
        world.turn()
    assert world.resource.status.lifecycle_state is LifecycleState.UPGRADING
    world.clock += 181_000
    world.settle()
    assert any(Reason.SCALING_FAILED in line for line in world.lines)
    assert world.launched
    assert world.launched.parallelism == 4
    golden(world)


def test_scheduler_that_cannot_scale_means_an_upgrade(world: World) -> None:
    running(world)
    world.scaling_is = "unknown"
    world.edit(set_job(parallelism=4))
    kinds = kinds_of(world)
    assert Deploy in kinds
    assert Rescale not in kinds


def test_scaling_in_place_can_be_switched_off(world: World) -> None:
    option = {"kubernetes.operator.job.upgrade.inplace-scaling.enabled": "false"}
    world.edit(lambda spec: spec["flinkConfiguration"].update(option))
    running(world)
    world.edit(set_job(parallelism=4))
    kinds = kinds_of(world)
    assert Deploy in kinds
    assert SetTaskManagers not in kinds


def test_scaling_that_is_changed_on_the_way(world: World, golden) -> None:
    running(world)
    world.say("twice as wide, and before that is done: back again")
    world.edit(set_job(parallelism=4))
    world.turn()
    world.turn()
    world.edit(set_job(parallelism=2))
    world.settle()
    assert (world.width, world.task_managers) == (2, 2)
    assert world.resource.status.lifecycle_state is LifecycleState.STABLE
    golden(world)


def test_other_change_ends_a_scaling(world: World) -> None:
    running(world)
    world.edit(set_job(parallelism=4))
    world.turn()
    world.edit(set_job(args=["--fast"]))
    world.settle()
    assert world.launched
    assert world.launched.parallelism == 4
    assert world.resource.status.scaling is None
    assert world.resource.status.lifecycle_state is LifecycleState.STABLE


def test_job_manager_that_comes_back_narrower_is_told_again(world: World, golden) -> None:
    running(world)
    world.edit(set_job(parallelism=4))
    world.settle()
    world.say("the JobManager's container restarts: its arguments say 2")
    world.width = world.asked_width = 2
    world.settle()
    assert world.width == 4
    golden(world)


def test_operator_that_dies_in_every_step_of_a_scaling(world: World) -> None:
    for point in ("status", "act", "after"):
        world.resource = world.resource if world.turns else running(world).resource
        wide = 6 if world.width == 2 else 2
        world.edit(set_job(parallelism=wide))
        for _ in range(8):
            world.crash_before = point
            world.turn()
            world.turn()
        world.settle()
        assert (world.width, world.task_managers) == (wide, wide), point
        assert world.resource.status.lifecycle_state is LifecycleState.STABLE
