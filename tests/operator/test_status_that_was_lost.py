"""A status that is lost, edited, or restored from an old copy: one job runs, and it goes on from its own newest state."""

from dataclasses import replace

import pytest

from penstock_api.reasons import Reason
from penstock_api.v1beta1.status import FlinkDeploymentStatus, FlinkJobState, LifecycleState
from penstock_operator.decide.planner import decide
from penstock_operator.model.facts import ClusterFacts, DeployedJob
from penstock_operator.model.plan import Plan
from tests.operator.simulation import World, problem
from tests.operator.test_state_is_not_lost import restored, running, set_job


def lose(world: World, status: FlinkDeploymentStatus | None = None) -> None:
    """As by `kubectl edit --subresource=status`, or a backup that is put back."""
    world._write(status or FlinkDeploymentStatus())


def upgraded(world: World) -> None:
    """A second version, which has completed checkpoints of its own."""
    world.edit(set_job(args=["--second"]))
    world.settle()
    world.complete_checkpoint()
    world.settle()


def events(world: World) -> str:
    return "\n".join(world.lines)


@pytest.mark.parametrize("mode", ["savepoint", "last-state", "stateless"])
def test_job_of_a_lost_status_runs_on(world: World, mode: str) -> None:
    running(world, upgradeMode=mode)
    before = (world.job_id, list(world.ran))
    lose(world)
    world.settle()
    assert (world.job_id, world.ran) == before, "neither stopped nor started"
    assert world.job is FlinkJobState.RUNNING
    status = world.resource.status
    assert status.job_status.job_id == world.job_id
    assert status.lifecycle_state is LifecycleState.STABLE
    assert Reason.JOB_ADOPTED in events(world)


def test_job_of_a_lost_status_is_upgraded_from_its_state_later(world: World, golden) -> None:
    running(world)
    world.say("the status is gone")
    lose(world)
    world.settle()
    world.say("and the next version goes on from its savepoint")
    world.edit(set_job(args=["--fast"]))
    world.settle()
    assert restored(world) == "s3://state/sp/savepoint-4"
    golden(world)


def test_lost_status_and_a_changed_spec_take_a_savepoint(world: World, golden) -> None:
    running(world)
    world.say("the status is gone, and the spec is another")
    lose(world)
    world.edit(set_job(args=["--fast"]))
    world.settle()
    assert restored(world) == "s3://state/sp/savepoint-4"
    assert world.launched
    assert world.launched.arguments == ("--fast",)
    assert world.resource.status.lifecycle_state is LifecycleState.STABLE
    golden(world)


@pytest.mark.parametrize("crash", ["status", "act", "after"])
@pytest.mark.parametrize("turns", range(1, 8))
def test_lost_status_and_an_operator_that_dies(world: World, crash: str, turns: int) -> None:
    running(world, upgradeMode="last-state")
    lose(world)
    world.edit(set_job(args=["--fast"]))
    for _ in range(turns - 1):
        world.turn()
    world.crash_before = crash
    world.turn()
    world.settle()
    assert restored(world).endswith("chk-3")
    assert len(world.ran) == 2


def test_lost_status_of_a_job_that_shall_be_suspended(world: World) -> None:
    running(world)
    lose(world)
    world.edit(set_job(state="suspended"))
    world.settle()
    assert not world.processes
    world.edit(set_job(state="running"))
    world.settle()
    assert restored(world) == "s3://state/sp/savepoint-4"


def test_old_status_does_not_bring_old_state_back(world: World, golden) -> None:
    running(world)
    old = world.resource.status
    upgraded(world)
    newest = world._chk()
    world.say("the status is put back as it was before the upgrade")
    lose(world, old)
    world.settle()
    assert len(world.ran) == 2, "the job that runs is the wanted one"
    world.say("everything is deleted")
    world.lose_processes()
    world.settle()
    assert restored(world) == newest
    golden(world)


