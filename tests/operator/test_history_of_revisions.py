"""The revision history: what ran, who wanted it, from which state, for how long, and what became of it."""

import json

from penstock_api.v1beta1.deployment import FlinkDeployment
from penstock_api.v1beta1.status import FlinkJobState, Revision, RevisionOutcome
from tests.operator.simulation import World

ROLLBACK = "kubernetes.operator.deployment.rollback.enabled"


def set_job(**fields):
    return lambda spec: spec["job"].update(fields)


def setting(values: dict[str, str]):
    return lambda spec: spec["flinkConfiguration"].update(values)


def running(world: World) -> World:
    world.settle()
    world.complete_checkpoint()
    world.settle()
    return world


def history(world: World) -> list[Revision]:
    return world.resource.status.history


def managed(world: World, manager: str, moment: str) -> None:
    """As the API server records who changed the spec."""
    body = world.resource.to_wire()
    entry = {"manager": manager, "operation": "Apply", "time": moment, "fieldsV1": {"f:spec": {}}}
    status = {"manager": "penstock", "time": "2099-01-01T00:00:00Z", "subresource": "status"}
    body["metadata"]["managedFields"] = [*body["metadata"].get("managedFields", []), entry, status]
    world.resource = FlinkDeployment.from_wire(body)


def test_an_upgrade_begins_a_revision_and_ends_the_one_before(world: World) -> None:
    managed(world, "kubectl", "2026-11-01T08:00:00Z")
    running(world)
    managed(world, "argocd-controller", "2026-11-02T08:00:00Z")
    world.edit(set_job(jarURI="local:///opt/job2.py", parallelism=3))
    world.settle()
    first, second = history(world)
    assert (first.number, first.by, first.from_state) == (1, "kubectl", None)
    assert first.started is not None
    assert first.ended is not None
    assert first.outcome is RevisionOutcome.STABLE
    assert (second.number, second.by) == (2, "argocd-controller")
    assert second.changed == ["job.jarURI", "job.parallelism"]
    assert second.from_state == "s3://state/sp/savepoint-2"
    assert second.job_id == world.job_id
    assert second.ended is None
    assert second.outcome is RevisionOutcome.STABLE
    assert [json.loads(text)["job"]["jarURI"] for text in world.revisions.values()] == [
        "local:///opt/job.py",
        "local:///opt/job2.py",
    ]


def test_recovery_suspension_and_notes_are_no_revisions(world: World) -> None:
    running(world)
    world.lose_processes()
    world.settle()
    world.edit(set_job(savepointTriggerNonce=7))
    world.settle()
    world.edit(setting({"kubernetes.operator.savepoint.history.max.count": "3"}))
    world.settle()
    world.edit(set_job(upgradeMode="last-state"))
    world.settle()
    world.lose_processes()
    world.settle()
    assert [revision.number for revision in history(world)] == [1]
    assert history(world)[0].ended is None


def test_a_suspension_ends_a_revision_and_a_resumption_begins_one(world: World) -> None:
    running(world)
    world.edit(set_job(state="suspended"))
    world.settle()
    assert [revision.ended is None for revision in history(world)] == [False]
    world.edit(set_job(state="running"))
    world.settle()
    first, second = history(world)
    assert first.spec_hash == second.spec_hash
    assert first.outcome is RevisionOutcome.STABLE
    assert second.changed == []


def test_a_rollback_is_told_of(world: World) -> None:
    world.edit(setting({ROLLBACK: "true"}))
    running(world)
    world.starts_as = FlinkJobState.FAILED
    world.edit(set_job(args=["--broken"]))
    while world.resource.status.reconciliation_status.rollback is None:
        world.turn()
    world.starts_as = FlinkJobState.RUNNING
    world.settle()
    first, second, third = history(world)
    assert second.outcome is RevisionOutcome.ROLLED_BACK
    assert second.ended is not None
    assert third.changed == ["job.args"]
    assert third.spec_hash == first.spec_hash
    assert third.outcome is RevisionOutcome.STABLE


def test_failed_and_finished_are_outcomes(world: World) -> None:
    running(world)
    world.job = FlinkJobState.FAILED
    world.settle()
    assert history(world)[-1].outcome is RevisionOutcome.FAILED
    world.edit(set_job(args=["--again"]))
    world.settle()
    world.job = FlinkJobState.FINISHED
    world.settle()
    assert [revision.outcome for revision in history(world)] == [
        RevisionOutcome.FAILED,
        RevisionOutcome.FINISHED,
    ]


def test_the_history_is_bounded(world: World) -> None:
    world.edit(setting({"kubernetes.operator.revision.history.limit": "3"}))
    running(world)
    for number in range(6):
        world.edit(set_job(args=[str(number)]))
        world.settle()
    assert [revision.number for revision in history(world)] == [5, 6, 7]
    assert list(world.revisions) == [5, 6, 7]


def test_an_operator_that_dies_tells_of_each_revision_once(world: World) -> None:
    running(world)
    for number, point in enumerate(("status", "act", "after")):
        world.edit(set_job(args=[str(number)]))
        for _ in range(12):
            world.crash_before = point
            world.turn()
            world.turn()
        world.settle()
    assert [revision.number for revision in history(world)] == [1, 2, 3, 4]
    assert list(world.revisions) == [1, 2, 3, 4]
