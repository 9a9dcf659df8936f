"""The chart's role is the least that works: what the operator does with it, by the API server's audit log.

An operator with that role and no other lets every kind of resource live through its life. A right that it did not use, and
a call that it was refused, fail the test: none is given in advance, and none is missing.
"""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from e2e.cluster.layout import HELM, REPOSITORY
from penstock_api.v1beta1.deployment import FlinkDeployment
from penstock_operator import crds
from penstock_operator.build import labels
from penstock_operator.build.context import Defaults
from penstock_operator.clients.kube import KubeClient
from penstock_operator.model.facts import Ref
from penstock_operator.model.launch import Launch
from penstock_operator.platforms.kubernetes import KubernetesPlatform
from tests.operator_kubernetes.api_server import ApiServer
from tests.operator_kubernetes.conftest import start_api_server
from tests.operator_kubernetes.pod_groups import SCHEDULER_PLUGINS, VOLCANO, serve_pod_groups
from tests.operator_kubernetes.rollouts import Manifest, eventually, stateful
from tests.operator_kubernetes.test_operator_process import Running
from tests.servers.audit import Right, asked, rights_of
from tests.servers.stub_jobmanager import StubJobManagers
from tests.servers.stub_kubelet import StubKubelet

pytestmark = pytest.mark.timeout(400)

ACCOUNT = "system:serviceaccount:penstock-system:penstock-operator"
CHECKED_ELSEWHERE = {
    Right("flink.apache.org", "flinkdeployments/finalizers", "update"): "asked by clusters whose admission "
    "OwnerReferencesPermissionEnforcement wants it of whoever sets blockOwnerDeletion; never in an audit log",
    Right("flink.apache.org", "flinkbluegreendeployments/finalizers", "update"): "likewise",
}
"""Rights that no call uses, with the reason why they are there."""
QUICK = {
    "kubernetes.operator.deployment.stability.window": "1 s",
    "kubernetes.operator.deployment.stability.checkpoints": "0",
}


def chart(*values: str) -> list[Manifest]:
    """The chart as it is installed with these values, without the webhook, whose rights are its own test's."""
    helm = str(HELM.binary("helm")) if HELM.is_built else shutil.which("helm")
    assert helm, "no Helm here: python -m e2e.cluster build"
    chosen = ["-n", "penstock-system", "--set", ",".join(("webhook.create=false", *values))]
    command = [helm, "template", "penstock", str(REPOSITORY / "helm" / "penstock"), *chosen]
    text = subprocess.run(command, capture_output=True, text=True, check=True, timeout=50).stdout
    return [document for document in yaml.safe_load_all(text) if document]


def send(client: KubeClient, method: str, path: str, body: Manifest) -> Manifest:
    """A call to a kind that the operator's client does not know."""
    return client._json(method, path, body=body) or {}


@dataclass
class World:
    """An API server of the test's own, and an operator on it that has the chart's role and no other."""

    server: ApiServer
    client: KubeClient
    namespace: str
    folder: Path
    role: Manifest
    operator: KubeClient
    """The operator's own connection."""

    def resource(self, name: str) -> Manifest:
        """A FlinkDeployment."""
        return self.client.get("FlinkDeployment", name, self.namespace) or {}

    def wait(self, name: str, lifecycle: str, generation: int) -> None:
        """Until this generation is in this lifecycle state."""

        def seen() -> bool:
            status = self.resource(name).get("status") or {}
            return (status.get("lifecycleState"), status.get("observedGeneration")) == (lifecycle, generation)

        eventually(f"{name} to be {lifecycle} at {generation}", seen)

    def job(self, name: str, keys: Manifest | None = None, **spec: Any) -> Manifest:
        """A resource whose job keeps state."""
        made = stateful(self.namespace, self.folder, name)
        made["spec"]["flinkConfiguration"] |= {**QUICK, **(keys or {})}
        made["spec"] |= spec
        return made

    def change(self, name: str, spec: Manifest) -> None:
        """Merge into a FlinkDeployment's spec."""
        self.client.patch("FlinkDeployment", name, self.namespace, {"spec": spec})

    def gone(self, kind: str, name: str) -> None:
        """Delete, and wait until it is gone."""
        self.client.delete(kind, name, self.namespace)
        eventually(f"{kind} {name} to go", lambda: self.client.get(kind, name, self.namespace) is None)


def install_rights(client: KubeClient, manifests: list[Manifest]) -> None:
    """What of the chart gives rights to the operator and to jobs, and its account."""
    for manifest in manifests:
        kind, about = manifest["kind"], manifest["metadata"]
        if "hooks" in about["name"]:
            continue
        if kind in ("ClusterRole", "ClusterRoleBinding"):
            send(client, "POST", f"/apis/rbac.authorization.k8s.io/v1/{kind.lower()}s", manifest)
        if kind in ("Role", "RoleBinding"):
            place = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{about['namespace']}"
            send(client, "POST", f"{place}/{kind.lower()}s", manifest)
        if kind == "ServiceAccount":
            client.create(manifest)


