"""What Argo CD (our Lua script, run in Lua) and Flux (kstatus' rules) make of every lifecycle state."""

import copy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from lupa import lua51

from penstock_api.reasons import Reason
from penstock_api.v1beta1.autoscaler import AutoscalerStatus, ScaledToZero
from penstock_api.v1beta1.deployment import FlinkDeployment
from penstock_api.v1beta1.status import (
    FlinkDeploymentStatus,
    FlinkJobState,
    JobManagerDeploymentStatus,
    LifecycleState,
    ReconciliationState,
    ReconciliationStatus,
)
from penstock_operator.decide.session.present import present_session
from penstock_operator.decide.specs import encode_spec
from penstock_operator.model.facts import Facts
from tests.operator.simulation import BASE, World, problem

FOLDER = Path(__file__).parents[2] / "helm" / "argocd"
SCRIPT = (FOLDER / "health.lua").read_text()
ROLLBACK = "kubernetes.operator.deployment.rollback.enabled"
WINDOW = "kubernetes.operator.deployment.stability.window"


def argo(body: dict[str, Any]) -> str:
    """The verdict of the script; Argo CD runs Lua 5.1 with the object as `obj`."""
    lua = lua51.LuaRuntime()
    lua.globals()["obj"] = lua.table_from(body, recursive=True)
    found = lua.execute(SCRIPT)
    assert found["message"], "a verdict says why"
    return str(found["status"])


def kstatus(body: dict[str, Any]) -> str:
    """The generic rules of sigs.k8s.io/cli-utils' kstatus, in their order."""
    metadata, status = body["metadata"], body.get("status", {})
    if metadata.get("deletionTimestamp"):
        return "Terminating"
    if status.get("observedGeneration") not in (None, metadata.get("generation")):
        return "InProgress"
    held = {entry["type"]: entry["status"] for entry in status.get("conditions", [])}
    if held.get("Reconciling") == "True":
        return "InProgress"
    if held.get("Stalled") == "True":
        return "Failed"
    if "Ready" in held:
        return "Current" if held["Ready"] == "True" else "InProgress"
    return "Current"


def judged(world: World) -> tuple[str, str]:
    body = world.resource.to_wire()
    return argo(body), kstatus(body)


def set_job(**fields):
    return lambda spec: spec["job"].update(fields)


def setting(values: dict[str, str]):
    return lambda spec: spec["flinkConfiguration"].update(values)


def created(world: World) -> None:
    world.problems = (problem(Reason.CHECKPOINT_STORAGE_UNAVAILABLE),)
    world.turn()


def refused(world: World) -> None:
    world.problems = (problem(Reason.VALIDATION_ERROR, "spec.job.parallelism is -1: set it to 1"),)
    world.settle()


def starting(world: World) -> None:
    world.turn()


def deployed(world: World) -> None:
    world.defaults = {WINDOW: "1 min"}
    world.settle()
    assert world.resource.status.lifecycle_state is LifecycleState.DEPLOYED


def stable(world: World) -> None:
    world.settle()
    assert world.resource.status.lifecycle_state is LifecycleState.STABLE


def finished(world: World) -> None:
    stable(world)
    world.job = FlinkJobState.FINISHED
    world.settle()


def cancelled(world: World) -> None:
    stable(world)
    world.job = FlinkJobState.CANCELED
    world.settle()


def restarting(world: World) -> None:
    stable(world)
    world.job = FlinkJobState.RESTARTING
    world.settle()


def changed_and_not_seen(world: World) -> None:
    stable(world)
    world.edit(set_job(parallelism=3, args=["--fast"]))


def upgrading(world: World) -> None:
    changed_and_not_seen(world)
    world.turn()
    assert world.resource.status.lifecycle_state is LifecycleState.UPGRADING


def refused_later(world: World) -> None:
    stable(world)
    world.problems = (problem(Reason.VALIDATION_ERROR, "spec.job.parallelism is -1: set it to 1"),)
    world.edit(set_job(parallelism=-1))
    world.settle()


def suspended(world: World) -> None:
    world.settle()
    world.edit(set_job(state="suspended"))
    world.settle()
    assert world.resource.status.lifecycle_state is LifecycleState.SUSPENDED


def created_suspended(world: World) -> None:
    world.edit(set_job(state="suspended"))
    world.settle()


def failed(world: World) -> None:
    stable(world)
    world.job = FlinkJobState.FAILED
    world.settle()
    assert world.resource.status.lifecycle_state is LifecycleState.FAILED


def image_missing(world: World) -> None:
    world.turn()
    world.cluster_problem = problem(Reason.IMAGE_PULL_BACK_OFF)
    world.settle()


