"""A leader is held up in the middle of a rollout for longer than its Lease: the other one ends the rollout, and the first
does nothing more when it goes on: one job, started once for each change.

`make campaign` asks the same at every write of every rollout, with the operator's loop turned by hand.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from penstock_operator.clients.kube import KubeClient
from tests.operator_kubernetes.api_server import ApiServer
from tests.operator_kubernetes.rollouts import OperatorProcess, Scene, eventually
from tests.servers.stub_jobmanager import StubJobManagers
from tests.servers.stub_kubelet import StubKubelet

pytestmark = pytest.mark.timeout(240)

LEASE_SECONDS = "9"
LOST = 1
"""The exit code of a leader that leads no more."""


@contextmanager
def contender(process: OperatorProcess, name: str, **more: str) -> Iterator[OperatorProcess]:
    process.start(OPERATOR_POD_NAME=name, PENSTOCK_LEASE_SECONDS=LEASE_SECONDS, **more)
    try:
        yield process
    finally:
        process.resume()
        process.stop()


def holder(client: KubeClient, namespace: str) -> str:
    lease = client.get("Lease", f"lease-{namespace}", "default") or {"spec": {}}
    return str(lease["spec"].get("holderIdentity"))


@pytest.mark.parametrize("point", ["Stop:1", "Deploy:2"])
def test_a_leader_that_was_held_up_does_nothing_more(
    api_server: ApiServer, client: KubeClient, namespace: str, tmp_path: Path, point: str
) -> None:
    folders = [tmp_path / name for name in ("first", "second")]
    for folder in folders:
        folder.mkdir()
    with StubJobManagers() as stubs, StubKubelet(client, stubs) as kubelet:
        scene = Scene(client, stubs, kubelet, namespace, tmp_path)
        one, other = (OperatorProcess(api_server, stubs, namespace, folder) for folder in folders)
        with contender(one, "one", PENSTOCK_FAILPOINT=point, PENSTOCK_FAILPOINT_STOPS="1"):
            uid = scene.create()
            eventually("the job to be stable", lambda: scene.is_in("STABLE", 1))
            with contender(other, "other"):
                generation = scene.change({"job": {"args": ["--two"]}})
                eventually("the leader to be held up", one.is_stopped)
                eventually("the other to end the rollout", lambda: scene.is_in("STABLE", generation))
                assert holder(client, namespace) == "other"
                one.resume()
                assert one.wait() == LOST, one.tail()
                assert [start.count for start in stubs.starts[uid]] == [0, 1]
                scene.assert_one_job_with_all_its_state(uid)
                again = scene.change({"job": {"args": ["--three"]}})
                eventually("the next change", lambda: scene.is_in("STABLE", again))
                assert [start.count for start in stubs.starts[uid]] == [0, 1, 2]
                scene.assert_one_job_with_all_its_state(uid)
