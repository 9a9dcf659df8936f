"""Resources of Apache's operator whose jobs run on Flink, which is not there yet: shown, and left as they are.

Who replaces that operator must be able to go back to it: neither a job nor what its status says of it is touched.
"""

from typing import Any

import pytest

from penstock_api.reasons import Reason
from penstock_api.v1beta1.deployment import FlinkDeployment
from penstock_api.v1beta1.job import JobSpec
from penstock_operator.decide.planner import decide
from penstock_operator.decide.specs import encode_spec
from penstock_operator.decide.validate import validate
from penstock_operator.model.facts import ClusterFacts, Facts
from penstock_operator.model.plan import Plan, Release

SPEC: dict[str, Any] = {
    "flinkVersion": "v1_20",
    "serviceAccount": "flink",
    "image": "flink:1.20",
    "jobManager": {"resource": {"memory": "2048m", "cpu": 1}},
    "taskManager": {"resource": {"memory": "2048m", "cpu": 1}},
    "flinkConfiguration": {"state.checkpoints.dir": "s3://b/c", "state.savepoints.dir": "s3://b/s"},
}
JOB = {"jarURI": "local:///opt/job.jar", "parallelism": 2, "upgradeMode": "savepoint"}


def theirs(*, is_session: bool = False, **spec: Any) -> FlinkDeployment:
    """As their operator left it: stable, and running."""
    held = {**SPEC, **({} if is_session else {"job": JOB})}
    kept = encode_spec(FlinkDeployment.from_wire({"spec": held}).spec)
    status = {
        "lifecycleState": "STABLE",
        "observedGeneration": 3,
        "jobManagerDeploymentStatus": "READY",
        "jobStatus": {}
        if is_session
        else {"jobId": "a" * 32, "state": "RUNNING", "startTime": "1", "updateTime": "2"},
        "reconciliationStatus": {
            "state": "DEPLOYED",
            "lastReconciledSpec": kept,
            "lastStableSpec": kept,
            "reconciliationTimestamp": 1,
        },
    }
    metadata = {"name": "clicks", "namespace": "team", "uid": "u-1", "generation": 3}
    return FlinkDeployment.from_wire({"metadata": metadata, "spec": {**held, **spec}, "status": status})


def plan_for(resource: FlinkDeployment) -> Plan:
    """Nothing of theirs has our label, so that no cluster is seen."""
    return decide(
        Facts(resource=resource, now=10_000_000, problems=validate(resource), cluster=ClusterFacts())
    )


CHANGES: list[dict[str, Any]] = [
    {},
    {"restartNonce": 7},
    {"job": {**JOB, "state": "suspended"}},
    {"job": {**JOB, "savepointRedeployNonce": 2, "initialSavepointPath": "s3://b/s/1"}},
    {"job": {**JOB, "parallelism": 0}},
    {"engine": "Penstock", "flinkVersion": None},
    {"flinkConfiguration": {**SPEC["flinkConfiguration"], "kubernetes.operator.job.restart.failed": "true"}},
]


@pytest.mark.parametrize("change", CHANGES, ids=[str(index) for index in range(len(CHANGES))])
@pytest.mark.parametrize("is_session", [False, True])
def test_nothing_is_done_to_their_job_nor_to_what_is_known_of_it(
    change: dict[str, Any], *, is_session: bool
) -> None:
    if is_session:
        change = {key: value for key, value in change.items() if key != "job"}
    resource = theirs(is_session=is_session, **change)
    plan = plan_for(resource)
    assert plan.actions == ()
    assert plan.after is None
    assert plan.status.error
    assert plan.status.job_status == resource.status.job_status
    assert plan.status.reconciliation_status == resource.status.reconciliation_status
    assert plan.status.job_manager_deployment_status == resource.status.job_manager_deployment_status


def test_reason_is_that_their_engine_is_not_there() -> None:
    plan = plan_for(theirs())
    assert Reason.ENGINE_NOT_AVAILABLE in (plan.status.error or "")
    assert [event.reason for event in plan.events] == [Reason.ENGINE_NOT_AVAILABLE]
    again = plan_for(theirs().model_copy(update={"status": plan.status}))
    assert again.status == plan.status
    assert again.events == ()


def test_their_resource_can_be_deleted() -> None:
    resource = theirs()
    going = resource.metadata.model_copy(update={"deletion_timestamp": "2020-01-01T00:00:00Z"})
    plan = plan_for(resource.model_copy(update={"metadata": going}))
    assert Release() in plan.actions


def test_spec_without_a_version_is_ours() -> None:
    spec = theirs().spec.model_copy(
        update={"flink_version": None, "job": JobSpec(jar_uri="/job.py", parallelism=1)}
    )
    fresh = FlinkDeployment(metadata=theirs().metadata, spec=spec)
    assert validate(fresh) == ()
