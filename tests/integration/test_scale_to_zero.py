"""A real job that is idle goes to zero, and a record in Kafka brings it back: nothing lost, nothing counted twice."""

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.integration.autoscaled_job import Job, Load
from tests.integration.conftest import read_partitions
from tests.servers import KafkaServer
from tests.servers.process import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

OPTIONS = {
    "mode": "active",
    "stabilization.interval": "1 h",
    "metrics.window": "6 s",
    "scale-to-zero.enabled": "true",
    "scale-to-zero.idle-timeout": "3 s",
}
"""Nothing is scaled but to zero."""


@pytest.fixture
def topics(make_topic: Callable[[int], str]) -> tuple[str, str]:
    return make_topic(8), make_topic(2)


@pytest.fixture
def load(kafka: KafkaServer, topics: tuple[str, str]) -> Iterator[Load]:
    made = Load(kafka.bootstrap, topics[0], 50)
    yield made
    made.end()


@pytest.fixture
def job(kafka: KafkaServer, topics: tuple[str, str], tmp_path: Path) -> Iterator[Job]:
    source, target = topics
    checkpoints = (tmp_path / "checkpoints").as_uri()
    made = Job(tmp_path, [kafka.bootstrap, source, target, checkpoints, "1", "0.0005"], OPTIONS)
    yield made
    made.close()


def is_down(job: Job) -> bool:
    zero = job.status.autoscaler.scaled_to_zero if job.status.autoscaler else None
    return zero is not None and zero.waking_since is None and not job.processes


def test_an_idle_job_goes_to_zero_and_a_record_brings_it_back(
    job: Job, load: Load, kafka: KafkaServer, topics: tuple[str, str]
) -> None:
    def counted() -> Counter[str]:
        found = read_partitions(kafka.bootstrap, topics[1]).values()
        return Counter(value for values in found for value in values)

    wait_until(lambda: len(counted()) > 0, "the job counts", 90)
    load.rate = 0
    wait_until(lambda: is_down(job), "nothing of it runs", 90)
    assert counted() == load.expected()
    ready = {one.type: one for one in job.status.conditions}["Ready"]
    assert (ready.status, ready.reason) == ("True", "ScaledToZero")
    job.end_operator()
    load.rate = 50
    wait_until(lambda: sum(load.written.values()) > sum(counted().values()) + 20, "records wait", 30)
    load.rate = 0
    job.start_operator()
    wait_until(lambda: counted() == load.expected(), "what waited is counted, each record once", 90)
    autoscaler = job.status.autoscaler
    assert autoscaler is not None
    wait_until(lambda: is_down(job), "it is idle again", 90)
    assert counted() == load.expected()
