"""What upstream tells a resource's owner, in status and Events, though nothing has to be done for it."""

from penstock_api.reasons import Reason
from penstock_api.v1beta1.status import FlinkJobState
from penstock_operator.model.facts import Problem, Thrown
from tests.operator.simulation import World
from tests.operator.test_state_is_not_lost import running, set_job

OPERATOR = "kubernetes.operator."


def told(world: World, reason: Reason) -> list[str]:
    return [line.strip() for line in world.lines if f"Warning {reason}:" in line]


def configure(world: World, **keys: str) -> None:
    named = {OPERATOR + key.replace("__", ".").replace("_", "-"): value for key, value in keys.items()}
    world.edit(lambda spec: spec["flinkConfiguration"].update(named))


def fail(world: World, *sentences: str) -> None:
    """The job fails so, and comes back each time before anybody looks."""
    for sentence in sentences:
        world.restarts += 1
        why = Problem(Reason.JOB_EXCEPTION, f"ValueError: {sentence}", "Job")
        world.thrown.insert(0, Thrown(world.clock, why))


def test_missing_job_manager_that_is_not_made_again_is_told_of(world: World) -> None:
    configure(world, jm_deployment_recovery__enabled="false")
    running(world)
    world.lose_processes()
    world.settle()
    assert not world.jm
    assert Reason.MISSING in (world.resource.status.error or "")
    assert len(told(world, Reason.MISSING)) == 1
    configure(world, jm_deployment_recovery__enabled="true")
    world.settle()
    assert world.job is FlinkJobState.RUNNING
    assert world.resource.status.error is None


def test_job_manager_that_does_not_know_its_job_is_told_of(world: World) -> None:
    running(world)
    world.job = None
    world.silent_about_job = True
    world.pass_time(50)
    assert world.resource.status.error is None, "it may only be starting"
    world.pass_time(30)
    assert Reason.JOB_NOT_FOUND in (world.resource.status.error or "")
    world.silent_about_job, world.job = False, FlinkJobState.RUNNING
    world.settle()
    assert world.resource.status.error is None


def test_failures_that_the_job_overcame_are_events(world: World) -> None:
    running(world)
    fail(world, "first", "second")
    world.settle()
    assert [line.rpartition(": ")[2] for line in told(world, Reason.JOB_EXCEPTION)] == ["first", "second"]
    assert world.resource.status.error is None
    world.pass_time(60)
    assert len(told(world, Reason.JOB_EXCEPTION)) == 2, "once"
    fail(world, "third")
    world.settle()
    assert len(told(world, Reason.JOB_EXCEPTION)) == 3


def test_failures_are_told_up_to_the_limit(world: World) -> None:
    world.defaults[OPERATOR + "events.exceptions.limit-per-reconciliation"] = "2"
    running(world)
    fail(world, *"abcd")
    world.settle()
    assert [line[-1] for line in told(world, Reason.JOB_EXCEPTION)] == ["c", "d"], "the newest"


def test_restart_without_a_failure_tells_of_none(world: World) -> None:
    running(world)
    fail(world, "first")
    world.settle()
    world.pass_time(60)
    world.restarts += 1
    world.settle()
    assert len(told(world, Reason.JOB_EXCEPTION)) == 1


def test_cluster_info_has_upstreams_words(world: World) -> None:
    resources = {"resource": {"cpu": 0.5, "memory": "1024m"}}
    world.edit(
        lambda spec: spec.update(
            jobManager=dict(resources), taskManager={"resource": {"cpu": 1, "memory": "2g"}}
        )
    )
    running(world)
    assert world.resource.status.cluster_info == {
        "flink-version": "2.3.0",
        "flink-revision": "abc",
        "total-cpu": "2.5",
        "total-memory": str((1 + 2 * 2) * 1024**3),
        "state-size": "3000",
    }


def test_size_of_the_state_costs_no_write_of_its_own(world: World) -> None:
    running(world)
    world.pass_time(120)
    seen = set()
    for _ in range(60):
        world.complete_checkpoint()
        world.turn()
        seen.add(world.resource.status.cluster_info["state-size"])
    assert len(seen) <= 2


def test_format_of_a_savepoint_is_recorded_as_it_was_asked_for(world: World) -> None:
    configure(world, savepoint__format__type="NATIVE")
    running(world)
    world.edit(set_job(savepointTriggerNonce=1))
    world.settle()
    info = world.resource.status.job_status.savepoint_info
    assert info
    assert info.last_savepoint
    assert info.last_savepoint.format_type == "NATIVE"
    assert [trigger.format_type for trigger in world.triggers.values()] == ["NATIVE"]
