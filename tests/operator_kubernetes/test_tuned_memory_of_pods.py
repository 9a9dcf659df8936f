"""Memory tuning by the real operator on a real API server: what was recommended is what the next start's pods get.

The spec is never written, a new operator changes nothing, and what was given goes with the next start once it is switched
off, or at once where it was too little. What the TaskManagers use is a stub JobManager's.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from penstock_operator.clients.kube import KubeClient
from tests.operator_kubernetes.api_server import ApiServer
from tests.operator_kubernetes.rollouts import Manifest, stateful
from tests.operator_kubernetes.rollouts import eventually as within
from tests.operator_kubernetes.test_operator_process import Running
from tests.servers.stub_jobmanager import StubJobManagers
from tests.servers.stub_kubelet import StubKubelet
from tests.servers.stub_load import StubLoad

pytestmark = pytest.mark.timeout(480)

MIB = 1024 * 1024
USED, WRITTEN, PLAIN, TUNED = 300 * MIB, "2048m", "2Gi", "384Mi"
"""What a TaskManager uses, what the spec gives it, the same as pods say it, and what is enough: a fifth more than it uses, in steps of 64 MiB."""
OPTIONS = {
    "mode": "active",
    "stabilization.interval": "1 s",
    "metrics.window": "6 s",
    "vertex.max-parallelism": "4",
    "scale-down.interval": "1 h",
    "memory.tuning.enabled": "true",
}


def eventually(what: str, check: Callable[[], Any]) -> None:
    """Wait for it, also on a loaded machine."""
    within(what, check, 120.0)


class Tuned:
    """One resource with its job."""

    def __init__(self, client: KubeClient, stubs: StubJobManagers, namespace: str, folder: Path) -> None:
        self.client, self.stubs, self.namespace = client, stubs, namespace
        body = stateful(namespace, folder)
        body["spec"]["taskManager"] = {"resource": {"cpu": 0.5, "memory": WRITTEN}}
        body["spec"]["flinkConfiguration"] |= {f"job.autoscaler.{key}": text for key, text in OPTIONS.items()}
        self.uid = client.create(body)["metadata"]["uid"]
        stubs.loads[self.uid] = StubLoad(100.0, 200.0, memory=USED)

    @property
    def load(self) -> StubLoad:
        """What its job has to do."""
        return self.stubs.loads[self.uid]

    @property
    def resource(self) -> Manifest:
        """As it is stored."""
        return self.client.get("FlinkDeployment", "clicks", self.namespace) or {}

    @property
    def memory(self) -> Manifest:
        """What the status says of memory."""
        return ((self.resource.get("status") or {}).get("autoscaler") or {}).get("memory") or {}

    @property
    def starts(self) -> int:
        """How often the job was started."""
        return len(self.stubs.starts.get(self.uid, ()))

    def is_settled(self) -> bool:
        """Whether the job is as its owner wants it."""
        status, meta = self.resource.get("status") or {}, self.resource["metadata"]
        is_seen = status.get("observedGeneration") == meta["generation"]
        return is_seen and status.get("lifecycleState") == "STABLE"

    def pods(self) -> tuple[str, int]:
        """What a TaskManager gets, and how many are asked for."""
        found = self.client.get("Deployment", "clicks-taskmanager", f"{self.namespace}-clicks") or {}
        if not found:
            return "", 0
        containers = found["spec"]["template"]["spec"]["containers"]
        main = next(one for one in containers if one["name"] == "flink-main-container")
        return main["resources"]["limits"]["memory"], found["spec"]["replicas"]

    def change(self, **options: str) -> None:
        """Other options of the autoscaler; no start of the job comes of it."""
        keys = {f"job.autoscaler.{key.replace('_', '.')}": text for key, text in options.items()}
        self._patch({"flinkConfiguration": keys})

    def upgrade(self, *arguments: str) -> None:
        """Have the job started anew, with other arguments, and wait until it was."""
        before = self.starts
        self._patch({"job": {"args": list(arguments)}})
        eventually("the job to be started anew", lambda: self.starts == before + 1 and self.is_settled())

    def _patch(self, spec: dict[str, Any]) -> None:
        self.client.patch("FlinkDeployment", "clicks", self.namespace, {"spec": spec})


@pytest.fixture
def stubs() -> Iterator[StubJobManagers]:
    with StubJobManagers() as found:
        yield found


@pytest.fixture
def kubelet(client: KubeClient, stubs: StubJobManagers) -> Iterator[StubKubelet]:
    with StubKubelet(client, stubs) as found:
        yield found


@pytest.fixture
def start(
    api_server: ApiServer,
    client: KubeClient,
    namespace: str,
    stubs: StubJobManagers,
    kubelet: StubKubelet,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Callable[[], Running]]:
    """Starts an operator for the test's namespace, and ends the one before."""
    monkeypatch.setenv("KUBECONFIG", str(api_server.kubeconfig(tmp_path / "kubeconfig")))
    begun: list[Running] = []

    def starting() -> Running:
        while begun:
            begun.pop().stop()
        begun.append(
            Running(client, stubs.address, watch_namespaces=(namespace,), lease_name=f"lease-{namespace}")
        )
        return begun[-1]

    yield starting
    for running in begun:
        running.stop()


