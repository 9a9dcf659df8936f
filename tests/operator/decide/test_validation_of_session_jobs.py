"""Session jobs: what is refused, with the field and the fix; programs come from public hosts only."""

import json
from typing import Any

import pytest

from penstock_api.v1beta1.deployment import FlinkDeployment
from penstock_api.v1beta1.session_job import FlinkSessionJob
from penstock_operator.configuration.values import Values
from penstock_operator.decide.validate_artifact import check_artifact, is_restricted
from penstock_operator.decide.validate_session_job import validate_session_job

SESSION: dict[str, Any] = {
    "metadata": {"name": "session", "namespace": "team"},
    "spec": {"flinkConfiguration": {"state.checkpoints.dir": "s3://b/c", "state.savepoints.dir": "s3://b/s"}},
}


def session_job(before: dict[str, Any] | None = None, **spec: Any) -> FlinkSessionJob:
    job = {"jarURI": "https://repo.example/a.py", "parallelism": 1, **spec.pop("job", {})}
    status = {"reconciliationStatus": {"lastReconciledSpec": json.dumps({"spec": before})}} if before else {}
    body = {"metadata": {"name": "job", "namespace": "team"}, "status": status}
    return FlinkSessionJob.from_wire({**body, "spec": {"deploymentName": "session", "job": job, **spec}})


def said(resource: FlinkSessionJob, session: dict[str, Any] | None = SESSION, **defaults: str) -> list[str]:
    cluster = FlinkDeployment.from_wire(session) if session else None
    return [problem.message for problem in validate_session_job(resource, cluster, defaults)]


@pytest.mark.parametrize(
    "resource",
    [
        session_job(),
        session_job(job={"upgradeMode": "savepoint"}),
        session_job(job={"jarURI": None}),
        session_job({"deploymentName": "session"}, job={"upgradeMode": "last-state"}),
    ],
)
def test_a_session_job_that_is_allowed(resource: FlinkSessionJob) -> None:
    assert said(resource) == []
    assert said(resource, None) == []


@pytest.mark.parametrize(
    ("resource", "word"),
    [
        (session_job(deploymentName=None), "spec.deploymentName"),
        (session_job(deploymentName="Big"), "spec.deploymentName"),
        (session_job({"deploymentName": "other"}), "cannot be changed"),
        (session_job(job={"jarURI": "s3://b/a.py"}), "scheme s3 is not allowed"),
        (session_job(job={"jarURI": "a.py"}), "has no scheme"),
        (session_job(job={"jarURI": "https:///a.py"}), "names no host"),
        (session_job(job={"jarURI": "https://[::1/a.py"}), "cannot be read"),
        (session_job(job={"jarURI": "https://127.0.0.1/a.py"}), "not public"),
        (session_job(job={"jarURI": "https://localhost/a.py"}), "this machine"),
        (session_job(job={"parallelism": 0}), "spec.job.parallelism"),
        (session_job(flinkConfiguration={"job.autoscaler.utilization.target": "7"}), "0 to 1"),
    ],
)
def test_a_session_job_that_is_refused_by_itself(resource: FlinkSessionJob, word: str) -> None:
    [found] = said(resource)
    assert word in found


@pytest.mark.parametrize(
    ("resource", "change", "word"),
    [
        (session_job(), {"job": {"jarURI": "local:///a.py", "parallelism": 1}}, "application cluster"),
        (session_job(job={"upgradeMode": "last-state"}), {"flinkConfiguration": {}}, "state.checkpoints.dir"),
        (
            session_job(flinkConfiguration={"kubernetes.operator.periodic.savepoint.interval": "1 h"}),
            {"flinkConfiguration": {}},
            "state.savepoints.dir",
        ),
        (
            session_job({"deploymentName": "session", "job": {}}, job={"savepointRedeployNonce": 5}),
            {},
            "initialSavepointPath",
        ),
    ],
)
def test_a_session_job_that_its_cluster_cannot_run(
    resource: FlinkSessionJob, change: dict[str, Any], word: str
) -> None:
    [found] = said(resource, {**SESSION, "spec": {**SESSION["spec"], **change}})
    assert word in found


def test_a_session_job_may_bring_its_own_directories() -> None:
    own = session_job(
        job={"upgradeMode": "last-state"}, flinkConfiguration={"state": {"checkpoints": {"dir": "s3://b/c"}}}
    )
    assert said(own, {**SESSION, "spec": {}}) == []


def test_hosts_are_looked_up_and_options_decide() -> None:
    def problems(uri: str, **keys: str) -> list[str]:
        table = {"inside.example": ["10.0.0.7"], "mixed.example": ["1.1.1.1", "169.254.169.254"]}

        def resolve(host: str) -> list[str]:
            if host not in table:
                raise OSError("no such name")
            return table[host]

        values = Values({f"kubernetes.operator.user.artifacts.{key}": text for key, text in keys.items()})
        return [problem.message for problem in check_artifact(uri, values, resolve)]

    assert "10.0.0.7" in problems("https://inside.example/a")[0]
    assert "169.254.169.254" in problems("https://mixed.example/a")[0]
    assert "is not found" in problems("https://missing.example/a")[0]
    assert problems("https://inside.example/a", **{"disallow-restricted-hosts": "false"}) == []
    assert problems("s3://b/a", **{"allowed-schemes": "https,s3"}) == []
    assert problems("any://b/a", **{"allowed-schemes": "*"}) == []


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.2.3", "192.168.0.1", "172.16.0.1", "169.254.1.1", "0.0.0.0", "224.0.0.1", "::1", "fe80::1%eth0", "fc00::1", "::ffff:10.0.0.1", "::"],
)  # fmt: skip
def test_addresses_that_are_not_public(address: str) -> None:
    assert is_restricted(address)
    assert not is_restricted("8.8.8.8")
    assert not is_restricted("2606:4700::1111")
