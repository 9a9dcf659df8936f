"""Custom resources are read as users write them and written as the API server has them."""

from typing import Any

import pytest
from pydantic import ValidationError

from penstock_api.crd import KINDS
from penstock_api.v1beta1.conditions import Condition, ConditionStatus, ConditionType, set_condition
from penstock_api.v1beta1.deployment import (
    Engine,
    FlinkDeployment,
    FlinkDeploymentSpec,
    FlinkVersion,
    JobNamespaceMode,
)
from penstock_api.v1beta1.job import JobSpec, JobState, UpgradeMode
from penstock_api.v1beta1.model import ApiModel
from penstock_api.v1beta1.session_job import FlinkSessionJob
from penstock_api.v1beta1.state_snapshot import FlinkStateSnapshot
from penstock_api.v1beta1.status import (
    FlinkDeploymentStatus,
    FlinkJobState,
    JobManagerDeploymentStatus,
    JobStatus,
    PendingSavepoint,
    ReconciliationState,
    SavepointPurpose,
)

UPSTREAM: dict[str, Any] = {
    "apiVersion": "flink.apache.org/v1beta1",
    "kind": "FlinkDeployment",
    "metadata": {"name": "basic-example", "namespace": "default", "generation": 3, "managedFields": []},
    "spec": {
        "image": "flink:2.2",
        "flinkVersion": "v2_2",
        "flinkConfiguration": {"taskmanager.numberOfTaskSlots": "2", "s3": {"path-style-access": True}},
        "serviceAccount": "flink",
        "podTemplate": {"kind": "Pod", "spec": {"containers": [{"name": "flink-main-container"}]}},
        "jobManager": {"resource": {"memory": "2048m", "cpu": 1}},
        "taskManager": {"resources": {"requests": {"cpu": 1, "memory": "2Gi"}}, "replicas": None},
        "job": {
            "jarURI": "local:///opt/flink/examples/StateMachineExample.jar",
            "parallelism": 2,
            "upgradeMode": "last-state",
            "args": None,
        },
        "someFieldOfNextYear": {"a": 1},
    },
}


def test_an_upstream_manifest_is_read() -> None:
    deployment = FlinkDeployment.from_wire(UPSTREAM)
    spec = deployment.spec
    assert spec.job is not None
    assert (spec.job.upgrade_mode, spec.job.state, spec.job.args) == (
        UpgradeMode.LAST_STATE,
        JobState.RUNNING,
        [],
    )
    assert spec.flink_version is FlinkVersion.V2_2
    assert spec.task_manager is not None
    assert spec.task_manager.resources is not None
    assert spec.task_manager.resources.requests == {"cpu": "1", "memory": "2Gi"}
    assert deployment.metadata.generation == 3


def test_what_is_written_is_read_again_and_has_wire_names() -> None:
    deployment = FlinkDeployment.from_wire(UPSTREAM)
    wire = deployment.to_wire()
    assert FlinkDeployment.from_wire(wire) == deployment
    assert wire["spec"]["job"]["jarURI"].startswith("local://")
    assert wire["spec"]["flinkConfiguration"] == UPSTREAM["spec"]["flinkConfiguration"]
    assert "someFieldOfNextYear" not in wire["spec"]
    assert "replicas" not in wire["spec"]["taskManager"]


def test_python_names_work_too() -> None:
    assert JobSpec(jar_uri="s3://b/clicks.py", parallelism=1).to_wire()["jarURI"] == "s3://b/clicks.py"


