"""The autoscaler's operator on a real API server while something is in its way: the job stays well, and the reason is shown.

Each job is overrun: twice as many records arrive as its one slot can do. The metrics are a stub JobManager's.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from penstock_operator.build import labels
from penstock_operator.clients.kube import KubeClient
from tests.operator_kubernetes.api_server import ApiServer
from tests.operator_kubernetes.operator_process import KILLED
from tests.operator_kubernetes.rollouts import Manifest, OperatorProcess, eventually, stateful
from tests.operator_kubernetes.test_operator_process import Running
from tests.servers.stub_jobmanager import StubJobManagers
from tests.servers.stub_kubelet import Key, StubKubelet
from tests.servers.stub_load import StubLoad

pytestmark = pytest.mark.timeout(240)

QUICK = {
    "job.autoscaler.mode": "active",
    "job.autoscaler.stabilization.interval": "1 s",
    "job.autoscaler.metrics.window": "6 s",
    "job.autoscaler.vertex.max-parallelism": "8",
}


class CrowdedKubelet(StubKubelet):
    """Refuses TaskManagers beyond a number, as a ResourceQuota of the namespace would."""

    room = 100

    def _run(self, key: Key, wanted: Manifest) -> None:
        component = wanted["spec"]["template"]["metadata"]["labels"].get(labels.COMPONENT)
        if component == labels.JOB_MANAGER or wanted["spec"].get("replicas", 1) <= self.room:
            super()._run(key, wanted)
            return
        said = 'pods "clicks-taskmanager-x" is forbidden: exceeded quota: team'
        refused = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": said}
        patch = {"status": {"conditions": [refused]}}
        self._client.patch("Deployment", key[1], key[0], patch, "status")


class Place:
    """One resource with its job."""

    def __init__(self, client: KubeClient, stubs: StubJobManagers, namespace: str, folder: Path) -> None:
        self.client, self.stubs, self.namespace, self._folder = client, stubs, namespace, folder
        self.name, self.uid = "clicks", ""

    @property
    def place(self) -> str:
        """The job's own namespace."""
        return f"{self.namespace}-{self.name}"

    def create(self, load: StubLoad, **options: str) -> None:
        """Make the resource; its job has this load from its first moment."""
        body = stateful(self.namespace, self._folder, self.name)
        more = {f"job.autoscaler.{key.replace('_', '-')}": value for key, value in options.items()}
        body["spec"]["flinkConfiguration"] |= {**QUICK, **more}
        self.uid = self.client.create(body)["metadata"]["uid"]
        self.stubs.loads[self.uid] = load

    @property
    def load(self) -> StubLoad:
        """What its job has to do."""
        return self.stubs.loads[self.uid]

    @property
    def status(self) -> Manifest:
        """The resource's status."""
        return (self.client.get("FlinkDeployment", self.name, self.namespace) or {}).get("status") or {}

    @property
    def autoscaler(self) -> Manifest:
        """The autoscaler's part of it."""
        return self.status.get("autoscaler") or {}

    def is_stable(self) -> bool:
        """Whether the job is as it shall be."""
        scaling = self.status.get("scaling") or {}
        return self.status.get("lifecycleState") == "STABLE" and scaling.get("done") is not False

    def width(self) -> int:
        """How parallel the job is."""
        return self.stubs.job(self.place, self.name).parallelism

    def workers(self) -> int:
        """TaskManagers that are asked for."""
        found = self.client.get("Deployment", f"{self.name}-taskmanager", self.place) or {}
        return int(found.get("spec", {}).get("replicas", 0))

    def held_by(self, guard: str) -> bool:
        """Whether this guard holds a decision back."""
        return (self.autoscaler.get("held") or {}).get("guard") == guard

    def said(self, reason: str) -> str:
        """The messages of Events of a reason."""
        events = self.client.list("Event", self.namespace)
        mine = [one for one in events if one["involvedObject"]["name"] == self.name]
        return "\n".join(one["message"] for one in mine if one["reason"] == reason)

    def was_started_once(self) -> bool:
        """Whether no fault had the job started again."""
        return len(self.stubs.starts[self.uid]) == 1


@pytest.fixture
def stubs() -> Iterator[StubJobManagers]:
    with StubJobManagers() as found:
        yield found


@pytest.fixture
def kubelet(client: KubeClient, stubs: StubJobManagers) -> Iterator[CrowdedKubelet]:
    with CrowdedKubelet(client, stubs) as found:
        yield found


Starting = Callable[[], Running]


@pytest.fixture
def start(
    api_server: ApiServer,
    client: KubeClient,
    namespace: str,
    stubs: StubJobManagers,
    kubelet: CrowdedKubelet,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Starting]:
    """Starts an operator for the test's namespace."""
    monkeypatch.setenv("KUBECONFIG", str(api_server.kubeconfig(tmp_path / "kubeconfig")))
    begun: list[Running] = []

    def starting(**settings: Any) -> Running:
        watched = {"watch_namespaces": (namespace,), "lease_name": f"lease-{namespace}"}
        begun.append(Running(client, stubs.address, **watched, **settings))
        return begun[-1]

    yield starting
    for running in begun:
        running.stop()