@contextmanager
def installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *values: str, watched: tuple[str, ...] = ()
) -> Iterator[World]:
    """The chart with these values on a server of its own; with `watched`, an operator that sees those alone."""
    folder = tmp_path / "api"
    folder.mkdir()
    with start_api_server(folder) as server:
        client = server.client()
        crds.apply(client)
        for name in {"penstock-system", "team", *watched}:
            client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        manifests = chart(*values)
        install_rights(client, manifests)
        role = next(
            one
            for one in manifests
            if one["kind"].endswith("Role") and one["metadata"]["name"] == "penstock-operator"
        )
        path = "/api/v1/namespaces/penstock-system/serviceaccounts/penstock-operator/token"
        request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
        token = send(client, "POST", path, request)["status"]["token"]
        config = server.kubeconfig(tmp_path / "kubeconfig", token=token)
        monkeypatch.setenv("KUBECONFIG", str(config))
        operator = server.client(token)
        operator.within = watched
        crds.check(operator)
        chosen = {"watch_namespaces": watched, "rbac_scope": "Namespaces"} if watched else {}
        with StubJobManagers() as stubs, StubKubelet(client, stubs):
            running = Running(operator, stubs.address, operator_namespace="penstock-system", **chosen)
            yield World(server, client, "team", tmp_path, role, operator)
            running.stop()
        operator.close()
        client.close()


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with installed(tmp_path, monkeypatch) as found:
        yield found


def a_job_with_everything(world: World) -> None:
    """Ingress, election, copies, an upgrade, a refused spec, scaling, and, by a warm upgrade, less of all of it again."""
    client, place = world.client, f"{world.namespace}-full"
    about = {"name": "storage", "namespace": world.namespace}
    client.create({"apiVersion": "v1", "kind": "Secret", "metadata": about, "stringData": {"A": "1"}})
    container = {"name": "flink-main-container", "envFrom": [{"secretRef": {"name": "storage"}}]}
    election = {"high-availability.type": "kubernetes", "high-availability.storageDir": "s3://x/ha"}
    election["kubernetes.operator.revision.history.limit"] = "1"
    client.create(
        world.job(
            "full",
            election,
            ingress={"template": "{{name}}.example"},
            serviceAccount="clicks",
            podTemplate={"spec": {"containers": [container]}},
            jobNamespaces={"restartOnChange": True},
        )
    )
    world.wait("full", "STABLE", 1)
    leaders = {"name": "full-cluster-config-map", "namespace": place}
    client.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": leaders})
    client.apply({"apiVersion": "v1", "kind": "Secret", "metadata": about, "stringData": {"A": "2"}})
    eventually(
        "the copy to follow",
        lambda: (client.get("Secret", "storage", place) or {}).get("data") == {"A": "Mg=="},
        90,
    )
    world.change("full", {"job": {"args": ["--two"]}})
    world.wait("full", "STABLE", 2)
    world.change("full", {"job": {"parallelism": 2}})
    world.wait("full", "STABLE", 3)
    leave_first(world, "full", place)
    world.change("full", {"job": {"parallelism": 1}})
    world.wait("full", "STABLE", 4)
    less = {"ingress": None, "flinkConfiguration": {"high-availability.type": None}}
    world.change("full", {**less, "upgradeStrategy": "Warm"})
    world.wait("full", "STABLE", 5)
    world.gone("FlinkDeployment", "full")


def leave_first(world: World, name: str, place: str) -> None:
    """Fewer TaskManagers, of which those that do nothing go first: what stub JobManagers know nothing of."""
    resource = FlinkDeployment.from_wire(world.resource(name))
    meta = resource.metadata
    launch = Launch(Ref(meta.namespace, meta.name), meta.uid or "", 1, resource.spec, "a" * 32)
    pods = world.client.list("Pod", place, f"{labels.COMPONENT}={labels.TASK_MANAGER}")
    platform = KubernetesPlatform(world.operator, Defaults())
    platform.scale(resource, launch, 2, [pods[0]["metadata"]["name"]])
    assert platform.spare_task_managers(resource).unseen == "", "the quotas were seen"


def a_pod_that_does_not_start(world: World, name: str) -> None:
    """Only Events say why a volume cannot be mounted, so they are looked at."""
    resource = world.resource(name)
    owned = labels.owned_labels(Ref(world.namespace, name), resource["metadata"]["uid"])
    pod = f"{name}-slow"
    about = {"name": pod, "namespace": world.namespace, "labels": owned}
    spec = {"containers": [{"name": "main", "image": "none"}]}
    world.client.create({"apiVersion": "v1", "kind": "Pod", "metadata": about, "spec": spec})
    waiting = {"name": "main", "ready": False, "restartCount": 0, "image": "none", "imageID": ""}
    waiting["state"] = {"waiting": {"reason": "ContainerCreating"}}
    status = {"status": {"phase": "Pending", "containerStatuses": [waiting]}}
    world.client.patch("Pod", pod, world.namespace, status, "status")
    listed = Right("", "events", "list")
    eventually("Events to be looked at", lambda: listed in asked(world.server.audit_log, ACCOUNT).used)
    world.client.delete("Pod", pod, world.namespace)


