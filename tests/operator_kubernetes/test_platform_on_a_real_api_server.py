"""The Kubernetes platform against a real API server: what is applied is accepted, and read back as facts."""

from dataclasses import replace
from typing import Any

import pytest

from penstock_api.reasons import Reason
from penstock_api.v1beta1.deployment import FlinkDeployment
from penstock_api.v1beta1.status import FlinkDeploymentStatus, LifecycleState
from penstock_operator import crds
from penstock_operator.build import labels
from penstock_operator.build.context import Defaults
from penstock_operator.clients.kube import KubeClient
from penstock_operator.errors import Conflict, ExternalError, OperatorError
from penstock_operator.model.facts import DeployedJob, Ref
from penstock_operator.model.launch import Launch, with_defaults
from penstock_operator.model.plan import Event
from penstock_operator.platforms.kubernetes import KubernetesPlatform
from penstock_operator.platforms.kubernetes_namespace import sweep

pytestmark = pytest.mark.timeout(300)


def make(client: KubeClient, namespace: str, name: str = "clicks", **spec: Any) -> FlinkDeployment:
    body = {
        "apiVersion": "flink.apache.org/v1beta1",
        "kind": "FlinkDeployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "job": {"jarURI": "local:///opt/job.py", "parallelism": 3, "args": ["--topic", "clicks"]},
            "flinkConfiguration": {"taskmanager.numberOfTaskSlots": 2},
            **spec,
        },
    }
    return FlinkDeployment.from_wire(client.create(body))


def launch_of(resource: FlinkDeployment, job_id: str = "a" * 32) -> Launch:
    meta = resource.metadata
    return Launch(Ref(meta.namespace, meta.name), meta.uid or "", 1, resource.spec, job_id)


@pytest.fixture
def platform(client: KubeClient) -> KubernetesPlatform:
    return KubernetesPlatform(client, Defaults(operator_namespace="penstock"))


def test_everything_of_a_job_is_accepted_and_deploying_twice_changes_nothing(
    client: KubeClient, namespace: str, platform: KubernetesPlatform
) -> None:
    resource = make(client, namespace)
    assert platform.refusals(resource) == ()
    platform.deploy(resource, launch_of(resource))
    place = f"{namespace}-clicks"
    first = {kind: client.list(kind, place, labels.OURS) for kind in ("Deployment", "Service", "Secret")}
    platform.deploy(resource, launch_of(resource))
    again = {kind: client.list(kind, place, labels.OURS) for kind in first}
    assert again == first
    assert [found["metadata"]["name"] for found in first["Deployment"]] == ["clicks", "clicks-taskmanager"]
    assert first["Deployment"][1]["spec"]["replicas"] == 2
    facts = platform.observe(resource)
    assert facts.job_manager_exists
    assert facts.task_managers_exist
    assert not facts.job_manager_ready
    assert facts.rest_url is None
    assert facts.job_id == "a" * 32
    assert facts.fingerprint == launch_of(resource).fingerprint
    assert facts.leftovers


def test_a_stop_deletes_the_deployments_and_keeps_the_rest(
    client: KubeClient, namespace: str, platform: KubernetesPlatform
) -> None:
    resource = make(client, namespace)
    platform.deploy(resource, launch_of(resource))
    platform.stop(resource)
    platform.stop(resource)
    facts = platform.observe(resource)
    assert not facts.job_manager_exists
    assert not facts.task_managers_exist
    assert facts.processes_left == 0
    assert facts.leftovers


def test_removing_begins_to_delete_the_namespace(
    client: KubeClient, namespace: str, platform: KubernetesPlatform
) -> None:
    resource = make(client, namespace)
    platform.deploy(resource, launch_of(resource))
    platform.remove(resource)
    platform.remove(resource)
    found = client.get("Namespace", f"{namespace}-clicks")
    assert found is None or found["metadata"].get("deletionTimestamp")
    if found is not None:
        refusals = platform.refusals(resource)
        assert [problem.reason for problem in refusals] == [Reason.NAMESPACE_TERMINATING]


def test_beside_the_resource_everything_goes_by_label(
    client: KubeClient, namespace: str, platform: KubernetesPlatform
) -> None:
    resource = make(client, namespace, jobNamespaces={"mode": "Shared"})
    platform.deploy(resource, launch_of(resource))
    assert client.get("Deployment", "clicks", namespace) is not None
    assert platform.job_namespace(resource) == namespace
    owners = client.list("Service", namespace, labels.OURS)[0]["metadata"]["ownerReferences"]
    assert owners[0]["uid"] == resource.metadata.uid
    platform.remove(resource)
    assert not platform.observe(resource).leftovers