def test_old_status_that_says_suspended(world: World) -> None:
    running(world)
    world.edit(set_job(state="suspended"))
    world.settle()
    old = world.resource.status
    world.edit(set_job(state="running"))
    world.settle()
    world.complete_checkpoint()
    world.settle()
    ran = list(world.ran)
    lose(world, old)
    world.settle()
    assert world.ran == ran
    assert world.job is FlinkJobState.RUNNING
    assert world.resource.status.lifecycle_state is LifecycleState.STABLE


def test_old_status_of_another_line_of_state(world: World) -> None:
    running(world)
    for _ in range(6):
        world.complete_checkpoint()
    world.settle()
    old = world.resource.status
    world.edit(set_job(upgradeMode="stateless", args=["--anew"]))
    world.settle()
    world.edit(set_job(upgradeMode="savepoint"))
    world.settle()
    world.complete_checkpoint()
    world.settle()
    own = world._chk()
    lose(world, old)
    world.edit(set_job(args=["--other"]))
    world.unreachable = True
    world.pass_time(20, every=1)
    world.unreachable = False
    world.settle()
    assert restored(world) == own, "the old line has a greater checkpoint, and was given up"


def test_old_status_while_the_spec_is_refused(world: World) -> None:
    running(world)
    old = world.resource.status
    upgraded(world)
    lose(world, old)
    world.edit(set_job(parallelism=0))
    world.problems = (problem(Reason.VALIDATION_ERROR),)
    world.settle()
    assert world.job is FlinkJobState.RUNNING, "the refused spec stops nothing"
    assert world.resource.status.job_status.job_id == world.job_id
    world.problems = ()
    world.edit(set_job(parallelism=3))
    world.settle()
    assert restored(world).startswith("s3://state/sp/savepoint-")
    assert world.launched
    assert world.launched.parallelism == 3


def test_status_and_job_are_lost_and_nothing_starts_empty(world: World, golden) -> None:
    running(world)
    newest = world._chk()
    world.say("JobManager and status are gone")
    world.lose_processes()
    lose(world)
    world.settle()
    assert not world.jm
    assert newest in (world.resource.status.error or ""), "it says where the state is"
    assert Reason.EMPTY_STATE_REFUSED in (world.resource.status.error or "")
    world.say("the owner names it")
    world.edit(set_job(initialSavepointPath=newest))
    world.settle()
    assert restored(world) == newest
    assert world.resource.status.lifecycle_state is LifecycleState.STABLE
    golden(world)


def test_status_and_job_are_lost_and_the_owner_begins_anew(world: World) -> None:
    running(world)
    world.lose_processes()
    lose(world)
    world.edit(set_job(allowEmptyState=True))
    world.settle()
    assert world.job is FlinkJobState.RUNNING
    assert not restored(world)


def test_deletion_with_a_lost_status_saves_first_where_asked(world: World) -> None:
    key = "kubernetes.operator.job.savepoint-on-deletion"
    world.edit(lambda spec: spec["flinkConfiguration"].update({key: "true"}))
    running(world)
    lose(world)
    world.delete()
    for _ in range(20):
        if not world.gone:
            world.turn()
    assert world.gone
    assert world.locations, "the last savepoint"


def test_job_under_a_name_that_the_status_lost_is_found(world: World) -> None:
    running(world)
    found = DeployedJob("f" * 32, world.resource.metadata.generation, "s3://state/chk/x/chk-9", "clicks-7")
    plan = adopted(world, found)
    assert plan.status.cluster_name == "clicks-7"
    assert plan.status.job_status.job_ids == ["f" * 32]
    assert plan.status.job_status.upgrade_savepoint_path == "s3://state/chk/x/chk-9"


def test_line_of_state_is_kept_where_nothing_says_from_what_the_job_started(world: World) -> None:
    running(world)
    earlier = list(world.resource.status.job_status.job_ids)
    plan = adopted(world, DeployedJob("f" * 32))
    assert plan.status.job_status.job_ids == [*earlier, "f" * 32]


def adopted(world: World, found: DeployedJob) -> Plan:
    cluster = ClusterFacts(processes_left=3, deployed=found)
    plan = decide(replace(world.facts(), cluster=cluster))
    assert plan.rule == "adopt"
    return plan