@pytest.fixture
def job(client: KubeClient, stubs: StubJobManagers, namespace: str, tmp_path: Path) -> Place:
    return Place(client, stubs, namespace, tmp_path)


def test_a_job_without_metrics_stays_as_it_is_until_they_come(job: Place, start: Starting) -> None:
    start()
    job.create(StubLoad(200.0, 100.0, is_silent=True))
    eventually("the reason in the status", lambda: job.held_by("metrics"))
    eventually("the Event", lambda: "no busy time" in job.said("AutoscalerError"))
    eventually("the job to be stable", job.is_stable)
    assert job.width() == 1
    job.load.is_silent = False
    eventually("a wider job", lambda: job.width() > 1 and job.is_stable())
    assert not job.held_by("metrics")
    assert job.was_started_once()


def test_a_slow_job_manager_is_not_waited_for(job: Place, start: Starting) -> None:
    start()
    job.create(StubLoad(200.0, 100.0, delay=3.0), **{"flink.rest-client.timeout": "1 s"})
    eventually("the reason in the status", lambda: job.held_by("metrics"))
    eventually(
        "the reason in words",
        lambda: (
            "answered too slowly" in (job.autoscaler.get("held") or {}).get("message", "")
            or "Timeout" in job.said("AutoscalerError")
        ),
    )
    eventually("the job to be stable", job.is_stable)
    assert job.width() == 1
    job.load.delay = 0.0
    eventually("a wider job", lambda: job.width() > 1 and job.is_stable())
    assert job.was_started_once()


def test_a_job_manager_that_restarts_in_a_rescale_is_asked_again(
    job: Place, start: Starting, kubelet: CrowdedKubelet, stubs: StubJobManagers
) -> None:
    start()
    kubelet.room = 1
    job.create(StubLoad(200.0, 100.0))
    wide = eventually("more pods asked for", lambda: job.workers() if job.workers() > 1 else 0)
    restarted = stubs.job(job.place, job.name)
    restarted.is_silent, restarted.parallelism = True, 1
    kubelet.room = 100
    job.client.patch(
        "Deployment", f"{job.name}-taskmanager", job.place, {"metadata": {"annotations": {"seen": "again"}}}
    )
    restarted.is_silent = False
    eventually("the wider job", lambda: job.width() == wide and job.is_stable())
    restarted.parallelism = 1  # the container ends and comes back with what it was started with
    eventually("the wider job again", lambda: job.width() == wide and job.is_stable())
    assert job.was_started_once()


def test_pods_that_are_refused_are_gone_back_from(
    job: Place, start: Starting, kubelet: CrowdedKubelet
) -> None:
    start()
    kubelet.room = 1
    job.create(StubLoad(200.0, 100.0))
    eventually("more pods asked for", lambda: job.workers() > 1)
    eventually("fewer asked for again", lambda: job.workers() == 1 and job.is_stable())
    eventually("the reason", lambda: "exceeded quota: team" in job.said("ResourceQuotaReached"))
    eventually("the reason in the status", lambda: job.held_by("refused") or job.held_by("room"))
    assert "exceeded quota: team" in job.autoscaler["held"]["message"]
    assert job.width() == 1
    assert job.was_started_once()


def test_more_than_the_namespaces_quota_allows_is_not_asked_for(job: Place, start: Starting) -> None:
    start()
    job.create(StubLoad(100.0, 200.0))
    eventually("the job to be stable", job.is_stable)
    quota = {"hard": {"pods": "3"}}
    made = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "team", "namespace": job.place}}
    job.client.create({**made, "spec": quota})
    # What the quota controller would count: a JobManager, a TaskManager.
    job.client.patch(
        "ResourceQuota", "team", job.place, {"status": {**quota, "used": {"pods": "2"}}}, "status"
    )
    job.load.rate = 700.0
    eventually("as many as there is room for", lambda: job.width() == 2 and job.is_stable())
    assert job.workers() == 2
    job.client.patch(
        "ResourceQuota", "team", job.place, {"status": {**quota, "used": {"pods": "3"}}}, "status"
    )
    eventually("the reason in the status", lambda: job.held_by("room"))
    assert "ResourceQuota team" in job.autoscaler["held"]["message"]
    eventually("the Event", lambda: "ResourceQuota team" in job.said("ResourceQuotaReached"))
    assert job.workers() == 2


@pytest.mark.parametrize("point", ["SetTaskManagers:1", "Rescale:1"])
def test_an_operator_killed_between_deciding_and_applying_is_followed_by_one_that_applies(
    job: Place,
    api_server: ApiServer,
    kubelet: CrowdedKubelet,
    stubs: StubJobManagers,
    tmp_path: Path,
    point: str,
) -> None:
    operator = OperatorProcess(api_server, stubs, job.namespace, tmp_path)
    operator.start(PENSTOCK_FAILPOINT=point)
    try:
        job.create(StubLoad(200.0, 100.0))
        assert operator.wait() == KILLED, operator.tail()
        decided = max(job.autoscaler["overrides"].values())
        operator.start()
        eventually("the decided width", lambda: job.width() == decided and job.is_stable())
        assert job.workers() == decided
        assert job.was_started_once()
    finally:
        operator.stop()
