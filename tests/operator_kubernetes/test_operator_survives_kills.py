"""The operator is killed right after each act and before its record; the next one brings about what one would have.

Every case names the rollout and the point: the n-th time that the operator's process reaches it.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from penstock_operator.clients.kube import KubeClient
from tests.operator_kubernetes.api_server import ApiServer
from tests.operator_kubernetes.operator_process import KILLED
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


Rollout = Callable[[Scene], Callable[[], bool]]
"""Begins the rollout of a stable job; answers with how its end is seen."""


def savepoint_upgrade(scene: Scene) -> Callable[[], bool]:
    generation = scene.change({"job": {"args": ["--two"]}})
    return lambda: scene.is_in("STABLE", generation)


def last_state_upgrade(scene: Scene) -> Callable[[], bool]:
    scene.stubs.complete_checkpoint(scene.place, scene.name)
    generation = scene.change({"job": {"args": ["--two"], "upgradeMode": "last-state"}})
    return lambda: scene.is_in("STABLE", generation)


def suspend(scene: Scene) -> Callable[[], bool]:
    generation = scene.change({"job": {"state": "suspended"}})
    return lambda: scene.is_in("SUSPENDED", generation)


def delete(scene: Scene) -> Callable[[], bool]:
    scene.delete()
    return scene.is_gone


CASES: list[tuple[Rollout, str, list[int]]] = [
    (savepoint_upgrade, "TriggerSavepoint:1", [0, 1]),
    (savepoint_upgrade, "Stop:1", [0, 1]),
    (savepoint_upgrade, "Hold:2", [0, 1]),
    (savepoint_upgrade, "Deploy:2", [0, 1]),
    (last_state_upgrade, "Stop:1", [0, 1]),
    (last_state_upgrade, "Deploy:2", [0, 1]),
    (suspend, "TriggerSavepoint:1", [0]),
    (suspend, "Stop:1", [0]),
    (delete, "Remove:1", [0]),
    (delete, "Remove:2", [0]),
    (delete, "Release:1", [0]),
]
"""The rollout, the point, and how often the job of each start had been snapshotted."""


@pytest.mark.parametrize(
    ("begin", "point", "counts"), CASES, ids=[f"{case[0].__name__}-{case[1]}" for case in CASES]
)
def test_a_kill_between_an_act_and_its_record_changes_no_outcome(
    scene: Scene, operator: OperatorProcess, begin: Rollout, point: str, counts: list[int]
) -> None:
    operator.start(PENSTOCK_FAILPOINT=point)
    uid = scene.create()
    eventually("the job to be stable", lambda: scene.is_in("STABLE", 1))
    is_over = begin(scene)
    assert operator.wait() == KILLED, operator.tail()
    operator.start()
    eventually("the rollout's end", is_over)
    scene.assert_one_job_with_all_its_state(uid)
    assert [start.count for start in scene.stubs.starts[uid]] == counts


@pytest.mark.parametrize("point", ["Hold:1", "Deploy:1"])
def test_a_kill_in_the_first_deployment_makes_one_job(
    scene: Scene, operator: OperatorProcess, point: str
) -> None:
    operator.start(PENSTOCK_FAILPOINT=point)
    uid = scene.create()
    assert operator.wait() == KILLED, operator.tail()
    operator.start()
    eventually("the job to be stable", lambda: scene.is_in("STABLE", 1))
    scene.assert_one_job_with_all_its_state(uid)
    assert len(scene.stubs.starts[uid]) == 1