def a_job_beside_its_resource(world: World) -> None:
    """In a shared namespace: everything goes by itself, with an election's traces."""
    keys = {"high-availability.type": "kubernetes", "high-availability.storageDir": "s3://x/ha"}
    spec = {"jobNamespaces": {"mode": "Shared"}, "ingress": {"template": "{{name}}.example"}}
    world.client.create(world.job("near", keys, **spec))
    world.wait("near", "STABLE", 1)
    a_pod_that_does_not_start(world, "near")
    marks = {"app": "near", "configmap-type": "high-availability"}
    about = {"name": "near-cluster-config-map", "namespace": world.namespace, "labels": marks}
    world.client.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": about})
    world.gone("FlinkDeployment", "near")


def a_job_whose_spec_is_refused(world: World) -> None:
    """Its reason is told as an Event, again and again; and an orphan is swept."""
    spec = {"podTemplate": {"spec": {"imagePullSecrets": [{"name": "nowhere"}]}}}
    world.client.create(world.job("wrong", **spec))
    eventually("the reason", lambda: (world.resource("wrong").get("status") or {}).get("error"))
    world.gone("FlinkDeployment", "wrong")


def snapshots_and_a_history(world: World) -> None:
    """A snapshot by the clock, of which one is kept; the resource goes away with its cluster at the end."""
    keys = {
        "kubernetes.operator.periodic.savepoint.interval": "1 s",
        "kubernetes.operator.savepoint.history.max.count": "1",
    }
    world.client.create(world.job("often", keys))
    world.wait("often", "STABLE", 1)
    seen: set[str] = set()

    def replaced() -> bool:
        names = {one["metadata"]["name"] for one in world.client.list("FlinkStateSnapshot", world.namespace)}
        seen.update(name for name in names if name.startswith("often-"))
        return len(seen) > 2 and len([name for name in names if name.startswith("often-")]) < len(seen)

    eventually("snapshots to come and go", replaced, 90)
    world.gone("FlinkDeployment", "often")


def a_session_job(world: World) -> None:
    """A job of a session cluster that waits for it."""
    body = {
        "apiVersion": "flink.apache.org/v1beta1",
        "kind": "FlinkSessionJob",
        "metadata": {
            "name": "inside",
            "namespace": world.namespace,
            "finalizers": ["flinksessionjobs.flink.apache.org/finalizer"],  # of the operator before ours
        },
        "spec": {
            "deploymentName": "nobody",
            "job": {"jarURI": "https://example.com/job.py", "parallelism": 1, "upgradeMode": "stateless"},
        },
    }
    world.client.create(body)

    def status() -> Manifest:
        found = world.client.get("FlinkSessionJob", "inside", world.namespace) or {}
        told: Manifest = found.get("status") or {}
        return told

    eventually("its status", status)
    world.gone("FlinkSessionJob", "inside")


def a_blue_green_deployment(world: World) -> None:
    """One transition."""
    body = world.job("both")
    template = {"spec": body["spec"]}
    body |= {"kind": "FlinkBlueGreenDeployment", "spec": {"template": template}}
    world.client.create(body)

    def state() -> str:
        found = world.client.get("FlinkBlueGreenDeployment", "both", world.namespace) or {}
        return str((found.get("status") or {}).get("blueGreenState"))

    eventually("blue", lambda: state() == "ACTIVE_BLUE", 90)
    change = {"spec": {"template": {"spec": {"job": {"args": ["--two"]}}}}}
    world.client.patch("FlinkBlueGreenDeployment", "both", world.namespace, change)
    eventually("green", lambda: state() == "ACTIVE_GREEN", 90)
    world.client.delete("FlinkBlueGreenDeployment", "both", world.namespace)
    for side in ("both-blue", "both-green"):  # there is no garbage collector here
        world.gone("FlinkDeployment", side)


def jobs_of_batch_schedulers(world: World) -> None:
    """With a PodGroup of each kind."""
    groups = {"volcano": VOLCANO, "scheduler-plugins": SCHEDULER_PLUGINS}
    for name, version in groups.items():
        serve_pod_groups(world.client, version)
        world.client.create(world.job(name, batchScheduler={"name": name}))
    for name in groups:
        world.wait(name, "STABLE", 1)
        world.gone("FlinkDeployment", name)


LIVES: tuple[Callable[[World], None], ...] = (
    a_job_with_everything,
    a_job_beside_its_resource,
    a_job_whose_spec_is_refused,
    snapshots_and_a_history,
    a_session_job,
    a_blue_green_deployment,
    jobs_of_batch_schedulers,
)


def test_every_right_of_the_operator_is_used_and_none_is_missing(world: World) -> None:
    for live in LIVES:
        live(world)
    found = asked(world.server.audit_log, ACCOUNT)
    unused = rights_of(world.role) - found.used - CHECKED_ELSEWHERE.keys()
    assert sorted(found.refused) == []
    assert sorted(str(right) for right in unused) == []
