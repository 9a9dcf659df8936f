"""The API server refuses, stalls and forgets to answer, and watches break off: every rollout ends as it would without.

Faults are chosen by a seed: a share of the operator's own calls fails (409, 429, 500, timeouts, lost answers), a proxy
cuts connections, watches among them, for a while every few seconds, and a webhook of somebody else's answers late or too
late. `PENSTOCK_SEED` chooses another, `PENSTOCK_FAULT_SHARE` another share.
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
from tests.operator_kubernetes.api_server import ApiServer
from tests.operator_kubernetes.rollouts import OperatorProcess, Scene, eventually
from tests.operator_kubernetes.slow_webhook import SlowWebhook
from tests.servers.process import free_port
from tests.servers.stub_jobmanager import StubJobManagers
from tests.servers.stub_kubelet import FAIL, StubKubelet

pytestmark = pytest.mark.timeout(400)

SEEDS = [int(seed) for seed in os.environ.get("PENSTOCK_SEED", "11").split(",")]
SHARE = float(os.environ.get("PENSTOCK_FAULT_SHARE", "0.03"))
PATIENCE = 120.0
ROLLBACK = "kubernetes.operator.deployment.rollback.enabled"


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
        SlowWebhook(client, (namespace, f"{namespace}-clicks"), seed, SHARE * 3) as webhook,
    ):
        operator = OperatorProcess(api_server, stubs, namespace, tmp_path, port=proxy.port)
        scene = Scene(client, stubs, kubelet, namespace, tmp_path)
        operator.start(PENSTOCK_FAULTS=f"{seed}:{SHARE}", FLINK_CONF_DIR=str(_impatient(tmp_path)))
        try:
            _all_rollouts(scene)
        except AssertionError as error:
            status = (scene.read() or {}).get("status")
            raise AssertionError(f"seed {seed}: {error}\n{status}\n{operator.tail()}") from error
        finally:
            operator.stop()
        assert webhook.calls > 20


def _impatient(folder: Path) -> Path:
    """Configuration by which a failure is tried again ten times as soon as usual: most of this test is waiting."""
    found = folder / "configuration"
    found.mkdir()
    (found / "config.yaml").write_text("kubernetes.operator.retry.initial.interval: 500 ms\n")
    return found


def _all_rollouts(scene: Scene) -> None:
    uid = scene.create()
    eventually("the job to be stable", lambda: scene.is_in("STABLE", 1), PATIENCE)
    second = scene.change({"job": {"args": ["--two"]}})
    eventually("the savepoint upgrade", lambda: scene.is_in("STABLE", second), PATIENCE)
    scene.stubs.complete_checkpoint(scene.place, scene.name)
    third = scene.change({"job": {"args": ["--three"], "upgradeMode": "last-state"}})
    eventually("the last-state upgrade", lambda: scene.is_in("STABLE", third), PATIENCE)
    wider = scene.change({"job": {"parallelism": 2, "upgradeMode": "savepoint"}})
    eventually("the scaling", lambda: scene.is_in("STABLE", wider), PATIENCE)
    suspended = scene.change({"job": {"state": "suspended"}})
    eventually("the suspension", lambda: scene.is_in("SUSPENDED", suspended), PATIENCE)
    resumed = scene.change({"job": {"state": "running"}, "flinkConfiguration": {ROLLBACK: "true"}})
    eventually("the job to run again", lambda: scene.is_in("STABLE", resumed), PATIENCE)
    broken = scene.change({"job": {"args": [FAIL]}})
    eventually("the rollback", lambda: scene.is_in("ROLLED_BACK", broken), PATIENCE)
    eventually("the last stable job to run", lambda: _runs_again(scene), PATIENCE)
    scene.assert_one_job_with_all_its_state(uid)
    # 1: the savepoint upgrade; 2: the last-state upgrade; 3: suspended and resumed; 4: broken, and back.
    assert [start.count for start in scene.stubs.starts[uid]] == [0, 1, 2, 3, 4, 4]
    scene.delete()
    eventually("nothing of it to be left", scene.is_gone, PATIENCE)
    scene.assert_one_job_with_all_its_state(uid)


def _runs_again(scene: Scene) -> bool:
    """Whether the job runs that the rollback brought back."""
    status = (scene.read() or {}).get("status") or {}
    shown = (status.get("lifecycleState"), (status.get("jobStatus") or {}).get("state"))
    return shown == ("ROLLED_BACK", "RUNNING")
