"""The generated CRDs are fresh, structural, and hold what upstream's scripts and tools rely on."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from penstock_api.crd import KINDS, Kind, build_crd, build_crds, missing_fields, schema_fields
from penstock_api.crdgen import main, render, stale

CRDS = Path(__file__).parents[2] / "crds"


def schema_of(kind: Kind) -> dict[str, Any]:
    version: dict[str, Any] = build_crd(kind)["spec"]["versions"][0]
    schema: dict[str, Any] = version["schema"]["openAPIV3Schema"]
    return schema


def walk(schema: Any) -> list[dict[str, Any]]:
    found = []
    if isinstance(schema, dict):
        found.append(schema)
        for inner in schema.values():
            found.extend(walk(inner))
    elif isinstance(schema, list):
        for inner in schema:
            found.extend(walk(inner))
    return found


def property_at(schema: dict[str, Any], path: str) -> dict[str, Any]:
    for part in path.split("."):
        schema = schema["items"] if part == "[]" else schema["properties"][part]
    return schema


def test_committed_files_are_fresh() -> None:
    assert stale(CRDS) == [], "run `make gen`"
    assert sorted(path.name for path in CRDS.glob("*.yaml")) == sorted(render())


def test_check_names_what_is_not_fresh(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path)]) == 0
    assert main([str(tmp_path), "--check"]) == 0
    (tmp_path / "flinkdeployments.flink.apache.org.yaml").write_text("old")
    assert main([str(tmp_path), "--check"]) == 1
    assert "flinkdeployments.flink.apache.org.yaml is not fresh: run `make gen`" in capsys.readouterr().err


def test_yaml_is_what_the_operator_builds_in_memory() -> None:
    assert [yaml.safe_load(text) for text in render().values()] == build_crds()


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_schema_is_structural_without_defaults_and_required_fields(kind: Kind) -> None:
    for part in walk(schema_of(kind)):
        is_field = "type" in part and not isinstance(part["type"], dict)
        if is_field and part["type"] == "object":
            shapes = {
                "properties",
                "additionalProperties",
                "x-kubernetes-preserve-unknown-fields",
            } & part.keys()
            assert len(shapes) == 1, part
        if is_field and part["type"] == "array":
            assert "items" in part
        if is_field or "anyOf" in part:
            assert not {"default", "required", "pattern", "$ref"} & part.keys()


def test_names_and_subresources_are_upstreams() -> None:
    names = {kind.name: (kind.plural, kind.short) for kind in KINDS}
    assert names == {
        "FlinkDeployment": ("flinkdeployments", "flinkdep"),
        "FlinkSessionJob": ("flinksessionjobs", "sessionjob"),
        "FlinkStateSnapshot": ("flinkstatesnapshots", "flinksnp"),
        "FlinkBlueGreenDeployment": ("flinkbluegreendeployments", "flinkbgdep"),
    }
    by_name = {crd["spec"]["names"]["kind"]: crd["spec"]["versions"][0] for crd in build_crds()}
    assert by_name["FlinkDeployment"]["subresources"]["scale"] == {
        "specReplicasPath": ".spec.taskManager.replicas",
        "statusReplicasPath": ".status.taskManager.replicas",
        "labelSelectorPath": ".status.taskManager.labelSelector",
    }
    for version in by_name.values():
        assert version["subresources"]["status"] == {}
    columns = [column["name"] for column in by_name["FlinkStateSnapshot"]["additionalPrinterColumns"]]
    assert columns == ["Path", "Result Timestamp", "Snapshot State"]


def test_free_maps_keep_what_is_in_them() -> None:
    deployment = schema_of(KINDS[0])
    for path in (
        "spec.flinkConfiguration",
        "spec.podTemplate",
        "spec.jobManager.podTemplate",
        "spec.taskManager.podTemplate",
    ):
        assert property_at(deployment, path)["x-kubernetes-preserve-unknown-fields"] is True
    assert property_at(deployment, "spec.logConfiguration")["additionalProperties"] == {"type": "string"}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("spec.job.jarURI", {"type": "string"}),
        ("spec.job.upgradeMode", {"type": "string", "enum": ["stateless", "savepoint", "last-state"]}),
        ("spec.job.state", {"type": "string", "enum": ["running", "suspended"]}),
        ("spec.job.savepointRedeployNonce", {"type": "integer"}),
        ("spec.jobManager.resource.cpu", {"type": "number"}),
        ("spec.taskManager.replicas", {"type": "integer", "nullable": True}),
        ("spec.engine", {"type": "string", "enum": ["Penstock", "Flink"]}),
        ("spec.deletion.policy", {"type": "string", "enum": ["Force", "Orphan", "KeepTrying"]}),
        ("status.jobStatus.startTime", {"type": "string"}),
        ("status.reconciliationStatus.reconciliationTimestamp", {"type": "integer"}),
        ("status.conditions.[].observedGeneration", {"type": "integer"}),
    ],
)
def test_field_has_its_type(path: str, expected: dict[str, Any]) -> None:
    found = property_at(schema_of(KINDS[0]), path)
    beside = ("description", "x-kubernetes-validations")
    assert {key: value for key, value in found.items() if key not in beside} == expected


def test_quantities_may_be_numbers() -> None:
    requests = property_at(schema_of(KINDS[0]), "spec.taskManager.resources.requests")
    assert requests["additionalProperties"]["x-kubernetes-int-or-string"] is True


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_field_is_described(kind: Kind) -> None:
    schema = schema_of(kind)
    for path in schema_fields(schema):
        if path not in ("spec", "status"):
            assert property_at(schema, path.replace("[]", ".[]")).get("description"), path


def test_an_older_definition_is_told_from_this_one() -> None:
    installed = build_crd(KINDS[0])
    assert missing_fields(installed, KINDS[0]) == []
    del installed["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"][
        "engine"
    ]
    assert missing_fields(installed, KINDS[0]) == ["spec.engine"]
    assert "status" in missing_fields({}, KINDS[0])


def test_rules_come_from_the_marks_on_the_models() -> None:
    schema = schema_of(KINDS[0])
    [name] = schema["x-kubernetes-validations"]
    assert name["rule"].startswith("self.metadata.name.matches(")
    messages = [rule["message"] for rule in schema["properties"]["spec"]["x-kubernetes-validations"]]
    assert "spec.job cannot be added or removed: make another resource" in messages
    cpu = property_at(schema, "spec.jobManager.resource.cpu")
    assert cpu["x-kubernetes-validations"] == [{"rule": "self > 0.0", "message": "must be more than 0"}]


def test_rules_about_changes_do_not_hold_within_a_blue_green_template() -> None:
    kind = next(kind for kind in KINDS if kind.name == "FlinkBlueGreenDeployment")
    rules = [rule for part in walk(schema_of(kind)) for rule in part.get("x-kubernetes-validations", ())]
    assert rules
    assert not [rule for rule in rules if "oldSelf" in rule["rule"]]