def test_secrets_and_config_maps_that_the_spec_names_follow_the_job(
    client: KubeClient, namespace: str, platform: KubernetesPlatform
) -> None:
    template = {
        "spec": {
            "containers": [
                {"name": "flink-main-container", "envFrom": [{"secretRef": {"name": "storage"}}]},
            ]
        }
    }
    resource = make(
        client,
        namespace,
        podTemplate=template,
        job={"jarURI": "configmap://program/job.py", "parallelism": 1},
    )
    reasons = {problem.reason for problem in platform.refusals(resource)}
    assert reasons == {Reason.SECRET_MISSING, Reason.CONFIG_MAP_MISSING}
    about = {"namespace": namespace}
    client.create(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "storage", **about},
            "stringData": {"AWS_ACCESS_KEY_ID": "someone", "AWS_SECRET_ACCESS_KEY": "something"},
        }
    )
    client.create(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "program", **about},
            "data": {"job.py": "print()"},
        }
    )
    assert platform.refusals(resource) == ()
    assert platform.storage(resource).keys["s3.access-key"] == "someone"
    platform.deploy(resource, launch_of(resource))
    place = f"{namespace}-clicks"
    assert (client.get("Secret", "storage", place) or {})["data"]
    assert (client.get("ConfigMap", "program", place) or {})["data"] == {"job.py": "print()"}
    pod = (client.get("Deployment", "clicks", place) or {})["spec"]["template"]["spec"]["containers"][0]
    assert "/opt/flink/usrlib/program/job.py" in pod["args"]
    assert pod["envFrom"] == [{"secretRef": {"name": "storage"}}]


def test_a_namespace_that_is_not_ours_is_refused(
    client: KubeClient, namespace: str, platform: KubernetesPlatform
) -> None:
    client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": f"{namespace}-clicks"}})
    resource = make(client, namespace)
    assert [problem.reason for problem in platform.refusals(resource)] == [Reason.NAMESPACE_NOT_OURS]
    with pytest.raises(OperatorError) as raised:
        platform.deploy(resource, launch_of(resource))
    assert raised.value.reason is Reason.NAMESPACE_NOT_OURS


def test_two_resources_never_share_a_namespace(
    client: KubeClient, namespace: str, platform: KubernetesPlatform
) -> None:
    same = {"jobNamespaces": {"nameTemplate": "{{ namespace }}-jobs"}}
    first, second = make(client, namespace, "one", **same), make(client, namespace, "two", **same)
    platform.deploy(first, launch_of(first))
    assert [problem.reason for problem in platform.refusals(second)] == [Reason.NAMESPACE_COLLISION]


def test_a_status_written_over_a_newer_resource_is_a_conflict(
    client: KubeClient, namespace: str, platform: KubernetesPlatform
) -> None:
    resource = make(client, namespace)
    written = platform.write_status(resource, FlinkDeploymentStatus(lifecycle_state=LifecycleState.CREATED))
    assert written.status.lifecycle_state is LifecycleState.CREATED
    assert written.status.job_namespace == f"{namespace}-clicks"
    with pytest.raises(Conflict):
        platform.write_status(resource, FlinkDeploymentStatus(lifecycle_state=LifecycleState.FAILED))
    cleared = platform.write_status(written, FlinkDeploymentStatus())
    assert cleared.status.lifecycle_state is None


def test_finalizers_are_put_on_once_and_taken_off_with_upstreams(
    client: KubeClient, namespace: str, platform: KubernetesPlatform
) -> None:
    resource = make(client, namespace)
    held = platform.hold(resource)
    assert held.metadata.finalizers == [labels.FINALIZER]
    assert platform.hold(held) == held
    both = {"metadata": {"finalizers": [labels.FINALIZER, *labels.UPSTREAM_FINALIZERS]}}
    client.patch("FlinkDeployment", "clicks", namespace, both)
    client.delete("FlinkDeployment", "clicks", namespace)
    platform.release(held)
    assert platform.read(Ref(namespace, "clicks")) is None
    platform.release(held)


def test_a_repeated_event_counts_up(client: KubeClient, namespace: str, platform: KubernetesPlatform) -> None:
    resource = make(client, namespace)
    for _ in range(3):
        platform.emit(resource, Event(Reason.SECRET_MISSING, "secret 'x' is missing"))
    found = client.list("Event", namespace)
    assert [(event["reason"], event["type"], event["count"]) for event in found] == [
        ("SecretMissing", "Warning", 3)
    ]


def test_the_sweep_deletes_a_namespace_whose_resource_is_gone_and_no_other(
    client: KubeClient, namespace: str, platform: KubernetesPlatform
) -> None:
    kept, gone = make(client, namespace, "kept"), make(client, namespace, "gone")
    for resource in (kept, gone):
        platform.deploy(resource, launch_of(resource))
    client.delete("FlinkDeployment", "gone", namespace)
    swept = sweep(client)
    assert f"{namespace}-gone" in swept
    assert f"{namespace}-kept" not in swept


