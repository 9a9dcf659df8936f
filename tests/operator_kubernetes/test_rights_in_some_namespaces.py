"""An installation with rights in some namespaces only: it works there with exactly those, and touches nothing elsewhere."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from penstock_operator.clients.kube import KubeClient
from tests.operator_kubernetes.rollouts import Manifest, eventually
from tests.operator_kubernetes.test_rights_of_the_operator import (
    ACCOUNT,
    CHECKED_ELSEWHERE,
    World,
    a_blue_green_deployment,
    a_job_beside_its_resource,
    a_job_whose_spec_is_refused,
    a_session_job,
    chart,
    installed,
    jobs_of_batch_schedulers,
    leave_first,
    snapshots_and_a_history,
)
from tests.servers.audit import Right, asked, rights_of

pytestmark = pytest.mark.timeout(400)

VALUES = (
    "rbac.scope=Namespaces",
    "watchNamespaces={team,second}",
    "jobNamespaces.mode=Shared",
    "crds.manage=false",
)
BIND = Right("rbac.authorization.k8s.io", "roles", "bind")
"""Asked inside the API server when a binding is written, and not in its log."""


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with installed(tmp_path, monkeypatch, *VALUES, watched=("team", "second")) as found:
        yield found


def own_role() -> Manifest:
    return next(one for one in chart(*VALUES) if one["metadata"]["name"] == "penstock-operator-own")


def test_the_installation_has_nothing_of_the_whole_cluster() -> None:
    kinds = {one["kind"] for one in chart(*VALUES)}
    assert not {kind for kind in kinds if kind.startswith("Cluster") or kind.endswith("WebhookConfiguration")}


def test_jobs_of_the_watched_namespaces_live_by_the_rights_there_and_no_others(world: World) -> None:
    client = world.client
    client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "elsewhere"}})
    client.create(in_place(world.job("clicks"), "elsewhere"))
    client.create(in_place(world.job("clicks"), "second"))
    a_job_that_changes(world)
    wants_its_own = world.job("alone", jobNamespaces={"mode": "Dedicated"})
    client.create(wants_its_own)
    for live in (
        a_job_beside_its_resource,
        a_job_whose_spec_is_refused,
        snapshots_and_a_history,
        a_session_job,
        a_blue_green_deployment,
        jobs_of_batch_schedulers,
    ):
        live(world)
    eventually("the other namespace's job", lambda: is_stable(client, "second", "clicks"), 90)
    assert client.get("Deployment", "clicks", "second") is not None
    assert "rbac.scope" in status_of(client, "team", "alone")["error"]
    world.gone("FlinkDeployment", "alone")
    assert status_of(client, "elsewhere", "clicks") == {}
    found = asked(world.server.audit_log, ACCOUNT)
    assert sorted(found.refused) == []
    given = rights_of(world.role) | rights_of(own_role())
    unused = given - found.used - CHECKED_ELSEWHERE.keys() - {BIND}
    assert sorted(str(right) for right in unused) == []


def in_place(body: Manifest, namespace: str) -> Manifest:
    return {**body, "metadata": {**body["metadata"], "namespace": namespace}}


def status_of(client: KubeClient, namespace: str, name: str) -> Manifest:
    return (client.get("FlinkDeployment", name, namespace) or {}).get("status") or {}


def is_stable(client: KubeClient, namespace: str, name: str) -> bool:
    return status_of(client, namespace, name).get("lifecycleState") == "STABLE"


def a_job_that_changes(world: World) -> None:
    """Election, copies that are none here, an upgrade, scaling, and less of it all again."""
    election = {"high-availability.type": "kubernetes", "high-availability.storageDir": "s3://x/ha"}
    election["kubernetes.operator.revision.history.limit"] = "1"
    spec = {"ingress": {"template": "{{name}}.example"}, "serviceAccount": "clicks"}
    world.client.create(world.job("full", election, **spec))
    world.wait("full", "STABLE", 1)
    world.change("full", {"job": {"args": ["--two"]}})
    world.wait("full", "STABLE", 2)
    world.change("full", {"job": {"parallelism": 2}})
    world.wait("full", "STABLE", 3)
    leave_first(world, "full", world.namespace)
    world.change("full", {"ingress": None, "flinkConfiguration": {"high-availability.type": None}})
    world.wait("full", "STABLE", 4)
    world.gone("FlinkDeployment", "full")
