"""`valueFrom` in flinkConfiguration: the pods get the value, and nothing that Penstock writes has it."""

import json
from typing import Any

import pytest

from penstock_api.v1beta1.configuration import flatten_configuration, value_sources
from penstock_api.v1beta1.cost import Cost, diff_cost
from penstock_api.v1beta1.deployment import FlinkDeployment
from penstock_operator.build import labels
from penstock_operator.build.context import Defaults
from penstock_operator.clients.kube import KubeClient
from penstock_operator.decide.validate import validate
from penstock_operator.model.facts import Ref
from penstock_operator.model.launch import Launch
from penstock_operator.platforms.kubernetes import KubernetesPlatform
from tests.operator_kubernetes.pod_groups import VOLCANO, serve_pod_groups

pytestmark = pytest.mark.timeout(300)

VALUE = "a-word-that-nobody-may-see"
KEYS = {
    "s3": {"secret-key": {"valueFrom": {"secretKeyRef": {"name": "storage", "key": "password"}}}},
    "s3.region": {"valueFrom": {"configMapKeyRef": {"name": "place", "key": "region", "optional": True}}},
    "s3.endpoint": "http://s3",
}


def make(client: KubeClient, namespace: str, keys: dict[str, Any], **spec: Any) -> FlinkDeployment:
    body = {
        "apiVersion": "flink.apache.org/v1beta1",
        "kind": "FlinkDeployment",
        "metadata": {"name": "clicks", "namespace": namespace},
        "spec": {
            "job": {"jarURI": "local:///opt/job.py", "parallelism": 1},
            "flinkConfiguration": keys,
            **spec,
        },
    }
    return FlinkDeployment.from_wire(client.create(body))


def deploy(platform: KubernetesPlatform, resource: FlinkDeployment) -> None:
    meta = resource.metadata
    platform.deploy(
        resource, Launch(Ref(meta.namespace, meta.name), meta.uid or "", 1, resource.spec, "a" * 32)
    )


@pytest.fixture
def platform(client: KubeClient) -> KubernetesPlatform:
    return KubernetesPlatform(client, Defaults(operator_namespace="penstock"))


def test_the_pods_get_the_value_and_nothing_that_is_written_has_it(
    client: KubeClient, namespace: str, platform: KubernetesPlatform
) -> None:
    resource = make(client, namespace, KEYS)
    assert validate(resource) == ()
    (problem,) = platform.refusals(resource)
    assert "spec.flinkConfiguration[s3.secret-key] names Secret 'storage'" in problem.message
    about = {"name": "storage", "namespace": namespace}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": about, "stringData": {"password": VALUE}}
    client.create(secret)
    assert platform.refusals(resource) == ()
    assert platform.storage(resource).keys["s3.secret-key"] == VALUE
    deploy(platform, resource)
    place = f"{namespace}-clicks"
    for name in ("clicks", "clicks-taskmanager"):
        pod = (client.get("Deployment", name, place) or {})["spec"]["template"]["spec"]
        container = pod["containers"][0]
        assert container["args"][1:5] == [
            *("-D", "s3.region=$(PENSTOCK_VALUE_0)"),
            *("-D", "s3.secret-key=$(PENSTOCK_VALUE_1)"),
        ]
        env = {entry["name"]: entry.get("valueFrom") for entry in container["env"]}
        assert env["PENSTOCK_VALUE_1"] == {"secretKeyRef": {"name": "storage", "key": "password"}}
        assert env["PENSTOCK_VALUE_0"]["configMapKeyRef"]["optional"] is True
    assert client.get("Secret", "storage", place) is not None
    config = (client.get("ConfigMap", "flink-config-clicks", place) or {})["data"]["config.yaml"]
    assert "s3.endpoint: http://s3" in config
    assert "secret-key" not in config
    for kind in ("Deployment", "ConfigMap", "Service"):
        assert VALUE not in json.dumps(client.list(kind, place, labels.OURS))
    assert VALUE not in json.dumps(client.get("FlinkDeployment", "clicks", namespace))


def test_another_reference_is_a_change_that_restarts() -> None:
    old = FlinkDeployment.from_wire({"spec": {"flinkConfiguration": KEYS}}).spec
    other = {
        **KEYS,
        "s3": {"secret-key": {"valueFrom": {"secretKeyRef": {"name": "new", "key": "password"}}}},
    }
    new = FlinkDeployment.from_wire({"spec": {"flinkConfiguration": other}}).spec
    assert diff_cost(old, new) == (Cost.UPGRADE, ["flinkConfiguration[s3.secret-key]"])


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        (
            {"a.b": {"valueFrom": {"secretKeyRef": {"name": "x"}}}},
            "a.b: valueFrom.secretKeyRef needs a name and a key",
        ),
        ({"a.b": {"valueFrom": {"fieldRef": {"fieldPath": "x"}}}}, "a.b: valueFrom takes one of"),
        (
            {"state.checkpoints.dir": {"valueFrom": {"secretKeyRef": {"name": "x", "key": "y"}}}},
            "read by the operator",
        ),
    ],
)
def test_a_reference_that_cannot_be_followed_is_refused(keys: dict[str, Any], said: str) -> None:
    body = {
        "metadata": {"name": "clicks"},
        "spec": {"job": {"jarURI": "local:///job.py", "parallelism": 1}, "flinkConfiguration": keys},
    }
    assert [said in problem.message for problem in validate(FlinkDeployment.from_wire(body))] == [True]


def test_what_says_where_its_value_is_is_flat_in_either_spelling() -> None:
    nested = {"a": {"b": {"valueFrom": {"secretKeyRef": {"name": "n", "key": "k"}}}}}
    flat = {"a.b": {"valueFrom": {"secretKeyRef": {"name": "n", "key": "k"}}}}
    assert value_sources(nested) == value_sources(flat)
    assert flatten_configuration(nested) == {"a.b": "valueFrom Secret n/k"}


@pytest.mark.parametrize(
    ("scheduler", "spec", "mark"),
    [
        (
            {"name": "volcano", "queue": "q"},
            {"schedulerName": "volcano"},
            ("annotations", "scheduling.volcano.sh/queue-name", "q"),
        ),
        ({"name": "yunikorn", "queue": "q"}, {"schedulerName": "yunikorn"}, ("labels", "queue", "q")),
        ({"name": "kueue", "queue": "q"}, {}, ("labels", "kueue.x-k8s.io/queue-name", "q")),
        (
            {"name": "own", "podGroup": "g", "priorityClassName": "high"},
            {"schedulerName": "own", "priorityClassName": "high"},
            ("labels", "scheduling.x-k8s.io/pod-group", "g"),
        ),
    ],
)
def test_pods_are_placed_together_by_the_batch_scheduler_that_the_spec_names(
    client: KubeClient,
    namespace: str,
    platform: KubernetesPlatform,
    scheduler: dict[str, str],
    spec: dict[str, str],
    mark: tuple[str, str, str],
) -> None:
    serve_pod_groups(client, VOLCANO)
    resource = make(client, namespace, {}, batchScheduler=scheduler)
    deploy(platform, resource)
    for name in ("clicks", "clicks-taskmanager"):
        template = (client.get("Deployment", name, f"{namespace}-clicks") or {})["spec"]["template"]
        assert {key: template["spec"].get(key) for key in spec} == spec
        assert template["metadata"][mark[0]][mark[1]] == mark[2]
