"""Whole blue/green rollouts, turn by turn, as golden files; and with an operator that dies in every step of them."""

import itertools
import json
from collections.abc import Callable
from typing import Any

import pytest

from penstock_operator.model.blue_green import Color
from tests.operator.blue_green.sides import Crash, World

Golden = Callable[[World], None]
NEW = {"image": "clicks:2"}


def _state(world: World) -> str:
    return str(world.resource.status.blue_green_state)


def _settled(world: World) -> World:
    world.run(6)
    assert _state(world) == "ACTIVE_BLUE"
    return world


def test_first_deployment_is_blue(sides: World, golden_sides: Golden) -> None:
    sides.run(8)
    assert _state(sides) == "ACTIVE_BLUE"
    assert list(sides.children) == [Color.BLUE]
    assert sides.routed is Color.BLUE
    golden_sides(sides)


def test_suspended_template_waits_and_starts_when_it_shall_run(sides: World, golden_sides: Golden) -> None:
    sides.change(job={"state": "suspended"})
    sides.run(3)
    assert _state(sides) == "INITIALIZING_BLUE"
    sides.change(job={"state": "running"})
    sides.run(8)
    golden_sides(sides)


def test_change_moves_the_job_to_the_other_side_and_back(sides: World, golden_sides: Golden) -> None:
    _settled(sides)
    sides.change(template=NEW)
    sides.run(10)
    assert _state(sides) == "ACTIVE_GREEN"
    assert list(sides.children) == [Color.GREEN]
    assert sides.routed is Color.GREEN
    sides.change(template={"image": "clicks:3"})
    sides.run(10)
    assert _state(sides) == "ACTIVE_BLUE"
    golden_sides(sides)


def test_fenced_handover_stops_the_old_side_first(sides: World, golden_sides: Golden) -> None:
    _settled(sides)
    sides.change(template=NEW, handover="Fenced")
    sides.run(12)
    assert _state(sides) == "ACTIVE_GREEN"
    job = sides.children[Color.GREEN].spec.job
    assert job is not None
    assert job.initial_savepoint_path == "s3://state/stop-of-blue"
    golden_sides(sides)


def test_new_side_that_does_not_work_is_given_up(sides: World, golden_sides: Golden) -> None:
    sides.broken = {"clicks:2"}
    _settled(sides)
    sides.change(template=NEW, configuration={"kubernetes.operator.bluegreen.abort.grace-period": "20 s"})
    sides.run(35)
    assert _state(sides) == "ACTIVE_BLUE"
    assert "TransitionAborted" in str(sides.resource.status.error)
    assert sides.resource.status.job_status.state == "FAILING"
    sides.change(template={"image": "clicks:3"})
    sides.run(12)
    assert _state(sides) == "ACTIVE_GREEN"
    assert sides.resource.status.error is None
    golden_sides(sides)


def test_going_back_to_the_old_template_after_an_abort_restarts_nothing(
    sides: World, golden_sides: Golden
) -> None:
    sides.broken = {"clicks:2"}
    _settled(sides)
    sides.change(template=NEW, configuration={"kubernetes.operator.bluegreen.abort.grace-period": "20 s"})
    sides.run(35)
    sides.change(template={"image": "clicks:1"})
    sides.run(5)
    assert _state(sides) == "ACTIVE_BLUE"
    assert sides.resource.status.error is None
    golden_sides(sides)


def test_fenced_handover_that_fails_starts_the_old_side_again(sides: World, golden_sides: Golden) -> None:
    sides.broken = {"clicks:2"}
    _settled(sides)
    short = {"kubernetes.operator.bluegreen.abort.grace-period": "20 s"}
    sides.change(template=NEW, configuration=short, handover="Fenced")
    sides.run(40)
    assert _state(sides) == "ACTIVE_BLUE"
    job = sides.children[Color.BLUE].spec.job
    assert job is not None
    assert job.state == "running"
    assert sides.children[Color.BLUE].status.job_status.state == "RUNNING"
    golden_sides(sides)


def test_broken_active_side_is_replaced_from_its_newest_checkpoint(
    sides: World, golden_sides: Golden
) -> None:
    _settled(sides)
    sides.broken = {"clicks:1"}
    sides.run(2)
    sides.change(template=NEW)
    sides.run(12)
    assert _state(sides) == "ACTIVE_GREEN"
    job = sides.children[Color.GREEN].spec.job
    assert job is not None
    assert job.initial_savepoint_path == "s3://state/checkpoint-of-blue"
    golden_sides(sides)


def test_savepoint_that_never_comes_has_a_deadline(sides: World, golden_sides: Golden) -> None:
    _settled(sides)
    sides.no_savepoints = True
    sides.change(template=NEW, configuration={"kubernetes.operator.bluegreen.abort.grace-period": "20 s"})
    sides.run(25)
    assert _state(sides) == "ACTIVE_BLUE"
    assert "did not give its state over" in str(sides.resource.status.error)
    golden_sides(sides)


def test_savepoint_that_fails_is_taken_again(sides: World, golden_sides: Golden) -> None:
    _settled(sides)
    sides.failing_savepoints = 1
    sides.change(template=NEW)
    sides.run(12)
    assert _state(sides) == "ACTIVE_GREEN"
    golden_sides(sides)


