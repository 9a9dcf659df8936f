"""Whole rollouts, decision by decision, as text under `golden/` (`--update-golden` writes them; the review reads them).

The simulation asserts on every step that no lifecycle move is illegal and that no two attempts run side by side.
"""

import pytest

from penstock_api.reasons import Reason
from penstock_api.v1beta1.status import FlinkJobState, LifecycleState
from penstock_operator.model.facts import ApplicationFacts
from tests.operator.simulation import World, problem


def running(world: World, checkpoints: int = 3) -> World:
    world.settle()
    for _ in range(checkpoints):
        world.complete_checkpoint()
    world.settle()
    return world


def set_job(**fields):
    return lambda spec: spec["job"].update(fields)


def set_option(key: str, value: str):
    return lambda spec: spec["flinkConfiguration"].update({f"kubernetes.operator.{key}": value})


def test_deploy(world: World, golden) -> None:
    world.say("apply")
    world.settle()
    assert world.resource.status.lifecycle_state is LifecycleState.STABLE
    golden(world)


def test_deploy_from_named_savepoint(world: World, golden) -> None:
    world.edit(set_job(initialSavepointPath="s3://other/sp-1"))
    world.say("the savepoint is not there")
    world.settle()
    assert Reason.STATE_NOT_FOUND in (world.resource.status.error or "")
    world.say("corrected")
    from penstock_operator.model.facts import Snapshot

    world.snapshots.append(Snapshot("s3://other/sp-1", 41, 1, "f" * 32, True))
    world.settle()
    golden(world)


def test_suspend_and_resume(world: World, golden) -> None:
    running(world)
    world.say("suspend")
    world.edit(set_job(state="suspended"))
    world.settle()
    assert world.resource.status.lifecycle_state is LifecycleState.SUSPENDED
    assert world.processes == 0
    world.say("resume")
    world.edit(set_job(state="running"))
    world.settle()
    golden(world)


def test_created_suspended(world: World, golden) -> None:
    world.edit(set_job(state="suspended"))
    world.say("apply, suspended")
    world.settle()
    assert world.resource.status.lifecycle_state is LifecycleState.SUSPENDED
    world.say("resume")
    world.edit(set_job(state="running"))
    world.settle()
    assert world.resource.status.lifecycle_state is LifecycleState.STABLE
    golden(world)


def test_upgrade_with_savepoint(world: World, golden) -> None:
    running(world)
    world.say("a new program, wider")
    world.edit(set_job(jarURI="local:///opt/job2.py", parallelism=3))
    world.settle()
    assert world.resource.status.job_status.upgrade_savepoint_path == "s3://state/sp/savepoint-4"
    golden(world)


def test_upgrade_stateless(world: World, golden) -> None:
    world.edit(set_job(upgradeMode="stateless"))
    running(world)
    world.say("a new program")
    world.edit(set_job(jarURI="local:///opt/job2.py"))
    world.settle()
    golden(world)


def test_upgrade_last_state_keeps_the_job_id(world: World, golden) -> None:
    world.edit(set_job(upgradeMode="last-state"))
    running(world)
    before = world.job_id
    world.say("other arguments")
    world.edit(set_job(args=["--fast"]))
    world.settle()
    assert world.job_id == before
    golden(world)


def test_upgrade_when_everything_was_deleted(world: World, golden) -> None:
    running(world)
    world.say("JobManager and TaskManagers are deleted, and the spec changes")
    world.lose_processes()
    world.edit(set_job(upgradeMode="last-state", args=["--fast"]))
    world.settle()
    assert "chk-3" in (world.resource.status.job_status.upgrade_savepoint_path or "")
    golden(world)


def test_newest_checkpoint_is_broken(world: World, golden) -> None:
    from dataclasses import replace

    running(world)
    world.snapshots[-1] = replace(world.snapshots[-1], is_complete=False)
    world.lose_processes()
    world.say("the newest checkpoint lacks an object")
    world.settle()
    assert "chk-2" in (world.resource.status.job_status.upgrade_savepoint_path or "")
    golden(world)


@pytest.mark.parametrize("point", ["status", "act", "after"])
def test_operator_dies_in_every_step_of_an_upgrade(world: World, golden, point: str) -> None:
    running(world)
    world.edit(set_job(jarURI="local:///opt/job2.py"))
    for _ in range(12):
        world.crash_before = point
        world.turn()
        world.turn()
    world.settle()
    assert world.resource.status.lifecycle_state is LifecycleState.STABLE
    assert len(world.locations) == 1, "one stop takes one savepoint"
    golden(world)


