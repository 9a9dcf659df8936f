"""The API server refuses, stalls and forgets to answer, and watches break off: every rollout ends as it would without.

Faults are chosen by a seed: a share of the operator's own calls fails (409, 429, 500, timeouts, lost answers), and a
proxy cuts connections, watches among them, for a while every few seconds. `PENSTOCK_SEED` chooses another.
"""

import os
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from penstock_operator.clients.kube import KubeClient
from tests.chaos.proxy import Mood, Proxy
from tests.operator_kubernetes.api_server import ApiServer, free_port
from tests.operator_kubernetes.rollouts import OperatorProcess, Scene, eventually
from tests.servers.stub_jobmanager import StubJobManagers
from tests.servers.stub_kubelet import StubKubelet

pytestmark = pytest.mark.timeout(400)

SEEDS = [int(os.environ.get("PENSTOCK_SEED", "11"))]
SHARE = 0.03
PATIENCE = 120.0


@contextmanager
def cuts(proxy: Proxy, seed: int) -> Iterator[None]:
    """Connections are cut for half a second, every few seconds."""
    done, choose = threading.Event(), random.Random(seed)

    def run() -> None:
        while not done.wait(choose.uniform(1.0, 4.0)):
            proxy.mood = Mood.CUT
            done.wait(0.5)
            proxy.mood = Mood.PASS

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


@pytest.mark.parametrize("seed", SEEDS)
def test_every_rollout_ends_as_without_faults(
    api_server: ApiServer, client: KubeClient, namespace: str, tmp_path: Path, seed: int
) -> None:
    with (
        StubJobManagers() as stubs,
        StubKubelet(client, stubs) as kubelet,
        Proxy(free_port(), api_server.port, seed) as proxy,
        cuts(proxy, seed),
    ):
        operator = OperatorProcess(api_server, stubs, namespace, tmp_path, port=proxy.port)
        scene = Scene(client, stubs, kubelet, namespace, tmp_path)
        operator.start(PENSTOCK_FAULTS=f"{seed}:{SHARE}")
        try:
            _all_rollouts(scene)
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {error}\n{operator.tail()}") from error
        finally:
            operator.stop()


def _all_rollouts(scene: Scene) -> None:
    uid = scene.create()
    eventually("the job to be stable", lambda: scene.is_in("STABLE", 1), PATIENCE)
    second = scene.change({"job": {"args": ["--two"]}})
    eventually("the savepoint upgrade", lambda: scene.is_in("STABLE", second), PATIENCE)
    scene.stubs.complete_checkpoint(scene.place, scene.name)
    third = scene.change({"job": {"args": ["--three"], "upgradeMode": "last-state"}})
    eventually("the last-state upgrade", lambda: scene.is_in("STABLE", third), PATIENCE)
    fourth = scene.change({"job": {"state": "suspended", "upgradeMode": "savepoint"}})
    eventually("the suspension", lambda: scene.is_in("SUSPENDED", fourth), PATIENCE)
    fifth = scene.change({"job": {"state": "running"}})
    eventually("the job to run again", lambda: scene.is_in("STABLE", fifth), PATIENCE)
    starts = scene.stubs.starts[uid]
    scene.assert_one_job_with_all_its_state(uid)
    assert [start.count for start in starts] == [0, 1, 2, 3]
    scene.delete()
    eventually("nothing of it to be left", scene.is_gone, PATIENCE)
    scene.assert_one_job_with_all_its_state(uid)
