"""An idle job goes to zero and a record wakes it, on a real API server; the operator is killed between a step and its record.

What waits is in a file in place of Kafka. Whatever the operator died at, the outcome is that of one that
lived: one savepoint, one start from it, nothing of the spec changed.
"""

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from penstock_operator.clients.kube import KubeClient
from tests.operator_kubernetes.api_server import ApiServer
from tests.operator_kubernetes.operator_process import KILLED
from tests.operator_kubernetes.rollouts import Manifest, OperatorProcess, Scene, eventually, stateful
from tests.servers.stub_jobmanager import StubJobManagers
from tests.servers.stub_kubelet import StubKubelet
from tests.servers.stub_load import StubLoad
from tests.servers.stub_topic import StubTopic

pytestmark = pytest.mark.timeout(400)

OPTIONS = {
    "job.autoscaler.mode": "active",
    "job.autoscaler.stabilization.interval": "1 h",
    "job.autoscaler.metrics.window": "6 s",
    "job.autoscaler.scale-to-zero.enabled": "true",
    "job.autoscaler.scale-to-zero.idle-timeout": "2 s",
}
"""Nothing is scaled but to zero."""


@dataclass(frozen=True)
class Outcome:
    """What is left of a job's way to zero and back."""

    restored: tuple[int, ...]
    """How often the job of each start had been snapshotted."""
    savepoints: int
    generation: int
    lifecycle: str
    job: str
    zero: Manifest | None


AS_IF_NOTHING_HAD_HAPPENED = Outcome((0, 2), 1, 1, "STABLE", "RUNNING", None)


class Sleeper:
    """The job, and what is seen of it."""

    def __init__(self, scene: Scene, topic: StubTopic) -> None:
        self._scene, self._topic = scene, topic
        self._load = StubLoad(50.0, 100.0, topic=topic)
        self.uid = ""

    def create(self) -> None:
        """Make the resource, and wait until its job has read what there is and kept that."""
        body = stateful(self._scene.namespace, self._scene.folder)
        body["spec"]["flinkConfiguration"] |= OPTIONS
        self.uid = self._scene.client.create(body)["metadata"]["uid"]
        eventually("the job to be stable", lambda: self._scene.is_in("STABLE", 1), 120)
        self._scene.stubs.loads[self.uid] = self._load  # of the starts to come
        self._scene.stubs.job(self._scene.place, self._scene.name).load = self._load
        self._scene.stubs.complete_checkpoint(self._scene.place, self._scene.name)

    def become_idle(self) -> None:
        """Nothing comes any more."""
        self._load.rate = 0.0

    def receive(self) -> None:
        """Records wait, and more come."""
        self._load.rate = 50.0
        self._topic.write(5)

    @property
    def status(self) -> Manifest:
        """The resource's status."""
        return copy.deepcopy((self._scene.read() or {}).get("status") or {})

    @property
    def zero(self) -> Manifest | None:
        """What the autoscaler says of its zero."""
        found: Manifest | None = (self.status.get("autoscaler") or {}).get("scaledToZero")
        return found

    def is_down(self) -> bool:
        """Whether it is at zero, and nothing of it runs."""
        place = (self._scene.place, self._scene.name)
        is_stopped = self.status.get("lifecycleState") == "SUSPENDED" and place not in self._scene.stubs.jobs
        return is_stopped and self.zero is not None and "wakingSince" not in self.zero

    def is_back(self) -> bool:
        """Whether it runs as before."""
        return self._scene.is_in("STABLE", 1) and "scaledToZero" not in (self.status.get("autoscaler") or {})

    def outcome(self) -> Outcome:
        """What is left."""
        status: dict[str, Any] = self.status
        return Outcome(
            restored=tuple(start.count for start in self._scene.stubs.starts[self.uid]),
            savepoints=len(list((self._scene.folder / "savepoints").iterdir())),
            generation=int((self._scene.read() or {})["metadata"]["generation"]),
            lifecycle=status["lifecycleState"],
            job=status["jobStatus"]["state"],
            zero=self.zero,
        )


@pytest.fixture
def scene(client: KubeClient, namespace: str, tmp_path: Path) -> Iterator[Scene]:
    with StubJobManagers() as stubs, StubKubelet(client, stubs) as kubelet:
        yield Scene(client, stubs, kubelet, namespace, tmp_path)


@pytest.fixture
def topic(tmp_path: Path) -> StubTopic:
    return StubTopic(tmp_path / "topic")


@pytest.fixture
def job(scene: Scene, topic: StubTopic) -> Sleeper:
    return Sleeper(scene, topic)


@pytest.fixture
def operator(api_server: ApiServer, scene: Scene, topic: StubTopic) -> Iterator[OperatorProcess]:
    process = OperatorProcess(api_server, scene.stubs, scene.namespace, scene.folder, topic=topic.file)
    yield process
    process.stop()


def killed(operator: OperatorProcess) -> None:
    """Wait for its end, and start the next one."""
    assert operator.wait(120) == KILLED, operator.tail()
    operator.start()


def test_zero_and_back_without_a_kill(scene: Scene, job: Sleeper, operator: OperatorProcess) -> None:
    operator.start()
    job.create()
    job.become_idle()
    eventually("nothing of it runs", job.is_down, 120)
    job.receive()
    eventually("it runs again", job.is_back, 120)
    scene.assert_one_job_with_all_its_state(job.uid)
    assert job.outcome() == AS_IF_NOTHING_HAD_HAPPENED


@pytest.mark.parametrize("point", ["TriggerSavepoint:1", "Stop:1"])
def test_zero_is_reached_by_the_next_operator(
    scene: Scene, job: Sleeper, operator: OperatorProcess, point: str
) -> None:
    operator.start(PENSTOCK_FAILPOINT=point)
    job.create()
    job.become_idle()
    killed(operator)
    eventually("nothing of it runs", job.is_down, 120)
    job.receive()
    eventually("it runs again", job.is_back, 120)
    scene.assert_one_job_with_all_its_state(job.uid)
    assert job.outcome() == AS_IF_NOTHING_HAD_HAPPENED


@pytest.mark.parametrize("point", ["Hold:2", "Deploy:2"])
def test_zero_is_left_by_the_next_operator(
    scene: Scene, job: Sleeper, operator: OperatorProcess, point: str
) -> None:
    operator.start(PENSTOCK_FAILPOINT=point)
    job.create()
    job.become_idle()
    eventually("nothing of it runs", job.is_down, 120)
    job.receive()
    killed(operator)
    eventually("it runs again", job.is_back, 120)
    scene.assert_one_job_with_all_its_state(job.uid)
    assert job.outcome() == AS_IF_NOTHING_HAD_HAPPENED


def test_zero_that_was_begun_is_not_the_end_where_records_come_while_no_operator_lives(
    scene: Scene, job: Sleeper, operator: OperatorProcess
) -> None:
    operator.start(PENSTOCK_FAILPOINT="TriggerSavepoint:1")
    job.create()
    job.become_idle()
    assert operator.wait(120) == KILLED, operator.tail()
    job.receive()
    operator.start()
    eventually(
        "it has been down and runs again", lambda: len(scene.stubs.starts[job.uid]) == 2 and job.is_back()
    )
    scene.assert_one_job_with_all_its_state(job.uid)
    assert job.outcome() == AS_IF_NOTHING_HAD_HAPPENED