def test_fenced_stop_without_a_savepoint_falls_back_to_the_newest_checkpoint(
    sides: World, golden_sides: Golden
) -> None:
    _settled(sides)
    sides.no_savepoints = True
    short = {"kubernetes.operator.bluegreen.abort.grace-period": "20 s"}
    sides.change(template=NEW, configuration=short, handover="Fenced")
    sides.run(25)
    assert _state(sides) == "ACTIVE_GREEN"
    job = sides.children[Color.GREEN].spec.job
    assert job is not None
    assert job.initial_savepoint_path == "s3://state/checkpoint-of-blue"
    golden_sides(sides)


def test_stateless_change_takes_no_savepoint(sides: World, golden_sides: Golden) -> None:
    sides.change(job={"upgradeMode": "stateless"})
    _settled(sides)
    sides.change(template=NEW)
    sides.run(8)
    assert _state(sides) == "ACTIVE_GREEN"
    golden_sides(sides)


def test_redeploy_nonce_starts_the_other_side_from_the_named_state(
    sides: World, golden_sides: Golden
) -> None:
    _settled(sides)
    sides.change(job={"savepointRedeployNonce": 1, "initialSavepointPath": "s3://old/savepoint"})
    sides.run(8)
    job = sides.children[Color.GREEN].spec.job
    assert job is not None
    assert job.initial_savepoint_path == "s3://old/savepoint"
    golden_sides(sides)


def test_what_costs_no_restart_is_patched_in_place(sides: World, golden_sides: Golden) -> None:
    _settled(sides)
    sides.change(job={"allowNonRestoredState": True})
    sides.run(4)
    assert list(sides.children) == [Color.BLUE]
    golden_sides(sides)


def test_suspension_and_a_change_meanwhile_patch_the_active_side(sides: World, golden_sides: Golden) -> None:
    _settled(sides)
    sides.change(job={"state": "suspended"})
    sides.run(4)
    sides.change(template=NEW)
    sides.run(4)
    sides.change(job={"state": "running"})
    sides.run(4)
    assert list(sides.children) == [Color.BLUE]
    assert sides.children[Color.BLUE].spec.image == "clicks:2"
    golden_sides(sides)


def test_old_side_waits_for_the_deletion_delay(sides: World, golden_sides: Golden) -> None:
    _settled(sides)
    sides.change(
        template=NEW, configuration={"kubernetes.operator.bluegreen.deployment-deletion.delay": "10 s"}
    )
    sides.run(10)
    assert set(sides.children) == set(Color)
    sides.run(8)
    assert list(sides.children) == [Color.GREEN]
    golden_sides(sides)


def test_a_newer_template_in_the_middle_mends_the_side_that_comes_up(
    sides: World, golden_sides: Golden
) -> None:
    sides.broken = {"clicks:2"}
    _settled(sides)
    sides.change(template=NEW)
    sides.run(8)
    sides.change(template={"image": "clicks:3"})
    sides.run(6)
    assert _state(sides) == "ACTIVE_GREEN"
    golden_sides(sides)


def test_refused_spec_changes_nothing_and_says_why(sides: World, golden_sides: Golden) -> None:
    _settled(sides)
    sides.change(configuration={"kubernetes.operator.bluegreen.abort.grace": "1 s"}, template=NEW)
    sides.run(3)
    assert _state(sides) == "ACTIVE_BLUE"
    assert json.loads(str(sides.resource.status.error))["type"] == "ValidationError"
    sides.change(configuration={})
    sides.run(10)
    assert _state(sides) == "ACTIVE_GREEN"
    golden_sides(sides)


def test_active_side_that_someone_deleted_is_made_again_from_its_state(
    sides: World, golden_sides: Golden
) -> None:
    _settled(sides)
    sides.change(template=NEW)
    sides.run(10)
    del sides.children[Color.GREEN]
    sides.run(4)
    job = sides.children[Color.GREEN].spec.job
    assert job is not None
    assert job.initial_savepoint_path == "s3://state/savepoints/of-blue"
    golden_sides(sides)


def _rollout(handover: str, is_broken: bool, crashes: list[int], points: tuple[str, ...]) -> World:
    """One change, with the operator dying in the turns of these numbers; it starts again at once."""
    world = World(broken={"clicks:2"} if is_broken else set())
    _settled(world)
    short = {"kubernetes.operator.bluegreen.abort.grace-period": "20 s"}
    world.change(template=NEW, handover=handover, configuration=short)
    due = dict(zip(crashes, itertools.cycle(points), strict=False))
    for turn in range(60):
        world.crash_at = due.get(turn)
        try:
            world.run(1)
        except Crash:
            world.seconds += 1
            world._tick()
            world._check()
        world.crash_at = None
    return world


def _outcome(world: World) -> dict[str, Any]:
    sides = {
        color.value: (child.spec.image, child.spec.job.state.value if child.spec.job else "")
        for color, child in world.children.items()
    }
    return {"state": _state(world), "sides": sides, "routed": world.routed}


@pytest.mark.parametrize("handover", ["Overlap", "Fenced"])
@pytest.mark.parametrize("is_broken", [False, True])
def test_an_operator_that_dies_in_any_step_ends_where_it_would_have(handover: str, is_broken: bool) -> None:
    wanted = _outcome(_rollout(handover, is_broken, [], ()))
    for turn, point in zip(range(26), itertools.cycle(("status", "act", "act")), strict=False):
        assert _outcome(_rollout(handover, is_broken, [turn], (point,))) == wanted, (turn, point)
    every = list(range(0, 40, 2))
    assert _outcome(_rollout(handover, is_broken, every, ("status", "act"))) == wanted
