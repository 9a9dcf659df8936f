"""Layers of configuration: the installation, a namespace, a version, the resource; upstream's order."""

from typing import Any

import pytest

from penstock_api.v1beta1.deployment import FlinkDeploymentSpec
from penstock_operator.model.launch import NAMESPACE_MODE_KEY, namespace_mode, with_defaults
from penstock_operator.model.layers import namespace_defaults, version_defaults

SCOPED = "kubernetes.operator.default-configuration."
KEYS = {
    "a": "installation",
    "b": "installation",
    "c": "installation",
    "d": "installation",
    f"{SCOPED}namespace.team.b": "namespace",
    f"{SCOPED}namespace.team.c": "namespace",
    f"{SCOPED}namespace.other.a": "other",
    f"{SCOPED}flink-version.v1_18+.c": "from 1.18",
    f"{SCOPED}flink-version.v1_20+.c": "from 1.20",
    f"{SCOPED}flink-version.v2_0+.c": "from 2.0",
    f"{SCOPED}flink-version.v1_19.d": "1.19",
    f"{SCOPED}flink-version.v1_20.d": "1.20",
    f"{SCOPED}flink-version.v1_20+.d": "from 1.20",
}


def test_a_namespace_lies_over_the_installation_and_a_version_over_both() -> None:
    team = namespace_defaults(KEYS, "team")
    assert version_defaults(team, "v1_20") == {
        "a": "installation",
        "b": "namespace",
        "c": "from 1.20",
        "d": "1.20",
    }
    assert version_defaults(team, "v2_1")["c"] == "from 2.0"
    assert version_defaults(team, "v2_1")["d"] == "from 1.20"


def test_without_a_version_only_the_namespace_counts() -> None:
    assert version_defaults(namespace_defaults(KEYS, "team"), None) == {
        "a": "installation",
        "b": "namespace",
        "c": "namespace",
        "d": "installation",
    }


def test_versions_are_compared_as_numbers() -> None:
    keys = {f"{SCOPED}flink-version.v1_9+.a": "old", f"{SCOPED}flink-version.v1_18+.a": "new"}
    assert version_defaults(keys, "v1_20") == {"a": "new"}
    assert version_defaults(keys, "v1_15") == {"a": "old"}
    assert version_defaults(keys, "v1_8") == {}


def test_the_resource_has_the_last_word() -> None:
    spec = FlinkDeploymentSpec.from_wire(
        {"flinkVersion": "v1_20", "flinkConfiguration": {"c": "mine", "nested": {"d": 1}}}
    )
    found = with_defaults(spec, namespace_defaults(KEYS, "team")).flink_configuration
    assert (found["a"], found["b"], found["c"], found["d"]) == ("installation", "namespace", "mine", "1.20")
    assert not [key for key in found if key.startswith(SCOPED)]


@pytest.mark.parametrize(
    ("spec", "installed", "mode"),
    [
        ({}, "", "Dedicated"),
        ({}, "Shared", "Shared"),
        ({}, "shared", "Shared"),
        ({}, "Else", "Dedicated"),
        ({"flinkVersion": "v2_0"}, "", "Shared"),
        ({"flinkVersion": "v2_0"}, "Dedicated", "Dedicated"),
        ({"jobNamespaces": {"mode": "Dedicated"}}, "Shared", "Dedicated"),
    ],
)
def test_where_a_job_runs_is_said_by_its_spec_then_the_installation_then_the_engine(
    spec: dict[str, Any], installed: str, mode: str
) -> None:
    found = FlinkDeploymentSpec.from_wire(spec)
    assert namespace_mode(found, {NAMESPACE_MODE_KEY: installed}).value == mode
