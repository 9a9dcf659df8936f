"""Warm upgrades by the real operator on a real API server: pods side by side, one job at a time, nothing left behind."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from penstock_operator.clients.kube import KubeClient
from tests.operator_kubernetes.api_server import ApiServer
from tests.operator_kubernetes.operator_process import KILLED
from tests.operator_kubernetes.rollouts import OperatorProcess, Scene, eventually, stateful
from tests.servers.stub_jobmanager import StubJobManagers
from tests.servers.stub_kubelet import FETCH_FAILS, StubKubelet

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


def create(scene: Scene, **job: Any) -> str:
    """A job that shall be upgraded warm, once it is stable."""
    manifest = stateful(scene.namespace, scene.folder, scene.name, **job)
    manifest["spec"]["upgradeStrategy"] = "Warm"
    uid = str(scene.client.create(manifest)["metadata"]["uid"])
    eventually("the job to be stable", lambda: scene.is_in("STABLE", 1))
    return uid


def is_done(scene: Scene, generation: int) -> Callable[[], bool]:
    def check() -> bool:
        status = (scene.read() or {}).get("status") or {}
        return scene.is_in("STABLE", generation) and "warm" not in status

    return check


def names(scene: Scene, kind: str) -> set[str]:
    return {found["metadata"]["name"] for found in scene.client.list(kind, scene.place)}


def quota(scene: Scene) -> Any:
    found = scene.client.get("ResourceQuota", scene.name, scene.place)
    assert found
    return found["spec"]["hard"]


def events(scene: Scene) -> set[str]:
    return {found["reason"] for found in scene.client.list("Event", scene.namespace)}


def assert_safe(scene: Scene, uid: str) -> None:
    scene.assert_one_job_with_all_its_state(uid)
    assert scene.stubs.told_beside == []


def test_new_pods_wait_beside_the_old_job_and_take_over_under_a_name_of_their_own(
    scene: Scene, operator: OperatorProcess
) -> None:
    operator.start()
    uid = create(scene)
    room = quota(scene)
    old = scene.stubs.job(scene.place, "clicks")
    old.savepoints = "hang"
    generation = scene.change({"job": {"args": ["--two"]}})
    eventually("the stop of the old job", lambda: old.triggers)
    assert names(scene, "Deployment") == {
        "clicks",
        "clicks-taskmanager",
        "clicks-2",
        "clicks-2-taskmanager",
    }
    assert scene.stubs.job(scene.place, "clicks-2").application == "WAITING"
    assert old.state == "RUNNING", "it counts on until its savepoint is complete"
    assert scene.client.get("Service", "clicks-rest", scene.place)["spec"]["selector"]["app"] == "clicks"  # type: ignore[index]
    (trigger,) = old.triggers
    old.savepoints = "complete"
    with scene.stubs._lock:
        old.triggers[trigger] = scene.stubs._operation(old, "stop", {})
    eventually("the new job", is_done(scene, generation))
    assert [start.count for start in scene.stubs.starts[uid]] == [0, 1]
    assert names(scene, "Deployment") == {"clicks-2", "clicks-2-taskmanager"}
    assert names(scene, "Service") == {"clicks-2", "clicks-rest"}
    assert scene.client.get("Service", "clicks-rest", scene.place)["spec"]["selector"]["app"] == "clicks-2"  # type: ignore[index]
    assert names(scene, "NetworkPolicy") == {"clicks-2-own", "clicks-2-rest"}
    assert "flink-config-clicks" not in names(scene, "ConfigMap")
    assert "clicks-penstock-tls" not in names(scene, "Secret")
    assert quota(scene) == room, "as wide as for one again"
    generation = scene.change({"upgradeStrategy": "Recreate", "job": {"args": ["--three"]}})
    eventually("an upgrade by Recreate", is_done(scene, generation))
    assert names(scene, "Deployment") == {"clicks", "clicks-taskmanager"}
    assert names(scene, "Service") == {"clicks", "clicks-rest"}
    assert [start.count for start in scene.stubs.starts[uid]] == [0, 1, 2]
    scene.delete()
    eventually("all of it to go", scene.is_gone)
    assert_safe(scene, uid)


KILLS = ["Prepare:1", "TriggerSavepoint:1", "Deploy:2", "Retire:1", "Retire:2"]


@pytest.mark.parametrize("point", KILLS)
def test_a_kill_in_a_warm_upgrade_ends_in_one_job_with_all_its_state(
    scene: Scene, operator: OperatorProcess, point: str
) -> None:
    operator.start(PENSTOCK_FAILPOINT=point)
    uid = create(scene)
    generation = scene.change({"job": {"args": ["--two"]}})
    assert operator.wait() == KILLED, operator.tail()
    operator.start()
    eventually("the rollout's end", is_done(scene, generation))
    assert_safe(scene, uid)
    assert [start.count for start in scene.stubs.starts[uid]] == [0, 1]
    assert names(scene, "Deployment") == {"clicks-2", "clicks-2-taskmanager"}


def test_a_kill_in_a_warm_upgrade_that_is_given_up_leaves_the_old_job_alone(
    scene: Scene, operator: OperatorProcess
) -> None:
    operator.start(PENSTOCK_FAILPOINT="Retire:1")
    uid = create(scene)
    scene.change({"job": {"args": [FETCH_FAILS]}})
    assert operator.wait() == KILLED, operator.tail()
    operator.start()

    def given_up() -> bool:
        status = (scene.read() or {}).get("status") or {}
        return bool(status.get("warm", {}).get("phase") == "Failed")

    eventually("the end of the new pods", given_up)
    eventually("the old pods alone", lambda: names(scene, "Deployment") == {"clicks", "clicks-taskmanager"})
    assert scene.stubs.job(scene.place, "clicks").state == "RUNNING"
    assert len(scene.stubs.starts[uid]) == 1
    assert_safe(scene, uid)


def test_program_that_is_not_there_costs_nothing_and_is_corrected(
    scene: Scene, operator: OperatorProcess
) -> None:
    operator.start()
    uid = create(scene)
    scene.change({"job": {"args": [FETCH_FAILS]}})

    def reason() -> str:
        status = (scene.read() or {}).get("status") or {}
        found = {one["type"]: one["reason"] for one in status.get("conditions", [])}
        return str(found.get("Degraded"))

    eventually("the reason", lambda: reason() == "WarmUpgradeFailed")
    assert len(scene.stubs.starts[uid]) == 1
    generation = scene.change({"job": {"args": ["--two"]}})
    eventually("the corrected version", is_done(scene, generation))
    assert [start.count for start in scene.stubs.starts[uid]] == [0, 1]
    assert_safe(scene, uid)


def test_quota_without_room_for_both_means_recreate_and_says_so(
    scene: Scene, operator: OperatorProcess
) -> None:
    operator.start()
    uid = create(scene)
    about = {"name": "others", "namespace": scene.place}
    scene.client.create(
        {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": about, "spec": {"hard": {"pods": "1"}}}
    )
    generation = scene.change({"job": {"args": ["--two"]}})
    eventually("the new version", is_done(scene, generation))
    assert names(scene, "Deployment") == {"clicks", "clicks-taskmanager"}
    assert "WarmUpgradeNotPossible" in events(scene)
    assert [start.count for start in scene.stubs.starts[uid]] == [0, 1]
    assert_safe(scene, uid)
