"""What a job's own namespace is furnished with: taken by its owner only, with room for its pods, closed to others."""

from typing import Any

import pytest

from penstock_api.reasons import Reason
from penstock_api.v1beta1.deployment import FlinkDeployment
from penstock_operator.build import labels
from penstock_operator.build.context import Defaults
from penstock_operator.clients.kube import KubeClient
from penstock_operator.model.facts import Ref
from penstock_operator.model.launch import Launch
from penstock_operator.platforms.kubernetes import KubernetesPlatform
from penstock_operator.platforms.kubernetes_namespace import sweep

pytestmark = pytest.mark.timeout(300)

SCRAPERS = {"matchLabels": {"monitoring": "true"}}
GATEWAYS = {"matchLabels": {"kubernetes.io/metadata.name": "gateway"}}


def make(client: KubeClient, namespace: str, name: str = "clicks", **spec: Any) -> FlinkDeployment:
    body = {
        "apiVersion": "flink.apache.org/v1beta1",
        "kind": "FlinkDeployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"job": {"jarURI": "local:///opt/job.py", "parallelism": 2}, **spec},
    }
    return FlinkDeployment.from_wire(client.create(body))


def deploy(platform: KubernetesPlatform, resource: FlinkDeployment) -> None:
    meta = resource.metadata
    launch = Launch(Ref(meta.namespace, meta.name), meta.uid or "", 1, resource.spec, "a" * 32)
    platform.deploy(resource, launch)


def changed(client: KubeClient, resource: FlinkDeployment, spec: dict[str, Any]) -> FlinkDeployment:
    meta = resource.metadata
    return FlinkDeployment.from_wire(
        client.patch("FlinkDeployment", meta.name, meta.namespace, {"spec": spec})
    )


def hard(client: KubeClient, place: str) -> dict[str, str]:
    found = client.get("ResourceQuota", "clicks", place) or {}
    return {key: value for key, value in found["spec"]["hard"].items() if key.startswith(("pods", "req"))}


@pytest.fixture
def platform(client: KubeClient) -> KubernetesPlatform:
    defaults = Defaults(
        operator_namespace="penstock",
        operator_pods=(("app.kubernetes.io/name", "penstock-operator"),),
        scrapers=SCRAPERS,
        ingress_controllers=GATEWAYS,
    )
    return KubernetesPlatform(client, defaults)


def test_names_that_two_resources_render_alike_are_refused_to_the_second(
    client: KubeClient, namespace: str, platform: KubernetesPlatform
) -> None:
    """`a` of `x-b` and `b-a` of `x` both give `x-b-a`."""
    client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": f"{namespace}-b"}})
    first, second = make(client, namespace, "b-a"), make(client, f"{namespace}-b", "a")
    assert platform.job_namespace(first) == platform.job_namespace(second)
    deploy(platform, first)
    (problem,) = platform.refusals(second)
    assert problem.reason is Reason.NAMESPACE_COLLISION
    assert f"{namespace}/b-a" in problem.message
    mended = changed(client, second, {"jobNamespaces": {"nameTemplate": "{{ namespace }}--{{ name }}"}})
    assert platform.refusals(mended) == ()


def test_a_namespace_made_beforehand_is_taken_by_the_resource_that_its_labels_name_and_by_no_other(
    client: KubeClient, namespace: str, platform: KubernetesPlatform
) -> None:
    place = f"{namespace}-clicks"
    named = {
        labels.MANAGED_BY: labels.PENSTOCK,
        labels.RESOURCE_NAMESPACE: namespace,
        labels.RESOURCE_NAME: "clicks",
        "cost-centre": "7",
    }
    client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": place, "labels": named}})
    assert place not in sweep(client)
    other = make(client, namespace, "other", jobNamespaces={"nameTemplate": place})
    assert [found.reason for found in platform.refusals(other)] == [Reason.NAMESPACE_COLLISION]
    resource = make(client, namespace)
    assert platform.refusals(resource) == ()
    deploy(platform, resource)
    marks = (client.get("Namespace", place) or {})["metadata"]["labels"]
    assert marks[labels.RESOURCE_UID] == resource.metadata.uid
    assert marks["cost-centre"] == "7"


def test_the_quota_follows_from_the_spec_and_is_written_anew_with_it(
    client: KubeClient, namespace: str, platform: KubernetesPlatform
) -> None:
    small = {"resources": {"requests": {"cpu": "500m", "memory": "1Gi"}}}
    resource = make(client, namespace, jobManager=small, taskManager=small)
    deploy(platform, resource)
    place = f"{namespace}-clicks"
    # Twice three pods of 600m and 1152Mi (with room for what is injected), and four spare ones of 100m and 128Mi.
    assert hard(client, place) == {"pods": "10", "requests.cpu": "4", "requests.memory": "7424Mi"}
    sidecar = {"name": "log", "image": "log:1", "resources": {"limits": {"cpu": "1", "memory": "1Gi"}}}
    deploy(platform, changed(client, resource, {"podTemplate": {"spec": {"containers": [sidecar]}}}))
    assert hard(client, place) == {"pods": "10", "requests.cpu": "10", "requests.memory": "13568Mi"}