def test_definitions_are_complete_after_they_were_applied(client: KubeClient) -> None:
    crds.check(client)


def test_missing_rights_and_bad_objects_have_a_name(client: KubeClient, namespace: str) -> None:
    with pytest.raises(OperatorError) as raised:
        client.apply(
            {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": {"name": "UPPER", "namespace": namespace},
                "spec": {"ports": [{"port": 1}]},
            }
        )
    assert raised.value.reason is Reason.VALIDATION_ERROR
    assert "UPPER" in raised.value.message


def test_a_namespace_left_behind_on_purpose_is_spared_and_named(
    client: KubeClient, namespace: str, platform: KubernetesPlatform
) -> None:
    resource = platform.hold(make(client, namespace, deletion={"policy": "Orphan"}))
    platform.deploy(resource, launch_of(resource))
    client.delete("FlinkDeployment", "clicks", namespace)
    platform.release(resource)
    assert platform.read(Ref(namespace, "clicks")) is None
    assert f"{namespace}-clicks" not in sweep(client)
    again = make(client, namespace)
    assert ["Orphan" in problem.message for problem in platform.refusals(again)] == [True]


def test_a_foreign_object_of_the_same_name_is_never_taken_over(
    client: KubeClient, namespace: str, platform: KubernetesPlatform
) -> None:
    service = {"ports": [{"port": 80}], "selector": {"app": "other"}}
    about = {"name": "clicks-rest", "namespace": namespace}
    client.create({"apiVersion": "v1", "kind": "Service", "metadata": about, "spec": service})
    resource = make(client, namespace, jobNamespaces={"mode": "Shared"})
    assert [problem.message for problem in platform.refusals(resource)] == [
        f"Service {namespace}/clicks-rest is there and is not this job's: delete it, or give the resource another name"
    ]


def ready(client: KubeClient, place: str) -> None:
    counts = dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), 1)
    client.patch("Deployment", "clicks", place, {"status": counts}, "status")


def test_job_manager_is_asked_where_it_was_deployed_to_listen(client: KubeClient, namespace: str) -> None:
    keys = (("rest.port", "9191"), ("security.ssl.rest.enabled", "true"))
    platform = KubernetesPlatform(client, Defaults(operator_namespace="penstock", configuration=keys))
    resource = make(client, namespace)
    spec = with_defaults(resource.spec, platform.defaults(namespace))
    launch = replace(launch_of(resource), spec=spec)
    platform.deploy(resource, launch)
    place = f"{namespace}-clicks"
    ready(client, place)
    url = f"https://clicks-rest.{place}.svc:9191"
    assert platform.observe(resource).rest_url == url
    plain = {"rest.port": "7070", "security.ssl.rest.enabled": "false"}
    changed = resource.spec.model_copy(update={"flink_configuration": plain})
    wanted = resource.model_copy(update={"spec": changed})
    assert platform.observe(wanted).rest_url == url, "the next one is not there yet"


def test_what_is_deployed_tells_whose_job_it_is(
    client: KubeClient, namespace: str, platform: KubernetesPlatform
) -> None:
    resource = make(client, namespace)
    platform.deploy(resource, replace(launch_of(resource), from_savepoint="s3://b/chk-1"))
    assert platform.observe(resource).deployed == DeployedJob("a" * 32, 1, "s3://b/chk-1")
    waiting = replace(launch_of(resource, "b" * 32), cluster="clicks-2", waits=True)
    platform.deploy(resource, waiting)
    elsewhere = resource.status.model_copy(update={"cluster_name": "clicks-2"})
    seen = platform.observe(resource.model_copy(update={"status": elsewhere}))
    assert seen.deployed is None, "it waits for the word, so it is nobody's job yet"


def test_a_stop_ends_what_no_status_names_too(
    client: KubeClient, namespace: str, platform: KubernetesPlatform
) -> None:
    resource = make(client, namespace)
    platform.deploy(resource, launch_of(resource))
    platform.deploy(resource, replace(launch_of(resource, "b" * 32), cluster="clicks-2"))
    platform.stop(resource)
    assert client.list("Deployment", f"{namespace}-clicks", labels.OURS) == []


def test_what_another_made_meanwhile_is_not_deployed_over(
    client: KubeClient, namespace: str, platform: KubernetesPlatform
) -> None:
    resource = make(client, namespace, jobNamespaces={"mode": "Shared"})
    assert platform.refusals(resource) == ()
    theirs = client.create(
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "clicks-rest", "namespace": namespace},
            "spec": {"ports": [{"port": 80}]},
        }
    )
    with pytest.raises(ExternalError, match="is not this job's"):
        platform.deploy(resource, launch_of(resource))
    assert client.get("Service", "clicks-rest", namespace) == theirs
    assert client.list("Deployment", namespace, labels.OURS) == []