@pytest.mark.parametrize(
    ("spec", "engine", "mode", "standalone"),
    [
        ({}, Engine.PENSTOCK, JobNamespaceMode.DEDICATED, True),
        ({"flinkVersion": "v2_2"}, Engine.FLINK, JobNamespaceMode.SHARED, False),
        (
            {"flinkVersion": "v2_2", "engine": "Penstock"},
            Engine.PENSTOCK,
            JobNamespaceMode.DEDICATED,
            True,
        ),
        ({"engine": "Flink", "mode": "standalone"}, Engine.FLINK, JobNamespaceMode.SHARED, True),
        ({"jobNamespaces": {"mode": "Shared"}}, Engine.PENSTOCK, JobNamespaceMode.SHARED, True),
        ({"jobNamespaces": {"podSecurity": "baseline"}}, Engine.PENSTOCK, JobNamespaceMode.DEDICATED, True),
    ],
)
def test_what_is_unset_follows_from_the_rest(
    spec: dict[str, Any], engine: Engine, mode: JobNamespaceMode, standalone: bool
) -> None:
    read = FlinkDeploymentSpec.model_validate(spec)
    assert (read.effective_engine, read.effective_namespace_mode, read.is_standalone) == (
        engine,
        mode,
        standalone,
    )


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"job": {"upgradeMode": "sometimes"}}, "job.upgradeMode"),
        ({"job": {"parallelism": "many"}}, "job.parallelism"),
        ({"flinkVersion": "v9_9"}, "flinkVersion"),
    ],
)
def test_a_value_that_cannot_be_is_named_by_its_field(spec: dict[str, Any], field: str) -> None:
    with pytest.raises(ValidationError) as caught:
        FlinkDeploymentSpec.model_validate(spec)
    assert ".".join(str(part) for part in caught.value.errors()[0]["loc"]) == field


def test_a_resource_without_spec_is_read() -> None:
    canary = {"metadata": {"name": "canary", "labels": {"flink.apache.org/canary": "true"}}}
    assert FlinkDeployment.from_wire(canary).spec == FlinkDeploymentSpec()


def test_a_new_status_is_upstreams() -> None:
    status = FlinkDeploymentStatus()
    assert status.job_manager_deployment_status is JobManagerDeploymentStatus.MISSING
    assert status.reconciliation_status.state is ReconciliationState.UPGRADING
    assert status.lifecycle_state is None
    assert FlinkStateSnapshot().to_wire()["status"] == {"state": "TRIGGER_PENDING", "failures": 0}
    assert FlinkSessionJob().to_wire()["status"]["reconciliationStatus"] == {"state": "UPGRADING"}


def test_our_own_status_has_its_names() -> None:
    status = FlinkDeploymentStatus(
        job_namespace="default-clicks",
        job_status=JobStatus(job_ids=["a" * 32], state=FlinkJobState.RUNNING),
        pending_savepoint=PendingSavepoint(trigger_id="t", requested_at=5, purpose=SavepointPurpose.UPGRADE),
    ).to_wire()
    assert status["jobNamespace"] == "default-clicks"
    assert status["jobStatus"]["jobIds"] == ["a" * 32]
    assert status["pendingSavepoint"] == {"triggerId": "t", "requestedAt": 5, "purpose": "UPGRADE"}


def test_terminal_job_states() -> None:
    assert {state for state in FlinkJobState if state.is_terminal} == {
        FlinkJobState.FAILED,
        FlinkJobState.CANCELED,
        FlinkJobState.FINISHED,
    }


def test_a_resource_is_changed_by_copy_only() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        FlinkDeployment().spec.image = "x"  # type: ignore[misc]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_kind_knows_its_group_and_name(kind: Any) -> None:
    empty: ApiModel = kind.model()
    assert empty.to_wire()["kind"] == kind.name
    assert empty.to_wire()["apiVersion"] == "flink.apache.org/v1beta1"
    assert kind.model.from_wire(empty.to_wire()) == empty
    with pytest.raises(ValidationError):
        kind.model.from_wire({"kind": "Pod"})


def test_a_condition_keeps_its_time_until_its_status_changes() -> None:
    ready = Condition(type=ConditionType.READY, status=ConditionStatus.FALSE, reason="Deploying")
    one = set_condition([], ready, "2026-01-01T00:00:00Z")
    other = set_condition(one, ready.model_copy(update={"reason": "Waiting"}), "2026-01-02T00:00:00Z")
    assert (other[0].reason, other[0].last_transition_time) == ("Waiting", "2026-01-01T00:00:00Z")
    true = ready.model_copy(update={"status": ConditionStatus.TRUE, "observed_generation": 4})
    running = Condition(type=ConditionType.RUNNING, status=ConditionStatus.TRUE)
    third = set_condition(set_condition(other, running, "2026-01-03T00:00:00Z"), true, "2026-01-04T00:00:00Z")
    assert [held.type for held in third] == ["Ready", "Running"]
    assert third[0].to_wire() == {
        "type": "Ready",
        "status": "True",
        "reason": "Deploying",
        "message": "",
        "lastTransitionTime": "2026-01-04T00:00:00Z",
        "observedGeneration": 4,
    }
