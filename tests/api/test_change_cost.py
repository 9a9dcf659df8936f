"""What a change of a spec costs, and which fields changed."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock_api.v1beta1.blue_green import FlinkBlueGreenDeploymentSpec
from penstock_api.v1beta1.configuration import flatten_configuration
from penstock_api.v1beta1.cost import Change, Cost, diff, diff_cost
from penstock_api.v1beta1.deployment import FlinkDeploymentSpec
from penstock_api.v1beta1.session_job import FlinkSessionJobSpec

BASE: dict[str, Any] = {
    "image": "clicks:1",
    "job": {"jarURI": "local:///clicks.py", "parallelism": 2, "upgradeMode": "savepoint"},
    "taskManager": {"resource": {"cpu": 1, "memory": "1g"}},
    "flinkConfiguration": {"state.backend.type": "hashmap", "kubernetes.operator.job.restart.failed": "true"},
}


def spec(**changes: Any) -> FlinkDeploymentSpec:
    body = {**BASE, **{key: value for key, value in changes.items() if key != "job"}}
    body["job"] = {**BASE["job"], **changes.get("job", {})}
    return FlinkDeploymentSpec.model_validate(body)


@pytest.mark.parametrize(
    ("changes", "cost", "paths"),
    [
        ({}, Cost.IGNORE, []),
        ({"image": "clicks:2"}, Cost.UPGRADE, ["image"]),
        ({"job": {"jarURI": "local:///other.py"}}, Cost.UPGRADE, ["job.jarURI"]),
        ({"job": {"args": ["--fast"]}}, Cost.UPGRADE, ["job.args"]),
        ({"job": {"state": "suspended"}}, Cost.UPGRADE, ["job.state"]),
        ({"job": {"parallelism": 4}}, Cost.SCALE, ["job.parallelism"]),
        ({"job": {"upgradeMode": "last-state"}}, Cost.IGNORE, ["job.upgradeMode"]),
        ({"job": {"initialSavepointPath": "s3://b/s"}}, Cost.IGNORE, ["job.initialSavepointPath"]),
        ({"job": {"savepointTriggerNonce": 1}}, Cost.IGNORE, ["job.savepointTriggerNonce"]),
        ({"job": {"checkpointTriggerNonce": 1}}, Cost.IGNORE, ["job.checkpointTriggerNonce"]),
        ({"job": {"autoscalerResetNonce": 1}}, Cost.IGNORE, ["job.autoscalerResetNonce"]),
        ({"job": {"allowNonRestoredState": True}}, Cost.IGNORE, ["job.allowNonRestoredState"]),
        ({"job": {"allowEmptyState": True}}, Cost.IGNORE, ["job.allowEmptyState"]),
        (
            {"job": {"savepointRedeployNonce": 1, "jarURI": "local:///b.py"}},
            Cost.SAVEPOINT_REDEPLOY,
            ["job.jarURI", "job.savepointRedeployNonce"],
        ),
        ({"restartNonce": 1}, Cost.UPGRADE, ["restartNonce"]),
        ({"deletion": {"deadline": "5 min"}}, Cost.IGNORE, ["deletion.deadline"]),
        ({"jobNamespaces": {"podSecurity": "baseline"}}, Cost.UPGRADE, ["jobNamespaces.podSecurity"]),
        ({"ingress": {"template": "/{{name}}"}}, Cost.UPGRADE, ["ingress"]),
        (
            {"taskManager": {"replicas": 3, "resource": {"cpu": 1, "memory": "1g"}}},
            Cost.SCALE,
            ["taskManager.replicas"],
        ),
        (
            {"taskManager": {"resource": {"cpu": 1, "memory": "2g"}}},
            Cost.UPGRADE,
            ["taskManager.resource.memory"],
        ),
    ],
)
def test_change(changes: dict[str, Any], cost: Cost, paths: list[str]) -> None:
    assert diff_cost(spec(), spec(**changes)) == (cost, paths)


def test_a_nonce_that_is_taken_away_costs_nothing() -> None:
    assert diff_cost(spec(restartNonce=1), spec()) == (Cost.IGNORE, ["restartNonce"])
    assert diff_cost(spec(restartNonce=1), spec(restartNonce=2))[0] is Cost.UPGRADE
    redeployed = spec(job={"savepointRedeployNonce": 1})
    assert diff_cost(redeployed, spec())[0] is Cost.IGNORE


@pytest.mark.parametrize(
    ("configuration", "cost", "paths"),
    [
        ({"state.backend.type": "rocksdb"}, Cost.UPGRADE, ["flinkConfiguration[state.backend.type]"]),
        (
            {"state": {"backend": {"type": "hashmap"}}, "parallelism.default": 2},
            Cost.IGNORE,
            ["flinkConfiguration[parallelism.default]"],
        ),
        (
            {"state.backend.type": "hashmap", "job.autoscaler.enabled": True},
            Cost.IGNORE,
            ["flinkConfiguration[job.autoscaler.enabled]"],
        ),
        (
            {"state.backend.type": "hashmap", "pipeline.jobvertex-parallelism-overrides": "a:2"},
            Cost.SCALE,
            ["flinkConfiguration[pipeline.jobvertex-parallelism-overrides]"],
        ),
    ],
)
def test_configuration_is_compared_by_key(
    configuration: dict[str, Any], cost: Cost, paths: list[str]
) -> None:
    operators = {"kubernetes.operator.job.restart.failed": True}
    assert diff_cost(spec(), spec(flinkConfiguration={**operators, **configuration})) == (cost, paths)


def test_where_flink_owns_the_taskmanagers_parallelism_is_an_upgrade() -> None:
    native = {"flinkVersion": "v2_2", "mode": "native"}
    wider = {"job": {"parallelism": 4}}
    assert diff_cost(spec(**native), spec(**native, **wider))[0] is Cost.UPGRADE
    standalone = {"flinkVersion": "v2_2", "mode": "standalone"}
    assert diff_cost(spec(**standalone), spec(**standalone, **wider))[0] is Cost.SCALE


def test_an_object_without_content_is_no_change() -> None:
    assert diff_cost(spec(), spec(jobManager={}, deletion={}, jobNamespaces={})) == (Cost.IGNORE, [])
    assert diff_cost(spec(jobManager={"replicas": 1}), spec()) == (Cost.IGNORE, [])


def test_a_field_costs_what_its_object_costs() -> None:
    patient = spec(deletion={"deadline": "1 min", "policy": "Orphan"})
    assert diff_cost(patient, spec(deletion={"deadline": "1 min"})) == (Cost.IGNORE, ["deletion.policy"])


def test_replicas_set_by_kubectl_scale_are_a_scaling() -> None:
    bare = FlinkDeploymentSpec.model_validate({"image": "a"})
    scaled = FlinkDeploymentSpec.model_validate({"image": "a", "taskManager": {"replicas": 3}})
    assert diff_cost(bare, scaled) == (Cost.SCALE, ["taskManager.replicas"])


def test_a_change_tells_old_and_new() -> None:
    assert diff(spec(), spec(image="clicks:2")) == [Change("image", "clicks:1", "clicks:2", Cost.UPGRADE)]


def test_a_job_that_comes_or_goes_is_an_upgrade() -> None:
    session = FlinkDeploymentSpec.model_validate({"image": "clicks:1"})
    assert diff_cost(session, FlinkDeploymentSpec.model_validate({"image": "clicks:1", "job": {}})) == (
        Cost.UPGRADE,
        ["job"],
    )


def test_the_other_kinds_have_costs_too() -> None:
    one = FlinkSessionJobSpec.model_validate({"deploymentName": "a", "job": {"parallelism": 1}})
    other = FlinkSessionJobSpec.model_validate({"deploymentName": "a", "job": {"parallelism": 2}})
    assert diff_cost(one, other) == (Cost.SCALE, ["job.parallelism"])
    assert diff(one, other, standalone=False)[0].cost is Cost.UPGRADE
    blue = FlinkBlueGreenDeploymentSpec.model_validate({"template": {"spec": {"image": "a"}}})
    green = FlinkBlueGreenDeploymentSpec.model_validate({"template": {"spec": {"image": "b"}}})
    assert diff_cost(blue, green) == (Cost.UPGRADE, ["template.spec.image"])


def test_costs_are_ordered() -> None:
    assert Cost.IGNORE < Cost.SCALE < Cost.UPGRADE < Cost.SAVEPOINT_REDEPLOY


def test_configuration_is_flattened_as_flink_reads_it() -> None:
    assert flatten_configuration(
        {
            "a.b": 1,
            "s3": {"endpoint": "http://x", "path": {"style": {"access": True}}},
            "list": ["x", 2, False, None],
            "ratio": 0.5,
            "gone": None,
        }
    ) == {
        "a.b": "1",
        "s3.endpoint": "http://x",
        "s3.path.style.access": "true",
        "list": "x;2;false",
        "ratio": "0.5",
    }
    assert flatten_configuration(None) == {}
    assert flatten_configuration({"a": {"b": 1}, "a.b": 2}) == {"a.b": "2"}
    assert flatten_configuration({"maps": [{"k": 1, "l": True}]}) == {"maps": "k:1,l:true"}


values = st.recursive(
    st.one_of(st.booleans(), st.integers(), st.text(max_size=5)),
    lambda inner: st.dictionaries(st.text("abc", min_size=1, max_size=3), inner, max_size=3),
)


@given(st.dictionaries(st.text("abc", min_size=1, max_size=3), values, max_size=4))
def test_flattening_twice_changes_nothing(configuration: dict[str, Any]) -> None:
    flat = flatten_configuration(configuration)
    assert flatten_configuration(flat) == flat