def test_the_quota_is_widened_by_what_still_runs_and_narrows_again(
    client: KubeClient, namespace: str, platform: KubernetesPlatform
) -> None:
    resource = make(client, namespace, job={"jarURI": "local:///job.py", "parallelism": 9})
    deploy(platform, resource)
    place = f"{namespace}-clicks"
    assert hard(client, place)["pods"] == "24"
    # Stands in for the quota controller, which this API server has none of.
    used = {"status": {"used": {"pods": "10", "requests.cpu": "2100m", "requests.memory": "4Gi"}}}
    client.patch("ResourceQuota", "clicks", place, used, "status")
    smaller = changed(client, resource, {"job": {"jarURI": "local:///job.py", "parallelism": 1}})
    deploy(platform, smaller)
    assert hard(client, place)["pods"] == "16"
    client.patch("ResourceQuota", "clicks", place, {"status": {"used": {"pods": "2"}}}, "status")
    deploy(platform, smaller)
    assert hard(client, place)["pods"] == "8"


def test_only_the_operators_pods_scrapers_and_the_jobs_own_pods_are_let_in(
    client: KubeClient, namespace: str, platform: KubernetesPlatform
) -> None:
    resource = make(client, namespace)
    deploy(platform, resource)
    place = f"{namespace}-clicks"
    found = {one["metadata"]["name"]: one["spec"] for one in client.list("NetworkPolicy", place)}
    assert set(found) == {"clicks-own", "clicks-rest"}
    assert found["clicks-own"]["ingress"] == [{"from": [{"podSelector": {"matchLabels": {"app": "clicks"}}}]}]
    (rest,) = found["clicks-rest"]["ingress"]
    assert [port["port"] for port in rest["ports"]] == [8081]
    operator = {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "penstock"}},
        "podSelector": {"matchLabels": {"app.kubernetes.io/name": "penstock-operator"}},
    }
    assert rest["from"] == [operator, {"namespaceSelector": SCRAPERS}]
    deploy(platform, changed(client, resource, {"ingress": {"template": "{{name}}.example"}}))
    policy = client.get("NetworkPolicy", "clicks-rest", place) or {}
    assert policy["spec"]["ingress"][0]["from"][-1] == {"namespaceSelector": GATEWAYS}


def _original(client: KubeClient, namespace: str, value: str) -> None:
    about = {"name": "table", "namespace": namespace}
    client.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": about, "data": {"a": value}})


def _marks(client: KubeClient, place: str) -> list[str | None]:
    found = client.list("Deployment", place)
    templates = [one["spec"]["template"]["metadata"]["annotations"] for one in found]
    return [template.get(labels.RESTARTED_FOR) for template in templates]


@pytest.mark.parametrize("restarts", [True, False])
def test_pods_start_anew_for_a_changed_copy_only_where_the_owner_asks_for_it(
    client: KubeClient, namespace: str, platform: KubernetesPlatform, restarts: bool
) -> None:
    container = {"name": "flink-main-container", "envFrom": [{"configMapRef": {"name": "table"}}]}
    _original(client, namespace, "1")
    resource = make(
        client,
        namespace,
        podTemplate={"spec": {"containers": [container]}},
        jobNamespaces={"restartOnChange": restarts},
    )
    deploy(platform, resource)
    place = f"{namespace}-clicks"
    assert _marks(client, place) == [None, None]
    _original(client, namespace, "2")
    platform.refresh_copies(resource)
    assert (client.get("ConfigMap", "table", place) or {})["data"] == {"a": "2"}
    marks = _marks(client, place)
    assert len(set(marks)) == 1
    assert (marks[0] is not None) is restarts
    platform.refresh_copies(resource)
    assert _marks(client, place) == marks


def test_a_restart_that_a_crash_cut_off_is_made_up_for(
    client: KubeClient, namespace: str, platform: KubernetesPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    container = {"name": "flink-main-container", "envFrom": [{"configMapRef": {"name": "table"}}]}
    _original(client, namespace, "1")
    resource = make(
        client,
        namespace,
        podTemplate={"spec": {"containers": [container]}},
        jobNamespaces={"restartOnChange": True},
    )
    deploy(platform, resource)
    place = f"{namespace}-clicks"
    _original(client, namespace, "2")

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(KubeClient, "patch", crash)
        with pytest.raises(KeyboardInterrupt):
            platform.refresh_copies(resource)
    assert _marks(client, place) == [None, None]
    platform.refresh_copies(resource)
    marks = _marks(client, place)
    assert None not in marks
    platform.refresh_copies(resource)
    assert _marks(client, place) == marks