def test_recover_job_manager(world: World, golden) -> None:
    running(world)
    world.say("the JobManager is deleted")
    world.jm = False
    world.settle()
    assert world.resource.status.lifecycle_state is LifecycleState.STABLE
    golden(world)


def test_recover_task_managers(world: World, golden) -> None:
    running(world)
    world.say("the TaskManagers are deleted")
    world.tm = False
    world.settle()
    assert world.tm
    golden(world)


def test_manual_savepoint(world: World, golden) -> None:
    running(world)
    world.say("a nonce")
    world.edit(set_job(savepointTriggerNonce=7))
    world.settle()
    info = world.resource.status.job_status.savepoint_info
    assert info
    assert info.last_savepoint
    assert info.last_savepoint.trigger_nonce == 7
    assert info.trigger_id is None
    golden(world)


def test_restart_nonce(world: World, golden) -> None:
    running(world)
    world.say("restartNonce")
    world.edit(lambda spec: spec.update(restartNonce=1))
    world.settle()
    golden(world)


def test_savepoint_redeploy(world: World, golden) -> None:
    from penstock_operator.model.facts import Snapshot

    running(world)
    world.snapshots.append(Snapshot("s3://state/sp/old", 2, 1, "f" * 32, True))
    world.say("start again from an old savepoint")
    world.edit(set_job(savepointRedeployNonce=1, initialSavepointPath="s3://state/sp/old"))
    world.settle()
    assert world.resource.status.job_status.upgrade_savepoint_path == "s3://state/sp/old"
    assert len(world.resource.status.job_status.job_ids) == 1
    golden(world)


def test_savepoint_of_the_stop_fails(world: World, golden) -> None:
    running(world)
    world.say("the storage refuses the savepoint")
    world.savepoints_fail = "AccessDenied"
    world.edit(set_job(jarURI="local:///opt/job2.py"))
    for _ in range(4):
        world.turn()
    assert world.job is FlinkJobState.RUNNING
    assert Reason.SAVEPOINT_FAILED in (world.resource.status.error or "")
    world.say("corrected")
    world.savepoints_fail = None
    world.settle()
    assert world.resource.status.error is None
    golden(world)


def test_program_fails_and_is_corrected(world: World, golden) -> None:
    running(world)
    good = world.resource.status.reconciliation_status.last_stable_spec
    world.say("a program that raises")
    world.edit(set_job(jarURI="local:///opt/bad.py"))
    for _ in range(5):
        world.turn()
    world.application = ApplicationFacts("FAILED", Reason.PROGRAM_FAILED, "ZeroDivisionError")
    world.starts_as = FlinkJobState.INITIALIZING
    world.settle()
    status = world.resource.status
    assert status.lifecycle_state is LifecycleState.FAILED
    assert status.reconciliation_status.last_stable_spec == good
    world.say("corrected")
    world.starts_as = FlinkJobState.RUNNING
    world.edit(set_job(jarURI="local:///opt/job3.py"))
    world.settle()
    assert world.resource.status.error is None
    assert world.resource.status.job_status.upgrade_savepoint_path == "s3://state/sp/savepoint-4"
    golden(world)


def test_refused_spec_keeps_the_job(world: World, golden) -> None:
    running(world)
    world.say("an invalid spec")
    world.edit(set_job(parallelism=0))
    world.problems = (problem(Reason.VALIDATION_ERROR, "spec.job.parallelism is 0: set it to 1 or more"),)
    world.settle()
    assert world.job is FlinkJobState.RUNNING
    world.say("the JobManager is deleted meanwhile")
    world.lose_processes()
    world.settle()
    assert world.job is FlinkJobState.RUNNING
    world.say("corrected")
    world.problems = ()
    world.edit(set_job(parallelism=2))
    world.settle()
    assert world.resource.status.error is None
    golden(world)


def test_refused_from_the_start(world: World, golden) -> None:
    world.problems = (problem(Reason.ENGINE_NOT_AVAILABLE),)
    world.say("a Flink resource")
    world.settle()
    assert not world.held, "nothing is created for a refused resource"
    golden(world)


def test_image_missing(world: World, golden) -> None:
    world.cluster_problem = problem(Reason.IMAGE_PULL_FAILED, component="JobManagerDeployment")
    world.say("an image that does not exist")
    world.settle()
    assert Reason.IMAGE_PULL_FAILED in (world.resource.status.error or "")
    world.say("corrected")
    world.edit(lambda spec: spec.update(image="penstock/runtime:good"))
    world.cluster_problem = None
    world.settle()
    assert world.resource.status.lifecycle_state is LifecycleState.STABLE
    golden(world)


