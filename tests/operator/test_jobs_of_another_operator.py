"""Resources of Apache's operator whose jobs run on Flink, which is not there yet: shown, and left as they are.

Who replaces that operator must be able to go back to it: neither a job nor what its status says of it is touched.
"""

import json
from typing import Any

import pytest

from penstock_api.reasons import Reason
from penstock_api.v1beta1.deployment import FlinkDeployment
from penstock_api.v1beta1.job import JobSpec
from penstock_api.v1beta1.session_job import FlinkSessionJob
from penstock_api.v1beta1.status import ReconciliationState
from penstock_operator.decide.planner import decide
from penstock_operator.decide.specs import encode_spec
from penstock_operator.decide.validate import validate
from penstock_operator.decide.validate_session_job import decode_session_spec
from penstock_operator.model.facts import ClusterFacts, Facts, Ref
from penstock_operator.model.plan import Plan, Release
from penstock_operator.reconcile.loop import Loop
from penstock_operator.reconcile.session_job import SessionJobs
from tests.operator.reconcile.test_session_jobs_on_a_real_cluster import Store

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


class TheirSession:
    """The platform of FlinkDeployments: one session cluster, of theirs."""

    def read(self, ref: Ref) -> FlinkDeployment:
        return theirs(is_session=True)

    def defaults(self, namespace: str) -> dict[str, str]:
        return {}

    def observe(self, resource: FlinkDeployment) -> ClusterFacts:
        return ClusterFacts()


def test_their_session_jobs_are_left_as_they_are() -> None:
    spec = {"deploymentName": "clicks", "job": {"jarURI": "https://example.com/a.jar", "parallelism": 1}}
    kept = json.dumps({"spec": spec, "resource_metadata": {"firstDeployment": False}})
    status = {
        "lifecycleState": "STABLE",
        "observedGeneration": 1,
        "jobStatus": {"jobId": "b" * 32, "state": "RUNNING"},
        "reconciliationStatus": {"state": "DEPLOYED", "lastReconciledSpec": kept, "lastStableSpec": kept},
    }
    metadata = {"name": "counting", "namespace": "team", "uid": "u-2", "generation": 2}
    job = FlinkSessionJob.from_wire(
        {"metadata": metadata, "spec": {**spec, "restartNonce": 4}, "status": status}
    )
    store = Store(job)
    loop = Loop(SessionJobs(store, TheirSession(), lambda *_: None))  # type: ignore[arg-type]
    for _ in range(3):
        loop.reconcile(Ref("team", "counting"))
    assert store.job is not None
    assert Reason.ENGINE_NOT_AVAILABLE in (store.job.status.error or "")
    assert store.job.status.job_status.job_id == "b" * 32
    reconciled = store.job.status.reconciliation_status
    assert reconciled.state is ReconciliationState.DEPLOYED
    assert decode_session_spec(reconciled.last_reconciled_spec) == decode_session_spec(kept)
    assert [event.reason for event in store.events] == [Reason.ENGINE_NOT_AVAILABLE]
