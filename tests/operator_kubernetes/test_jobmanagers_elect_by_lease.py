"""JobManagers' election by Lease and pointers in a ConfigMap, on a real API server."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from penstock.ha.contract import LeaderAddress, NotLeader
from penstock.ha.kubernetes import KubernetesHa
from penstock.ha.kubernetes_api import KubernetesApi
from penstock.ha.settings import HaSettings
from penstock_operator.clients.kube import KubeClient
from tests.operator_kubernetes.api_server import _TOKEN, ApiServer

pytestmark = pytest.mark.timeout(300)


class Contender:
    def __init__(self, server: ApiServer, account: Path, namespace: str, token: str, lease: float) -> None:
        settings = HaSettings("kubernetes", "file:///x", "clicks", lease_duration=lease, retry_period=0.3)
        api = KubernetesApi(f"https://127.0.0.1:{server.port}", account, namespace)
        self.ha = KubernetesHa(settings, api)
        self.gained, self.lost = threading.Event(), threading.Event()
        self.address = LeaderAddress(token=token, internal=f"unix:/{token}", rest=f"http://{token}")

    def run(self) -> None:
        self.ha.campaign(self.address, self.gained.set, lambda why: self.lost.set())

    def die(self) -> None:
        """As if the process had stopped: nothing is renewed, nothing given up."""
        self.ha._try_to_hold = lambda token: False  # type: ignore[method-assign]
        self.ha._give_up = lambda token: None  # type: ignore[method-assign]


Make = Callable[..., Contender]
"""A contender by its token, and how long its Lease counts: long where a busy machine must not let it run out."""


@pytest.fixture
def contender(api_server: ApiServer, namespace: str, tmp_path: Path) -> Iterator[Make]:
    (tmp_path / "token").write_text(_TOKEN)
    (tmp_path / "ca.crt").write_bytes(api_server.certificate.read_bytes())
    made: list[Contender] = []

    def make(token: str, lease: float = 120.0) -> Contender:
        made.append(Contender(api_server, tmp_path, namespace, token, lease))
        return made[-1]

    yield make
    for one in made:
        one.ha.close()


def test_leader_is_published_and_followed_at_once_when_it_ends(
    contender: Make, client: KubeClient, namespace: str
) -> None:
    first, second = contender("first"), contender("second")
    assert second.ha.leader() is None
    first.run()
    assert first.gained.wait(60)
    assert first.ha.is_leader
    assert second.ha.leader() == first.address
    second.run()
    assert not second.gained.wait(1)
    first.ha.write("job-1", "here")
    assert second.ha.read("job-1") == "here"
    assert second.ha.names() == ["job-1"]
    with pytest.raises(NotLeader):
        second.ha.write("job-1", "there")
    found = client.get("ConfigMap", "clicks-cluster-config-map", namespace)
    assert found is not None
    assert found["metadata"]["labels"] == {"app": "clicks", "configmap-type": "high-availability"}
    first.ha.close()
    assert first.lost.is_set()
    assert second.gained.wait(60)
    assert second.ha.leader() == second.address
    second.ha.delete("job-1")
    assert second.ha.names() == []


def test_silent_leader_is_superseded_and_changes_nothing_any_more(contender: Make) -> None:
    first, second = contender("first", 4.0), contender("second", 4.0)
    first.run()
    assert first.gained.wait(60)
    first.ha.write("checkpoint-1", "old")
    first.die()
    second.run()
    assert second.gained.wait(60)
    assert first.lost.wait(60)
    assert not first.ha.is_leader
    second.ha.write("checkpoint-1", "new")
    # Even one that still believes in its term is refused, by the term that the ConfigMap names.
    first.ha._term.begin(time.monotonic())
    with pytest.raises(NotLeader, match="another JobManager leads"):
        first.ha.write("checkpoint-1", "old again")
    assert second.ha.read("checkpoint-1") == "new"
