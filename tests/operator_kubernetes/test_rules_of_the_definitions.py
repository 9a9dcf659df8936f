"""The API server itself refuses what its rules can see, in a dry run too, and takes what upstream's operator stores."""

import copy
import time
from collections.abc import Callable
from typing import Any

import pytest

from penstock_operator.clients.kube import KubeClient
from penstock_operator.errors import OperatorError
from tests.operator_kubernetes.upstream_manifests import MANIFESTS

pytestmark = pytest.mark.timeout(180)

Change = Callable[[dict[str, Any]], Any]


def deployment(namespace: str, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "flink.apache.org/v1beta1",
        "kind": "FlinkDeployment",
        "metadata": {"name": "clicks", "namespace": namespace},
        "spec": {"job": {"jarURI": "local:///opt/job.py", "parallelism": 1}, **spec},
    }


def of_kind(kind: str, namespace: str, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "flink.apache.org/v1beta1",
        "kind": kind,
        "metadata": {"name": "clicks", "namespace": namespace},
        "spec": spec,
    }


def spec(**fields: Any) -> Change:
    return lambda body: body["spec"].update(fields)


def job(**fields: Any) -> Change:
    return lambda body: body["spec"]["job"].update(fields)


FLINK = {"flinkVersion": "v2_2", "serviceAccount": "flink"}


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda b: b["metadata"].update(name="9-lives"), "metadata.name"),
        (lambda b: b["metadata"].update(name="x" * 46), "45"),
        (job(parallelism=0), "spec.job.parallelism"),
        (lambda b: b["spec"]["job"].pop("parallelism"), "spec.job.parallelism"),
        (lambda b: b["spec"]["job"].pop("jarURI"), "jarURI"),
        (job(upgradeMode="sometimes"), "Unsupported value"),
        (spec(taskManager={"replicas": 0}), "1 or more"),
        (spec(jobManager={"replicas": 0}), "1 or more"),
        (spec(jobManager={"resource": {"cpu": 0}}), "more than 0"),
        (spec(taskManager={"resource": {"memory": "lots"}}), "is not a size"),
        (spec(logConfiguration={"log.txt": "x"}), "log4j-console.properties"),
        (spec(ingress={"className": "nginx"}), "spec.ingress.template"),
        (spec(deletion={"deadline": "soon"}), "is not a duration"),
        (spec(flinkVersion="v1_14", serviceAccount="flink"), "v1_15 or newer"),
        (spec(engine="Flink", serviceAccount="flink"), "v1_15 or newer"),
        (spec(flinkVersion="v2_2"), "spec.serviceAccount"),
    ],
)
def test_a_wrong_resource_is_refused_before_it_is_stored(
    client: KubeClient, namespace: str, change: Change, word: str
) -> None:
    body = deployment(namespace)
    change(body)
    with pytest.raises(OperatorError, match=word):
        client.create(body)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda b: b["spec"].pop("job"), "spec.job cannot be added or removed"),
        (spec(engine="Flink", **FLINK), "spec.engine cannot be changed"),
        (spec(**FLINK), "spec.engine cannot be changed"),
        (spec(jobNamespaces={"mode": "Shared"}), "spec.jobNamespaces.mode cannot be changed"),
        (job(savepointRedeployNonce=5), "set spec.job.initialSavepointPath"),
        (job(savepointRedeployNonce=5, initialSavepointPath=""), "set spec.job.initialSavepointPath"),
    ],
)
def test_a_change_that_cannot_be_is_refused(
    client: KubeClient, namespace: str, change: Change, word: str
) -> None:
    stored = client.create(deployment(namespace))
    change(stored)
    with pytest.raises(OperatorError, match=word):
        client.replace(stored)


@pytest.mark.parametrize(
    "change",
    [
        spec(engine="Penstock"),
        spec(engine="Penstock", flinkVersion="v2_2", mode="native"),
        spec(jobNamespaces={"mode": "Dedicated"}),
        job(savepointRedeployNonce=5, initialSavepointPath="s3://b/sp"),
        spec(job={"jarURI": "local:///opt/job.py"}, taskManager={"replicas": 2}),
        spec(taskManager={"resource": {"cpu": 0.5, "memory": "2048 mb"}}),
        spec(ingress={"template": "{{name}}.example.com"}, deletion={"deadline": "90 s"}),
        spec(logConfiguration={"log4j-console.properties": "x"}),
    ],
)
def test_a_change_that_can_be_is_taken(client: KubeClient, namespace: str, change: Change) -> None:
    stored = client.create(deployment(namespace))
    change(stored)
    client.replace(stored)


def test_a_flink_cluster_keeps_its_mode_and_one_of_ours_need_not(client: KubeClient, namespace: str) -> None:
    stored = client.create(deployment(namespace, **FLINK))
    stored["spec"]["mode"] = "native"
    stored = client.replace(stored)
    with pytest.raises(OperatorError, match="native and standalone"):
        client.replace({**stored, "spec": {**stored["spec"], "mode": "standalone"}})
    own = deployment(namespace, mode="native")
    own["metadata"]["name"] = "own"
    stored = client.create(own)
    client.replace({**stored, "spec": {**stored["spec"], "mode": "standalone"}})