@pytest.fixture
def job(
    client: KubeClient,
    stubs: StubJobManagers,
    namespace: str,
    tmp_path: Path,
    start: Callable[[], Running],
) -> Tuned:
    """It runs, and what its TaskManagers need is known."""
    start()
    made = Tuned(client, stubs, namespace, tmp_path)
    eventually("the recommendation", lambda: made.memory.get("recommended") == TUNED and made.is_settled())
    assert made.pods() == (PLAIN, 1)
    return made


def test_tuned_memory_is_given_with_the_next_upgrade_and_kept(
    job: Tuned, start: Callable[[], Running]
) -> None:
    job.upgrade("--again")
    assert job.pods() == (TUNED, 1)
    assert job.memory["applied"] == TUNED
    assert job.resource["spec"]["taskManager"]["resource"]["memory"] == WRITTEN
    start()
    job.load.rate = 500.0
    eventually("more pods of the same size", lambda: job.pods()[1] > 1 and job.is_settled())
    assert job.pods()[0] == TUNED, "a new operator that scales the job knows what its pods have"
    assert job.starts == 2
    job.change(mode="off")
    eventually("the spec's pods", lambda: job.pods() == (PLAIN, 1) and job.is_settled())
    assert job.starts == 3, "overrides that are taken back are an upgrade"
    assert not job.memory


@pytest.mark.parametrize("switch", [{"memory_tuning_enabled": "false"}, {"mode": "off"}], ids=str)
def test_tuning_that_is_switched_off_is_over_with_the_next_upgrade(
    job: Tuned, switch: dict[str, str]
) -> None:
    job.upgrade("--again")
    assert job.pods()[0] == TUNED
    job.change(**switch)
    eventually("the option to be seen", job.is_settled)
    assert (job.pods()[0], job.starts) == (TUNED, 2), "nothing is stopped for its memory"
    job.upgrade("--and-again")
    assert job.pods() == (PLAIN, 1)
    assert "applied" not in job.memory


def test_pods_that_are_killed_for_want_of_memory_get_the_specs_at_once(job: Tuned) -> None:
    job.upgrade("--again")
    assert job.pods()[0] == TUNED
    place = f"{job.namespace}-clicks"
    template = (job.client.get("Deployment", "clicks-taskmanager", place) or {})["spec"]["template"]
    metadata = {"name": "clicks-taskmanager-x", "namespace": place, "labels": template["metadata"]["labels"]}
    job.client.create({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]})
    killed = {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}
    told = {
        "name": "flink-main-container",
        "image": "stub",
        "imageID": "",
        "ready": False,
        "restartCount": 3,
        "state": {"waiting": {"reason": "CrashLoopBackOff"}},
        "lastState": killed,
    }
    status = {"status": {"phase": "Running", "containerStatuses": [told]}}
    job.client.patch("Pod", metadata["name"], place, status, "status")
    eventually("what was given to be taken back", lambda: "applied" not in job.memory)
    job.client.delete(
        "Pod", metadata["name"], place
    )  # as its Deployment's controller would, once that is gone
    eventually("the job to run with the spec's", lambda: job.starts == 3 and job.is_settled())
    assert job.pods() == (PLAIN, 1)
    assert "too little memory" in job.memory["message"]
    assert "recommended" not in job.memory
