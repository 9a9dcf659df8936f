"""JobManagers that elect a leader by the API server: rights only where they are needed, and a clean start each time."""

from typing import Any

import pytest

from penstock_api.v1beta1.deployment import FlinkDeployment
from penstock_operator.build import labels
from penstock_operator.build.config_map import pod_configuration
from penstock_operator.build.context import Defaults, JobContext
from penstock_operator.clients.kube import KubeClient
from penstock_operator.decide.validate import validate
from penstock_operator.model.facts import Ref
from penstock_operator.model.launch import Launch
from penstock_operator.platforms.kubernetes import KubernetesPlatform

pytestmark = pytest.mark.timeout(300)

ELECTING = {"high-availability.type": "kubernetes", "high-availability.storageDir": "s3://state/ha"}


def make(client: KubeClient, namespace: str, keys: dict[str, str], **spec: Any) -> FlinkDeployment:
    body = {
        "apiVersion": "flink.apache.org/v1beta1",
        "kind": "FlinkDeployment",
        "metadata": {"name": "clicks", "namespace": namespace},
        "spec": {
            "job": {"jarURI": "local:///opt/job.py", "parallelism": 1},
            "flinkConfiguration": keys,
            "jobManager": {"replicas": 3},
            **spec,
        },
    }
    return FlinkDeployment.from_wire(client.create(body))


def launch_of(resource: FlinkDeployment) -> Launch:
    meta = resource.metadata
    return Launch(Ref(meta.namespace, meta.name), meta.uid or "", 1, resource.spec, "a" * 32)


@pytest.fixture
def platform(client: KubeClient) -> KubernetesPlatform:
    return KubernetesPlatform(client, Defaults(operator_namespace="penstock"))


def bindings(client: KubeClient, place: str) -> dict[str, str]:
    found = client.list("RoleBinding", place, labels.OURS)
    return {one["metadata"]["name"]: one["roleRef"]["name"] for one in found}


def test_only_a_job_that_elects_may_use_leases_and_has_a_token(
    client: KubeClient, namespace: str, platform: KubernetesPlatform
) -> None:
    resource = make(client, namespace, ELECTING)
    assert validate(resource) == ()
    platform.deploy(resource, launch_of(resource))
    place = f"{namespace}-clicks"
    assert bindings(client, place) == {"clicks-job": "penstock-job", "clicks-job-ha": "penstock-job-ha"}
    manager = client.get("Deployment", "clicks", place) or {}
    assert manager["spec"]["replicas"] == 3
    pod = manager["spec"]["template"]["spec"]
    assert pod["automountServiceAccountToken"] is True
    assert "POD_IP" in {entry["name"] for entry in pod["containers"][0]["env"]}
    config = (client.get("ConfigMap", "flink-config-clicks", place) or {})["data"]["config.yaml"]
    assert "high-availability.cluster-id: clicks" in config
    plain = {"spec": {"flinkConfiguration": {"high-availability.type": None}, "jobManager": {"replicas": 1}}}
    changed = FlinkDeployment.from_wire(client.patch("FlinkDeployment", "clicks", namespace, plain))
    platform.deploy(changed, launch_of(changed))
    assert bindings(client, place) == {"clicks-job": "penstock-job"}
    manager = client.get("Deployment", "clicks", place) or {}
    assert manager["spec"]["replicas"] == 1
    assert manager["spec"]["template"]["spec"]["automountServiceAccountToken"] is False


def test_several_jobmanagers_without_an_election_are_refused(client: KubeClient, namespace: str) -> None:
    resource = make(client, namespace, {})
    assert ["nothing elects one of them" in problem.message for problem in validate(resource)] == [True]


def test_jobmanagers_that_start_anew_do_not_find_the_graph_of_an_older_program(
    client: KubeClient, namespace: str, platform: KubernetesPlatform
) -> None:
    resource = make(client, namespace, ELECTING)
    platform.deploy(resource, launch_of(resource))
    place = f"{namespace}-clicks"
    about = {"name": "clicks-cluster-config-map", "namespace": place}
    client.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": about, "data": {"job-1": "s3://x"}})
    platform.deploy(resource, launch_of(resource))
    assert client.get("ConfigMap", "clicks-cluster-config-map", place) is not None
    platform.stop(resource)
    platform.deploy(resource, launch_of(resource))
    assert client.get("ConfigMap", "clicks-cluster-config-map", place) is None


def test_beside_the_resource_an_election_leaves_nothing(
    client: KubeClient, namespace: str, platform: KubernetesPlatform
) -> None:
    resource = make(client, namespace, ELECTING, jobNamespaces={"mode": "Shared"}, serviceAccount="team")
    platform.deploy(resource, launch_of(resource))
    assert bindings(client, namespace) == {"clicks-job-ha": "penstock-job-ha"}
    marks = {"app": "clicks", "configmap-type": "high-availability"}
    about = {"name": "clicks-cluster-config-map", "namespace": namespace, "labels": marks}
    client.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": about})
    platform.remove(resource)
    assert bindings(client, namespace) == {}
    assert client.get("ConfigMap", "clicks-cluster-config-map", namespace) is None


def test_in_zookeeper_each_launch_meets_under_a_name_of_its_own(client: KubeClient, namespace: str) -> None:
    resource = make(client, namespace, {**ELECTING, "high-availability.type": "zookeeper"})
    first = launch_of(resource)
    second = Launch(first.ref, first.uid, 2, resource.spec, "b" * 32)
    found = [pod_configuration(JobContext(launch, "place", Defaults())) for launch in (first, second)]
    ids = {keys["high-availability.cluster-id"] for keys in found}
    assert len(ids) == 2
    assert all(one.startswith("clicks-") for one in ids)
