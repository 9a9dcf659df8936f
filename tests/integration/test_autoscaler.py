"""A real job on the local platform, scaled from its lag: the load grows eightfold and falls again, every record counts once.

A record takes two milliseconds of its slot, so that slots are the limit and not cores.
"""

import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from confluent_kafka import Producer

from penstock_api.v1beta1.deployment import FlinkDeployment
from penstock_api.v1beta1.status import FlinkDeploymentStatus, FlinkJobState
from penstock_operator.local.runner import LocalRunner
from penstock_operator.platforms.local import LocalPlatform
from penstock_operator.platforms.local_process import living, send
from tests.integration.conftest import read_partitions
from tests.servers import KafkaServer
from tests.servers.process import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

PROGRAM = Path(__file__).parent / "programs" / "running_counts.py"
CALM, BUSY = 60, 480
"""Records a second. A slot does some 450."""
OPTIONS = {
    "enabled": "true",
    "stabilization.interval": "5 s",
    "metrics.window": "15 s",
    "scale-down.interval": "10 s",
    "burst.interval": "5 s",
    "vertex.max-parallelism": "4",
}


class Load:
    """Writes records at a rate that can be changed."""

    def __init__(self, bootstrap: str, topic: str) -> None:
        self._producer = Producer({"bootstrap.servers": bootstrap, "enable.idempotence": True})
        self._topic, self.rate, self.written = topic, CALM, Counter[str]()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        count, due = 0, time.monotonic()
        while not self._stop.is_set():
            user = f"user{count % 17}"
            self._producer.produce(self._topic, f"{user},page", partition=count % 8)
            self.written[user] += 1
            count, due = count + 1, due + 1.0 / self.rate
            self._producer.poll(0)
            time.sleep(max(0.0, due - time.monotonic()))

    def end(self) -> None:
        """Write no more; everything written has arrived."""
        self._stop.set()
        self._thread.join(30)
        assert self._producer.flush(30) == 0


class Job:
    """The job, with an operator in a thread of the test."""

    def __init__(self, folder: Path, arguments: list[str]) -> None:
        self.platform = LocalPlatform(folder / "home")
        self._stop = threading.Event()
        options = {f"job.autoscaler.{key}": value for key, value in OPTIONS.items()}
        body = {
            "metadata": {"name": "scaled"},
            "spec": {
                "engine": "Penstock",
                "flinkConfiguration": {
                    "execution.checkpointing.interval": "1 s",
                    "slot.idle.timeout": "2 s",
                    "state.checkpoints.dir": (folder / "checkpoints").as_uri(),
                    "state.savepoints.dir": (folder / "savepoints").as_uri(),
                    **options,
                },
                "job": {
                    "jarURI": PROGRAM.as_uri(), "args": arguments, "parallelism": 1, "upgradeMode": "savepoint",
                },
            },
        }  # fmt: skip
        self.platform.store.apply(FlinkDeployment.from_wire(body), "uid")
        self._thread = threading.Thread(target=LocalRunner(self.platform).run, args=(self._stop,))
        self._thread.start()

    @property
    def status(self) -> FlinkDeploymentStatus:
        """Its status now."""
        found = self.platform.store.read("scaled")
        return found.status if found else FlinkDeploymentStatus()

    @property
    def overrides(self) -> dict[str, int]:
        """What the autoscaler runs it with, once it runs so."""
        status = self.status
        is_done = status.scaling is not None and bool(status.scaling.done)
        is_running = status.job_status.state is FlinkJobState.RUNNING
        return status.autoscaler.overrides if status.autoscaler and is_done and is_running else {}

    def close(self) -> None:
        """End the operator, and all processes of the job."""
        self._stop.set()
        self._thread.join(60)
        alive = living()
        rows = self.platform.store.processes("scaled")
        send([pid for row in rows for pid in alive.get(row.token, ())], signal.SIGKILL)


@pytest.fixture
def topics(make_topic: Callable[[int], str]) -> tuple[str, str]:
    return make_topic(8), make_topic(2)


@pytest.fixture
def load(kafka: KafkaServer, topics: tuple[str, str]) -> Iterator[Load]:
    made = Load(kafka.bootstrap, topics[0])
    yield made
    made.end()


@pytest.fixture
def job(kafka: KafkaServer, topics: tuple[str, str], tmp_path: Path) -> Iterator[Job]:
    source, target = topics
    checkpoints = (tmp_path / "checkpoints").as_uri()
    made = Job(tmp_path, [kafka.bootstrap, source, target, checkpoints, "1", "0.002"])
    yield made
    made.close()


def test_the_job_follows_its_load_and_counts_every_record_once(
    job: Job, load: Load, kafka: KafkaServer, topics: tuple[str, str]
) -> None:
    def counted() -> Counter[str]:
        found = read_partitions(kafka.bootstrap, topics[1]).values()
        return Counter(value for values in found for value in values)

    wait_until(lambda: len(counted()) > 0, "the job counts", 90)
    load.rate = BUSY
    began = time.monotonic()
    wait_until(lambda: max(job.overrides.values(), default=1) >= 2, f"it grew: {job.status.error}", 90)
    print(f"figure: from eight times the load to more slots: {time.monotonic() - began:.1f} s")
    uid = job.status.job_status.job_id
    load.rate = CALM
    wait_until(lambda: set(job.overrides.values()) == {1}, "it is back at one slot", 120)
    assert job.status.job_status.job_id == uid
    assert job.status.job_status.upgrade_savepoint_path is None
    load.end()
    expected = Counter(
        {f"{user},{number}": 1 for user, count in load.written.items() for number in range(1, count + 1)}
    )
    wait_until(lambda: sum(counted().values()) >= sum(expected.values()), "all is counted", 60)
    assert counted() == expected
