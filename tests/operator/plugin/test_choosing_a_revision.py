"""Which revision a rollback by hand goes to, and what of it is written."""

import pytest

from penstock_api.v1beta1.deployment import FlinkDeployment
from penstock_api.v1beta1.status import Revision, RevisionOutcome
from penstock_operator.plugin.cluster import PluginError, Target
from penstock_operator.plugin.revisions import Kept, difference, earlier, to_write

SPEC = {"job": {"jarURI": "local:///opt/job.py", "parallelism": 2}}


def resource(*revisions: tuple[str, RevisionOutcome]) -> FlinkDeployment:
    history = [
        Revision(number=number, spec_hash=mark, outcome=outcome).to_wire()
        for number, (mark, outcome) in enumerate(revisions, start=1)
    ]
    body = {"metadata": {"name": "clicks", "namespace": "team"}, "spec": SPEC, "status": {"history": history}}
    return FlinkDeployment.from_wire(body)


def kept(*numbers: int) -> list[Kept]:
    return [Kept(number, SPEC) for number in numbers]


STABLE, FAILED, PENDING = RevisionOutcome.STABLE, RevisionOutcome.FAILED, RevisionOutcome.PENDING


def test_the_newest_other_spec_that_worked_is_chosen() -> None:
    found = resource(("a", STABLE), ("b", STABLE), ("c", FAILED), ("d", PENDING))
    assert earlier(found, kept(1, 2, 3, 4)) == 2
    assert earlier(found, kept(1, 3, 4)) == 1


def test_the_same_spec_is_no_choice() -> None:
    assert earlier(resource(("a", STABLE), ("b", STABLE), ("b", STABLE)), kept(1, 2, 3)) == 1
    assert earlier(resource(("a", STABLE)), kept(1)) is None


def test_nonces_and_the_wanted_state_stay_as_they_are() -> None:
    now = {"restartNonce": 7, "job": {"state": "suspended", "savepointRedeployNonce": 3, "args": ["new"]}}
    old = {
        "restartNonce": 2,
        "job": {"args": ["old"], "savepointTriggerNonce": 1, "savepointRedeployNonce": 1},
    }
    assert to_write(now, old) == {
        "restartNonce": 7,
        "job": {"args": ["old"], "savepointRedeployNonce": 3, "state": "suspended"},
    }


def test_defaults_that_are_spelled_out_are_no_difference() -> None:
    spelled = {"job": {**SPEC["job"], "args": [], "state": "running", "upgradeMode": "stateless"}}
    assert difference(SPEC, spelled, "one", "two") == []
    wider = {"job": {**SPEC["job"], "parallelism": 3}}
    lines = difference(SPEC, wider, "one", "two")
    changed = [line for line in lines if line[0] in "+-" and line[:3] not in ("+++", "---")]
    assert changed == ["-  parallelism: 2", "+  parallelism: 3"]


@pytest.mark.parametrize(
    "word", ["sessionjob", "sessionjobs", "flinksessionjob", "FlinkSessionJobs.flink.apache.org"]
)
def test_a_session_job_is_meant_by_its_kind(word: str) -> None:
    assert Target.of(f"{word}/counting") == Target("FlinkSessionJob", "counting")


@pytest.mark.parametrize("text", ["clicks", "flinkdep/clicks", "flinkdeployments/clicks"])
def test_a_deployment_is_meant_without_a_kind(text: str) -> None:
    assert Target.of(text) == Target("FlinkDeployment", "clicks")


@pytest.mark.parametrize("text", ["pod/clicks", "sessionjob/"])
def test_another_kind_has_no_revisions(text: str) -> None:
    with pytest.raises(PluginError, match="sessionjob/NAME"):
        Target.of(text)


def test_a_session_jobs_spec_is_compared_as_such() -> None:
    old = {"deploymentName": "session", "job": SPEC["job"]}
    new = {**old, "job": {**SPEC["job"], "args": ["--two"], "state": "running"}}
    assert "+  - --two" in difference(old, new, "one", "two")
    assert difference(old, {**old, "flinkConfiguration": {}}, "one", "two") == []
