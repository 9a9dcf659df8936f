"""A budget of upgrades: so many at a time, in the order in which they ask, across leaders, and nothing else waits."""

import copy

from penstock_api.reasons import Reason
from penstock_api.v1beta1.conditions import ConditionType
from penstock_api.v1beta1.deployment import FlinkDeployment
from penstock_api.v1beta1.status import LifecycleState
from penstock_operator.model.facts import Ref
from penstock_operator.reconcile.budget import UpgradeBudget, is_under_way
from tests.operator.simulation import BASE, World

A, B, C, D = (Ref("default", name) for name in "abcd")


def ends(budget: UpgradeBudget, ref: Ref) -> None:
    budget.settle(ref, is_under_way=False, is_waiting=False)


def asks(budget: UpgradeBudget, ref: Ref, limit: int = 1) -> int:
    ahead = budget.claim(ref, limit)
    budget.settle(ref, is_under_way=not ahead, is_waiting=bool(ahead))
    return ahead


def test_in_the_order_in_which_they_ask() -> None:
    budget = UpgradeBudget()
    assert [asks(budget, ref) for ref in (A, B, C)] == [0, 1, 2]
    ends(budget, A)
    assert asks(budget, C) == 1, "B asked before"
    assert asks(budget, B) == 0
    ends(budget, B)
    assert asks(budget, D) == 1
    assert asks(budget, C) == 0


def test_no_limit() -> None:
    budget = UpgradeBudget()
    assert [asks(budget, ref, 0) for ref in (A, B, C, D)] == [0, 0, 0, 0]


def test_one_that_gives_up_is_not_waited_for() -> None:
    budget = UpgradeBudget()
    assert [asks(budget, ref) for ref in (A, B, C)] == [0, 1, 2]
    ends(budget, B)
    ends(budget, A)
    assert asks(budget, C) == 0


def test_next_leader_counts_what_is_under_way() -> None:
    budget = UpgradeBudget(lambda: [A, B])
    assert asks(budget, C, 2) == 1
    assert asks(budget, A, 2) == 0
    ends(budget, A)
    assert asks(budget, C, 2) == 0


def world_with(name: str, mode: str = "savepoint") -> World:
    body = copy.deepcopy(BASE)
    body["metadata"]["name"] = name
    body["spec"]["job"]["upgradeMode"] = mode
    world = World(FlinkDeployment.from_wire(body))
    world.settle()
    world.complete_checkpoint()
    world.settle()
    return world


def change(world: World, **job: object) -> None:
    world.edit(lambda spec: spec["job"].update(job or {"args": ["--fast"]}))


def why(world: World) -> tuple[str | None, str | None]:
    found = next(c for c in world.resource.status.conditions if c.type == ConditionType.PROGRESSING.value)
    return found.reason, found.message


def test_job_that_waits_runs_on_and_says_why() -> None:
    world = world_with("clicks")
    world.upgrades_ahead = 2
    change(world)
    for _ in range(3):
        world.turn()
    status = world.resource.status
    assert status.lifecycle_state is LifecycleState.STABLE
    assert status.error is None
    assert why(world)[0] == Reason.UPGRADE_QUEUED
    assert "2 before it" in (why(world)[1] or "")
    assert sum(Reason.UPGRADE_QUEUED in line for line in world.lines) == 1, "said once"
    world.upgrades_ahead = 0
    world.settle()
    assert world.launched
    assert world.launched.arguments == ("--fast",)


def test_scaling_waits_too() -> None:
    world = world_with("clicks")
    world.upgrades_ahead = 1
    change(world, parallelism=4)
    for _ in range(3):
        world.turn()
    assert world.task_managers == 2
    assert why(world)[0] == Reason.UPGRADE_QUEUED
    world.upgrades_ahead = 0
    world.settle()
    assert world.width == 4


def test_suspension_does_not_wait() -> None:
    world = world_with("clicks")
    world.upgrades_ahead = 5
    change(world, state="suspended")
    world.settle()
    assert world.resource.status.lifecycle_state is LifecycleState.SUSPENDED


def test_job_that_does_not_run_does_not_wait() -> None:
    world = world_with("clicks")
    world.lose_processes()
    world.upgrades_ahead = 5
    change(world)
    world.settle()
    assert world.launched
    assert world.launched.arguments == ("--fast",)


def test_upgrade_counts_until_the_job_runs_again() -> None:
    world = world_with("clicks")
    assert not is_under_way(world.resource.status)
    change(world)
    seen = []
    for _ in range(8):
        world.turn()
        seen.append(is_under_way(world.resource.status))
    assert seen == [*[True] * (seen.count(True)), *[False] * seen.count(False)]
    assert seen.count(True) >= 4