@pytest.mark.parametrize(
    ("kind", "fields", "word"),
    [
        ("FlinkSessionJob", {"job": {}}, "spec.deploymentName"),
        ("FlinkSessionJob", {"deploymentName": "Big", "job": {}}, "spec.deploymentName"),
        ("FlinkSessionJob", {"deploymentName": "session"}, "spec.job is missing"),
        ("FlinkStateSnapshot", {"jobReference": {"kind": "FlinkDeployment", "name": "a"}}, "exactly one"),
        ("FlinkStateSnapshot", {"checkpoint": {}, "savepoint": {}}, "exactly one"),
        ("FlinkStateSnapshot", {"savepoint": {}}, "spec.jobReference is missing"),
        ("FlinkStateSnapshot", {"checkpoint": {}, "jobReference": {"name": "a"}}, "spec.jobReference"),
    ],
)
def test_other_kinds_have_rules_too(
    client: KubeClient, namespace: str, kind: str, fields: dict[str, Any], word: str
) -> None:
    with pytest.raises(OperatorError, match=word):
        client.create(of_kind(kind, namespace, **fields))


def test_a_session_job_stays_in_its_cluster(client: KubeClient, namespace: str) -> None:
    made = of_kind("FlinkSessionJob", namespace, deploymentName="one", job={"jarURI": "https://a/b.py"})
    stored = client.create(made)
    with pytest.raises(OperatorError, match=r"spec\.deploymentName cannot be changed"):
        client.replace({**stored, "spec": {**stored["spec"], "deploymentName": "two"}})


def test_a_snapshot_that_exists_needs_no_job(client: KubeClient, namespace: str) -> None:
    client.create(
        of_kind("FlinkStateSnapshot", namespace, savepoint={"alreadyExists": True, "path": "s3://b/sp"})
    )


@pytest.mark.parametrize("name", sorted(MANIFESTS))
def test_upstream_manifests_are_taken_whole(client: KubeClient, namespace: str, name: str) -> None:
    for body in copy.deepcopy(MANIFESTS[name]):
        body["metadata"]["namespace"] = namespace
        stored = client.create(body)
        assert _lost(body, stored) == []


def test_what_was_stored_before_the_rules_can_still_be_reported_and_changed(
    client: KubeClient, namespace: str
) -> None:
    """The definitions as they were without rules, an object that they refuse now, then those with rules again."""
    name = "flinkdeployments.flink.apache.org"
    held = client.get("CustomResourceDefinition", name) or {}
    bare = copy.deepcopy(held)
    _strip_rules(bare["spec"])
    client.replace(bare)
    try:
        stored = eventually_taken(client, deployment(namespace, jobManager={"resource": {"memory": "lots"}}))
    finally:
        now = client.get("CustomResourceDefinition", name) or {}
        now["spec"] = held["spec"]
        client.replace(now)
    eventually_refused(
        client, deployment(namespace, jobManager={"resource": {"memory": "lots"}}), "is not a size"
    )
    assert stored["spec"]["jobManager"]["resource"]["memory"] == "lots"
    client.patch("FlinkDeployment", "clicks", namespace, {"status": {"error": "x"}}, "status")
    client.patch("FlinkDeployment", "clicks", namespace, {"metadata": {"finalizers": []}})
    client.patch("FlinkDeployment", "clicks", namespace, {"spec": {"job": {"state": "suspended"}}})


def eventually_taken(client: KubeClient, body: dict[str, Any]) -> dict[str, Any]:
    """The API server uses a changed definition a moment later."""
    deadline = time.monotonic() + 30
    while True:
        try:
            return client.create(body)
        except OperatorError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def eventually_refused(client: KubeClient, body: dict[str, Any], word: str) -> None:
    deadline = time.monotonic() + 30
    said = ""
    while word not in said:
        assert time.monotonic() < deadline
        time.sleep(0.1)
        try:
            client.create(
                {**body, "metadata": {"namespace": body["metadata"]["namespace"], "generateName": "probe-"}}
            )
        except OperatorError as error:
            said = error.message


def _strip_rules(schema: Any) -> None:
    if isinstance(schema, dict):
        schema.pop("x-kubernetes-validations", None)
        for inner in schema.values():
            _strip_rules(inner)
    elif isinstance(schema, list):
        for inner in schema:
            _strip_rules(inner)


def _lost(wanted: Any, stored: Any, path: str = "") -> list[str]:
    """Paths of what was in the manifest and is not in the stored object."""
    if isinstance(wanted, dict):
        held = stored if isinstance(stored, dict) else {}
        return [
            gone
            for key, inner in wanted.items()
            for gone in ([f"{path}.{key}"] if key not in held else _lost(inner, held[key], f"{path}.{key}"))
        ]
    if isinstance(wanted, list) and isinstance(stored, list) and len(wanted) == len(stored):
        pairs = enumerate(zip(wanted, stored, strict=True))
        return [gone for index, (one, other) in pairs for gone in _lost(one, other, f"{path}[{index}]")]
    return [] if wanted == stored else [path]