def rolling_back(world: World) -> None:
    world.edit(setting({ROLLBACK: "true"}))
    stable(world)
    world.starts_as = FlinkJobState.FAILED
    world.edit(set_job(args=["--broken"]))
    while world.resource.status.lifecycle_state is not LifecycleState.ROLLING_BACK:
        world.turn()
    world.starts_as = FlinkJobState.RUNNING
    world.turn()


def rolled_back(world: World) -> None:
    rolling_back(world)
    world.settle()
    assert world.resource.status.lifecycle_state is LifecycleState.ROLLED_BACK


class Autoscaled(World):
    """Beside an autoscaler that says this of the job."""

    says: AutoscalerStatus | None = None

    def facts(self) -> Facts:
        return replace(super().facts(), autoscaler=self.says)


def says(world: World, zero: ScaledToZero | None = None, **more: Any) -> None:
    assert isinstance(world, Autoscaled)
    world.says = AutoscalerStatus(mode="active", scaled_to_zero=zero, **more)


def scaled_to_zero(world: World) -> None:
    stable(world)
    says(world, ScaledToZero(since="2026-01-01T00:00:00Z", generation=1))
    world.settle()
    assert world.processes == 0


def going_to_zero(world: World) -> None:
    stable(world)
    says(world, ScaledToZero(since="2026-01-01T00:00:00Z", generation=1))
    world.turn()
    world.turn()
    assert world.processes


def waking(world: World) -> None:
    scaled_to_zero(world)
    began = {"since": "2026-01-01T00:00:00Z", "waking_since": "2026-01-01T00:09:00Z"}
    says(world, ScaledToZero(generation=1, why="records wait", **began))
    world.turn()


def woken(world: World) -> None:
    waking(world)
    world.settle()
    says(world)
    world.settle()


def watched_by_the_autoscaler(world: World) -> None:
    stable(world)
    says(world)
    world.settle()


def deleting(world: World) -> None:
    stable(world)
    world.delete()
    world.turn()


SITUATIONS: dict[Callable[[World], None], tuple[str, str]] = {
    created: ("Degraded", "Failed"),
    refused: ("Degraded", "Failed"),
    starting: ("Progressing", "InProgress"),
    deployed: ("Progressing", "InProgress"),
    stable: ("Healthy", "Current"),
    finished: ("Healthy", "Current"),
    cancelled: ("Degraded", "InProgress"),
    restarting: ("Progressing", "InProgress"),
    changed_and_not_seen: ("Progressing", "InProgress"),
    upgrading: ("Progressing", "InProgress"),
    refused_later: ("Degraded", "Failed"),
    suspended: ("Suspended", "Current"),
    created_suspended: ("Suspended", "Current"),
    failed: ("Degraded", "Failed"),
    image_missing: ("Degraded", "InProgress"),
    rolling_back: ("Progressing", "InProgress"),
    rolled_back: ("Degraded", "Failed"),
    watched_by_the_autoscaler: ("Healthy", "Current"),
    going_to_zero: ("Progressing", "InProgress"),
    scaled_to_zero: ("Healthy", "Current"),
    waking: ("Progressing", "InProgress"),
    woken: ("Healthy", "Current"),
    deleting: ("Progressing", "Terminating"),
}


@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda found: found.__name__)
def test_verdicts_of_argo_cd_and_flux(situation: Callable[[World], None]) -> None:
    world = Autoscaled(FlinkDeployment.from_wire(copy.deepcopy(BASE)))
    situation(world)
    assert judged(world) == SITUATIONS[situation], world.resource.status.to_wire()


def test_every_reason_is_of_the_enum_and_every_condition_of_this_generation(world: World) -> None:
    for situation in (starting, stable, upgrading, suspended):
        situation(world)
        for condition in world.resource.status.conditions:
            assert condition.observed_generation == world.resource.metadata.generation
            assert condition.last_transition_time is not None
            assert condition.type == "Running" or condition.reason in set(Reason)
            assert condition.message


def test_a_transition_time_moves_with_the_status_only(world: World) -> None:
    stable(world)
    before = {held.type: held.last_transition_time for held in world.resource.status.conditions}
    world.pass_time(3600, every=600)
    world.job = FlinkJobState.RESTARTING
    world.pass_time(10)
    after = {held.type: held.last_transition_time for held in world.resource.status.conditions}
    moved = {kind for kind in before if before[kind] != after[kind]}
    assert moved == {"Running", "Ready"}


