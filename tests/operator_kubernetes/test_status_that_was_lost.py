"""A status that is lost, or put back from a backup, on a real API server: one job, which goes on from its own state."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from penstock_operator.clients.kube import KubeClient
from penstock_operator.errors import Conflict
from tests.operator_kubernetes.api_server import ApiServer
from tests.operator_kubernetes.rollouts import OperatorProcess, Scene, eventually
from tests.servers.stub_jobmanager import StubJobManagers
from tests.servers.stub_kubelet import StubKubelet

pytestmark = pytest.mark.timeout(240)


@pytest.fixture
def stubs() -> Iterator[StubJobManagers]:
    with StubJobManagers() as found:
        yield found


@pytest.fixture
def scene(client: KubeClient, stubs: StubJobManagers, namespace: str, tmp_path: Path) -> Iterator[Scene]:
    with StubKubelet(client, stubs) as kubelet:
        yield Scene(client, stubs, kubelet, namespace, tmp_path)


@pytest.fixture
def operator(
    api_server: ApiServer, stubs: StubJobManagers, namespace: str, tmp_path: Path
) -> Iterator[OperatorProcess]:
    process = OperatorProcess(api_server, stubs, namespace, tmp_path)
    yield process
    process.stop()


def status_of(scene: Scene) -> dict[str, Any]:
    found: dict[str, Any] = (scene.read() or {}).get("status") or {}
    return found


def put_back(scene: Scene, status: dict[str, Any]) -> None:
    """As `kubectl replace --subresource=status` does."""

    def written() -> bool:
        body = scene.read()
        assert body is not None
        body["status"] = status
        try:
            scene.client.replace(body, "status")
        except Conflict:
            return False
        return True

    eventually("the status to be put back", written)


def starts(scene: Scene, uid: str) -> int:
    return len(scene.stubs.starts[uid])


def test_old_status_is_corrected_while_the_job_runs_on(scene: Scene, operator: OperatorProcess) -> None:
    operator.start()
    uid = scene.create()
    eventually("the job to be stable", lambda: scene.is_in("STABLE", 1))
    old = status_of(scene)
    scene.change({"job": {"args": ["--two"]}})
    eventually("the second to be stable", lambda: scene.is_in("STABLE", 2))
    job_id = status_of(scene)["jobStatus"]["jobId"]
    scene.stubs.complete_checkpoint(scene.place, scene.name)
    put_back(scene, old)
    eventually("the job's own status", lambda: status_of(scene)["jobStatus"]["jobId"] == job_id)
    eventually("the second to be stable again", lambda: scene.is_in("STABLE", 2))
    assert starts(scene, uid) == 2, "nothing was started or stopped"
    generation = scene.change({"job": {"args": ["--three"]}})
    eventually("the third to be stable", lambda: scene.is_in("STABLE", generation))
    scene.assert_one_job_with_all_its_state(uid)


def test_lost_status_and_a_spec_that_changed_meanwhile(scene: Scene, operator: OperatorProcess) -> None:
    operator.start()
    uid = scene.create("last-state")
    eventually("the job to be stable", lambda: scene.is_in("STABLE", 1))
    scene.stubs.complete_checkpoint(scene.place, scene.name)
    operator.stop()
    put_back(scene, {})
    generation = scene.change({"job": {"args": ["--two"]}})
    operator.start()
    eventually("the second to be stable", lambda: scene.is_in("STABLE", generation))
    scene.assert_one_job_with_all_its_state(uid)
    assert starts(scene, uid) == 2


def test_job_of_a_warm_upgrade_is_found_under_its_name(scene: Scene, operator: OperatorProcess) -> None:
    operator.start()
    uid = scene.create()
    scene.change({"upgradeStrategy": "Warm"})
    eventually("the job to be stable", lambda: scene.is_in("STABLE", 2))
    old = status_of(scene)
    scene.change({"job": {"args": ["--two"]}})
    eventually("the second to be stable", lambda: scene.is_in("STABLE", 3))
    eventually("the old pods to be gone", lambda: "warm" not in status_of(scene))
    name = status_of(scene)["clusterName"]
    operator.stop()
    put_back(scene, old)
    operator.start()
    eventually("the name", lambda: status_of(scene).get("clusterName") == name)
    eventually("the second to be stable again", lambda: scene.is_in("STABLE", 3))
    assert starts(scene, uid) == 2
    generation = scene.change({"job": {"args": ["--three"]}, "upgradeStrategy": "Recreate"})
    eventually("the third to be stable", lambda: scene.is_in("STABLE", generation))
    scene.assert_one_job_with_all_its_state(uid)
    assert scene.client.get("Deployment", name, scene.place) is None


def test_nothing_starts_empty_where_status_and_job_are_gone(scene: Scene, operator: OperatorProcess) -> None:
    operator.start()
    uid = scene.create("last-state")
    eventually("the job to be stable", lambda: scene.is_in("STABLE", 1))
    scene.stubs.complete_checkpoint(scene.place, scene.name)
    operator.stop()
    for name in (scene.name, f"{scene.name}-taskmanager"):
        scene.client.delete("Deployment", name, scene.place)
    put_back(scene, {})
    operator.start()
    error = eventually("the refusal", lambda: status_of(scene).get("error"))
    assert "EmptyStateRefused" in error
    path = next(word for word in error.split() if "/chk-" in word)
    generation = scene.change({"job": {"initialSavepointPath": path}})
    eventually("the job to be stable", lambda: scene.is_in("STABLE", generation))
    scene.assert_one_job_with_all_its_state(uid)
    assert starts(scene, uid) == 2