def test_old_job_still_running(world: World, golden) -> None:
    running(world)
    world.say("a node does not answer: its pods never end")
    world.never_ends = True
    world.edit(set_job(upgradeMode="last-state", args=["--fast"]))
    for _ in range(3):
        world.turn()
    world.clock += 600_000
    world.turn()
    assert Reason.OLD_JOB_STILL_RUNNING in (world.resource.status.error or "")
    world.say("the node is back")
    world.never_ends = False
    world.settle()
    golden(world)


def test_empty_state_is_refused(world: World, golden) -> None:
    running(world)
    world.say("someone empties the bucket")
    world.snapshots.clear()
    world.lose_processes()
    world.settle()
    assert Reason.EMPTY_STATE_REFUSED in (world.resource.status.error or "")
    assert not world.jm
    world.say("the owner gives it up")
    world.edit(set_job(allowEmptyState=True))
    world.settle()
    assert world.jm
    golden(world)


def test_delete(world: World, golden) -> None:
    running(world)
    world.say("delete")
    world.delete()
    world.clock = 1_800_000_010_000
    world.settle()
    assert world.gone
    golden(world)


def test_delete_with_savepoint(world: World, golden) -> None:
    world.edit(set_option("job.savepoint-on-deletion", "true"))
    running(world)
    world.say("delete")
    world.delete()
    world.clock = 1_800_000_010_000
    world.settle()
    assert world.gone
    assert len(world.locations) == 1
    golden(world)


@pytest.mark.parametrize("policy", ["Force", "Orphan", "KeepTrying"])
def test_delete_past_the_deadline(world: World, golden, policy: str) -> None:
    world.edit(set_option("job.savepoint-on-deletion", "true"))
    world.edit(lambda spec: spec.update(deletion={"deadline": "1 min", "policy": policy}))
    running(world)
    world.savepoints_fail = "AccessDenied"
    world.say("delete, and the savepoint cannot be taken")
    world.delete()
    world.clock = 1_800_000_010_000
    for _ in range(3):
        world.turn()
    world.clock += 120_000
    for _ in range(5):
        if not world.gone:
            world.turn()
    assert world.gone is (policy != "KeepTrying")
    golden(world)


def test_unreachable_job_manager(world: World, golden) -> None:
    running(world)
    world.say("the JobManager does not answer, and the spec changes in savepoint mode")
    world.unreachable = True
    world.edit(set_job(args=["--fast"]))
    world.turn()
    world.turn()
    world.unreachable = False
    world.settle()
    assert world.resource.status.lifecycle_state is LifecycleState.STABLE
    golden(world)


def test_job_manager_that_stays_silent_has_a_reason(world: World, golden) -> None:
    running(world)
    world.say("the JobManager runs and does not answer, for longer than a start takes")
    world.unreachable = True
    world.turn()
    world.clock += 61_000
    world.settle()
    assert "JobManagerUnreachable" in (world.resource.status.error or "")
    world.say("it answers again")
    world.unreachable = False
    world.settle()
    assert world.resource.status.error is None
    golden(world)


def test_live_options_do_not_restart(world: World, golden) -> None:
    running(world)
    world.say("an option of the operator")
    world.edit(set_option("job.savepoint-on-deletion", "true"))
    world.settle()
    assert world.resource.status.observed_generation == 2
    golden(world)


def test_failed_job_is_restarted_if_asked(world: World, golden) -> None:
    world.edit(set_option("job.restart.failed", "true"))
    running(world)
    world.say("the job fails for good")
    world.job = FlinkJobState.FAILED
    world.settle()
    assert world.job is FlinkJobState.RUNNING
    golden(world)


def test_finished_job_expires(world: World, golden) -> None:
    world.edit(set_option("jm-deployment.shutdown-ttl", "10 min"))
    running(world)
    world.say("the job ends")
    world.job = FlinkJobState.FINISHED
    world.settle()
    assert world.processes == 3
    world.say("ten minutes later")
    world.clock += 601_000
    world.settle()
    assert world.processes == 0
    assert world.resource.status.job_status.state is FlinkJobState.FINISHED
    assert world.resource.status.lifecycle_state is LifecycleState.STABLE
    golden(world)


def test_defaults_of_the_installation_are_not_recorded(world: World) -> None:
    world.defaults = {"s3.endpoint": "http://s3", "kubernetes.operator.jm-deployment.shutdown-ttl": "1 min"}
    running(world)
    assert world.launched
    assert world.launched.configuration["s3.endpoint"] == "http://s3"
    assert "s3.endpoint" not in (world.resource.status.reconciliation_status.last_reconciled_spec or "")
    world.defaults = {"s3.endpoint": "http://other"}
    world.settle()
    assert world.launched.configuration["s3.endpoint"] == "http://s3", "no restart for a default that changed"
