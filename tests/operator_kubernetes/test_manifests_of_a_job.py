"""What is built for a job, as whole YAML files; `PENSTOCK_UPDATE_GOLDEN=1` writes them anew for review."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from penstock_api.reasons import Reason
from penstock_api.v1beta1.deployment import FlinkDeploymentSpec
from penstock_api.v1beta1.resources import Resource, ResourceRequirements
from penstock_operator.build.assembly import build_job, build_surroundings
from penstock_operator.build.context import Defaults, JobContext
from penstock_operator.build.merge import merged
from penstock_operator.build.namespace import build_namespace, job_namespace
from penstock_operator.build.references import Reference, references
from penstock_operator.build.resources import JOB_MANAGER_DEFAULT, container_resources, memory_quantity
from penstock_operator.errors import UserError
from penstock_operator.model.facts import Ref
from penstock_operator.model.launch import Launch

GOLDEN = Path(__file__).parent / "golden"
REF = Ref("shop", "clicks")

SIMPLE: dict[str, Any] = {
    "job": {"jarURI": "s3://jobs/clicks.py", "parallelism": 2, "upgradeMode": "savepoint"}
}
SHARED: dict[str, Any] = {**SIMPLE, "jobNamespaces": {"mode": "Shared"}, "serviceAccount": "team"}
EVERYTHING: dict[str, Any] = {
    "image": "registry.example/clicks:7",
    "imagePullPolicy": "Always",
    "serviceAccount": "clicks",
    "job": {
        "jarURI": "configmap://program/clicks.py",
        "entryClass": "clicks.main",
        "args": ["--topic", "user clicks"],
        "parallelism": 3,
        "allowNonRestoredState": True,
        "requirements": "configmap://program/requirements.txt",
        "archives": ["s3://jobs/model.zip"],
    },
    "flinkConfiguration": {
        "taskmanager": {"numberOfTaskSlots": 2},
        "rest.port": 8082,
        "kubernetes.operator.periodic.savepoint.interval": "1h",
    },
    "jobNamespaces": {"nameTemplate": "jobs-{{ name }}", "podSecurity": "baseline"},
    "logConfiguration": {"log4j-console.properties": "rootLogger.level = DEBUG"},
    "ingress": {"template": "{{name}}.{{namespace}}.example/page", "className": "nginx"},
    "jobManager": {"resource": {"cpu": 0.5, "memory": "1g"}},
    "taskManager": {"resources": {"requests": {"cpu": "1", "memory": "2Gi"}, "limits": {"memory": "2048m"}}},
    "podTemplate": {
        "metadata": {"labels": {"team": "shop", "app": "not-mine"}},
        "spec": {
            "nodeSelector": {"disk": "fast"},
            "imagePullSecrets": [{"name": "registry"}],
            "volumes": [{"name": "scratch", "emptyDir": {}}],
            "containers": [
                {
                    "name": "flink-main-container",
                    "env": [{"name": "LEVEL", "value": "debug"}],
                    "envFrom": [{"secretRef": {"name": "storage"}}],
                    "volumeMounts": [{"name": "scratch", "mountPath": "/scratch"}],
                },
                {"name": "sidecar", "image": "sidecar:1"},
            ],
        },
    },
}
CASES = {"simple": SIMPLE, "shared": SHARED, "everything": EVERYTHING}


def context_of(spec: dict[str, Any]) -> JobContext:
    wanted = FlinkDeploymentSpec.from_wire(spec)
    launch = Launch(REF, "uid-1", 3, wanted, "0" * 31 + "1", "s3://state/savepoint-1")
    return JobContext(launch, job_namespace(wanted, REF), Defaults(operator_namespace="penstock"))


@pytest.mark.parametrize("case", sorted(CASES))
def test_manifests_are_as_reviewed(case: str) -> None:
    context = context_of(CASES[case])
    account = {"metadata": {"labels": {"tier": "1"}, "annotations": {"cloud/role": "clicks"}}}
    secret = {
        "kind": "Secret",
        "metadata": {"name": "storage", "namespace": "shop"},
        "type": "Opaque",
        "data": {"AWS_ACCESS_KEY_ID": "eA=="},
    }
    manifests = [
        *([build_namespace(context)] if context.is_dedicated else []),
        *build_surroundings(context, account if context.launch.spec.service_account else None, [secret]),
        *build_job(context, {"ca.crt": "CA", "tls.crt": "LEAF", "tls.key": "KEY"}),
    ]
    text = yaml.safe_dump_all(json.loads(json.dumps(manifests)), sort_keys=True, width=110)
    path = GOLDEN / f"{case}.yaml"
    if os.environ.get("PENSTOCK_UPDATE_GOLDEN"):
        path.write_text(text)
    assert text == path.read_text()


def test_no_template_changes_who_the_pod_is() -> None:
    pod = build_job(context_of(EVERYTHING), None)[-1]["spec"]["template"]
    assert pod["metadata"]["labels"]["app"] == "clicks"
    assert pod["metadata"]["labels"]["team"] == "shop"
    names = [container["name"] for container in pod["spec"]["containers"]]
    assert names == ["flink-main-container", "sidecar"]


@pytest.mark.parametrize(
    "template", ["{{ nobody }}", "{{ name", "Big-{{ name }}", "kube-{{ name }}", "default"]
)
def test_a_template_that_gives_no_name_is_refused(template: str) -> None:
    spec = FlinkDeploymentSpec.from_wire({"jobNamespaces": {"nameTemplate": template}})
    with pytest.raises(UserError, match="nameTemplate") as raised:
        job_namespace(spec, REF)
    assert raised.value.reason is Reason.VALIDATION_ERROR


@pytest.mark.parametrize(
    ("text", "quantity"),
    [
        ("1024m", "1024Mi"),
        ("1 gb", "1Gi"),
        ("2G", "2Gi"),
        ("1Gi", "1Gi"),
        ("1048576", "1048576"),
        ("512 kb", "512Ki"),
    ],
)
def test_memory_is_read_as_flink_writes_it_first(text: str, quantity: str) -> None:
    assert memory_quantity(text, "here") == quantity


def test_resources_name_the_wrong_field() -> None:
    wrong = ResourceRequirements(requests={"cpu": "much"})
    with pytest.raises(UserError, match=r"spec.jobManager.resources.requests.cpu is 'much'"):
        container_resources(wrong, None, JOB_MANAGER_DEFAULT, "spec.jobManager")
    old = container_resources(None, Resource(memory="512m"), JOB_MANAGER_DEFAULT, "spec.jobManager")
    assert old["limits"] == {"memory": "512Mi"}


def test_everything_that_a_spec_names_is_found_once() -> None:
    found = references(FlinkDeploymentSpec.from_wire(EVERYTHING))
    assert [(one.kind, one.name) for one in found] == [
        ("ConfigMap", "program"),
        ("Secret", "registry"),
        ("Secret", "storage"),
    ]
    volumes = [
        {"name": "a", "secret": {"secretName": "tls", "optional": True}},
        {"name": "b", "projected": {"sources": [{"secret": {"name": "tls"}}, {"configMap": {"name": "ca"}}]}},
        {"name": "c", "persistentVolumeClaim": {"claimName": "disk"}},
    ]
    env = [{"name": "X", "valueFrom": {"configMapKeyRef": {"name": "x", "key": "k"}}}]
    pod = {"volumes": volumes, "initContainers": [{"name": "i", "env": env}]}
    spec = FlinkDeploymentSpec.from_wire({"jobManager": {"podTemplate": {"spec": pod}}})
    assert {(one.kind, one.name, one.optional) for one in references(spec)} == {
        ("Secret", "tls", False),
        ("ConfigMap", "ca", False),
        ("ConfigMap", "x", False),
        ("PersistentVolumeClaim", "disk", False),
    }
    assert all(isinstance(one, Reference) and "spec.jobManager" in one.where for one in references(spec))


def test_templates_are_merged_by_name() -> None:
    base = {"containers": [{"name": "a", "env": [{"name": "X", "value": "1"}]}, {"name": "b"}], "args": [1]}
    over = {
        "containers": [{"name": "c"}, {"name": "a", "env": [{"name": "X", "value": "2"}]}],
        "args": [2, 3],
    }
    assert merged(base, over) == {
        "containers": [{"name": "a", "env": [{"name": "X", "value": "2"}]}, {"name": "b"}, {"name": "c"}],
        "args": [2, 3],
    }
    assert merged(base, None) == base