@pytest.mark.parametrize(
    ("manager", "fault", "verdicts"),
    [
        ("READY", None, ("Healthy", "Current")),
        ("DEPLOYING", None, ("Progressing", "InProgress")),
        ("ERROR", Reason.IMAGE_PULL_BACK_OFF, ("Degraded", "InProgress")),
    ],
)
def test_verdicts_on_a_session_cluster(manager: str, fault: Reason | None, verdicts: tuple[str, str]) -> None:
    resource = FlinkDeployment.from_wire(
        {"metadata": {"namespace": "default", "name": "cluster", "generation": 1}, "spec": {"image": "job:1"}}
    )
    spec = encode_spec(resource.spec)
    status = FlinkDeploymentStatus(
        job_manager_deployment_status=JobManagerDeploymentStatus(manager),
        observed_generation=1,
        reconciliation_status=ReconciliationStatus(
            last_reconciled_spec=spec, last_stable_spec=spec, state=ReconciliationState.DEPLOYED
        ),
    )
    facts = Facts(resource=resource, now=1_800_000_000_000)
    shown = present_session(status, problem(fault) if fault else None, facts)
    body = resource.model_copy(update={"status": shown}).to_wire()
    assert (argo(body), kstatus(body)) == verdicts


def flink(kind: str, spec: dict[str, Any], status: dict[str, Any]) -> dict[str, Any]:
    return {
        "kind": kind,
        "metadata": {"name": "clicks", "generation": 1},
        "spec": spec,
        "status": status,
    }


RUNNING = {"jobStatus": {"state": "RUNNING"}}
UPSTREAM = [
    ({"job": {}}, {"lifecycleState": "STABLE", **RUNNING}, "Healthy"),
    ({"job": {}}, {"lifecycleState": "DEPLOYED", **RUNNING}, "Progressing"),
    ({"job": {}}, {"lifecycleState": "UPGRADING", "jobStatus": {"state": "FAILED"}}, "Progressing"),
    ({"job": {}}, {"lifecycleState": "ROLLED_BACK", **RUNNING}, "Degraded"),
    ({"job": {}}, {"lifecycleState": "FAILED"}, "Degraded"),
    ({"job": {"state": "suspended"}}, {"lifecycleState": "SUSPENDED"}, "Suspended"),
    ({"job": {"state": "suspended"}}, {"lifecycleState": "CREATED"}, "Suspended"),
    ({"job": {}}, {"lifecycleState": "STABLE", "error": '{"message":"HA metadata"}'}, "Degraded"),
    ({}, {"lifecycleState": "STABLE", "jobManagerDeploymentStatus": "READY"}, "Healthy"),
    ({}, {"lifecycleState": "STABLE", "jobManagerDeploymentStatus": "MISSING"}, "Progressing"),
    ({"job": {}}, {}, "Progressing"),
]


CASES = [
    (kind, spec, status, verdict)
    for spec, status, verdict in UPSTREAM
    for kind in ("FlinkDeployment", "FlinkSessionJob")
    if spec or kind == "FlinkDeployment"
]


@pytest.mark.parametrize(("kind", "spec", "status", "verdict"), CASES)
def test_objects_without_our_conditions(
    kind: str, spec: dict[str, Any], status: dict[str, Any], verdict: str
) -> None:
    assert argo(flink(kind, spec, status)) == verdict


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        ({}, "Progressing"),
        ({"state": "TRIGGER_PENDING"}, "Progressing"),
        ({"state": "IN_PROGRESS"}, "Progressing"),
        ({"state": "COMPLETED", "path": "s3://state/sp/1"}, "Healthy"),
        ({"state": "FAILED", "error": "AccessDenied"}, "Degraded"),
        ({"state": "ABANDONED"}, "Degraded"),
    ],
)
def test_snapshots(status: dict[str, Any], verdict: str) -> None:
    assert argo(flink("FlinkStateSnapshot", {}, status)) == verdict


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        ({"blueGreenState": "INITIALIZING_BLUE"}, "Progressing"),
        ({"blueGreenState": "ACTIVE_BLUE", **RUNNING}, "Healthy"),
        ({"blueGreenState": "ACTIVE_GREEN", "jobStatus": {"state": "FAILED"}}, "Degraded"),
        ({"blueGreenState": "SAVEPOINTING_BLUE", **RUNNING}, "Progressing"),
        ({"blueGreenState": "TRANSITIONING_TO_GREEN", **RUNNING}, "Progressing"),
        ({"blueGreenState": "ACTIVE_BLUE", "error": "aborted", **RUNNING}, "Degraded"),
    ],
)
def test_blue_green_deployments(status: dict[str, Any], verdict: str) -> None:
    assert argo(flink("FlinkBlueGreenDeployment", {"template": {}}, status)) == verdict


def test_the_patch_for_argo_cd_holds_the_script() -> None:
    patch = yaml.safe_load((FOLDER / "argocd-cm.yaml").read_text())
    held = yaml.safe_load(patch["data"]["resource.customizations"])
    assert held["flink.apache.org/*"]["health.lua"] == SCRIPT
