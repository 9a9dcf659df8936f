"""The autoscaler's parallelism over the spec: whose word counts for which vertex, and what a quota leaves."""

from typing import Any

import pytest

from penstock_api.v1beta1.autoscaler import AutoscalerStatus
from penstock_api.v1beta1.deployment import FlinkDeploymentSpec
from penstock_operator.autoscale.options import AutoscalerOptions
from penstock_operator.decide.autoscaling import overlay, quota_slots
from penstock_operator.decide.scaling import OVERRIDES, overrides_of

SCALED = AutoscalerStatus(mode="active", overrides={"a": 4, "b": 2})


def spec(configuration: dict[str, Any] | None = None, **manager: Any) -> FlinkDeploymentSpec:
    body = {
        "job": {"jarURI": "local:///job.py", "parallelism": 1},
        "flinkConfiguration": configuration or {},
        "taskManager": manager,
    }
    return FlinkDeploymentSpec.from_wire(body)


def test_the_autoscaler_counts_before_the_owner_but_for_vertices_that_it_leaves_alone() -> None:
    written = {OVERRIDES: "a:1,b:7"}
    assert overrides_of(overlay(spec(written), SCALED)) == {"a": 4, "b": 2}
    alone = {**written, "job.autoscaler.vertex.exclude.ids": "b;c"}
    found = overlay(spec(alone), SCALED)
    assert overrides_of(found) == {"a": 4, "b": 7}
    assert found.job is not None
    assert found.job.parallelism == 7, "as wide as the widest"


@pytest.mark.parametrize(
    "written",
    [
        {OVERRIDES: "a:1", "pipeline": {"jobvertex-parallelism-overrides": "a:2"}},
        {"pipeline": {"jobvertex-parallelism-overrides": "a:2"}},
    ],
)
def test_overrides_count_however_the_owner_spells_his_own(written: dict[str, Any]) -> None:
    assert overrides_of(overlay(spec(written), SCALED)) == {"a": 4, "b": 2}


SIZES: list[dict[str, Any]] = [
    {"resource": {"cpu": 0.5, "memory": "2048m"}},
    {"resources": {"limits": {"cpu": "500m", "memory": "2Gi"}}},
    {"resources": {"requests": {"cpu": "500m", "memory": "2Gi"}}},
    {"resources": {"requests": {"cpu": "100m"}, "limits": {"cpu": "500m", "memory": "2Gi"}}},
]


@pytest.mark.parametrize("manager", SIZES)
def test_a_quota_is_so_many_task_managers_however_their_size_is_written(manager: dict[str, Any]) -> None:
    written = spec({"taskmanager.numberOfTaskSlots": "2"}, **manager)
    cpu = AutoscalerOptions(quota_cpu=1.6)
    assert quota_slots(written, cpu) == (6, "job.autoscaler.quota.cpu is 1.6")
    memory = AutoscalerOptions(quota_cpu=100.0, quota_memory="9 gb")
    assert quota_slots(written, memory) == (8, "job.autoscaler.quota.memory is 9 gb")


def test_a_quota_of_what_has_no_size_limits_nothing() -> None:
    options = AutoscalerOptions(quota_cpu=1.0, quota_memory="1 gb")
    assert quota_slots(spec(), options) == (None, "")
    assert quota_slots(spec(resources={"limits": {"memory": "much"}}), options) == (None, "")
