"""A real job on the local platform, scaled from its lag: the load grows twentyfold and falls again, every record counts once.

A record takes five milliseconds of its slot, so that slots are the limit and not cores: a machine that is loaded itself makes
them longer, so what is calm is far below what a slot does and what is busy is far above. The way down is one step.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.integration.autoscaled_job import Job, Load
from tests.integration.conftest import read_partitions
from tests.servers import KafkaServer
from tests.servers.process import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

CALM, BUSY = 15, 300
"""Records a second. A slot does 190 at most, and 60 where the machine has little time for it."""
OPTIONS = {
    "enabled": "true",
    "stabilization.interval": "2 s",
    "metrics.window": "10 s",
    "scale-down.interval": "4 s",
    "scale-down.max-factor": "1.0",
    "burst.interval": "2 s",
    "vertex.max-parallelism": "4",
}


@pytest.fixture
def topics(make_topic: Callable[[int], str]) -> tuple[str, str]:
    return make_topic(8), make_topic(2)


@pytest.fixture
def load(kafka: KafkaServer, topics: tuple[str, str]) -> Iterator[Load]:
    made = Load(kafka.bootstrap, topics[0], CALM)
    yield made
    made.end()


@pytest.fixture
def job(kafka: KafkaServer, topics: tuple[str, str], tmp_path: Path) -> Iterator[Job]:
    source, target = topics
    checkpoints = (tmp_path / "checkpoints").as_uri()
    made = Job(tmp_path, [kafka.bootstrap, source, target, checkpoints, "1", "0.005"], OPTIONS)
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
    print(f"figure: from twenty times the load to more slots: {time.monotonic() - began:.1f} s")
    uid = job.status.job_status.job_id
    load.rate = CALM
    began = time.monotonic()
    wait_until(lambda: set(job.overrides.values()) == {1}, "it is back at one slot", 120)
    print(f"figure: from a calm load to one slot: {time.monotonic() - began:.1f} s")
    assert job.status.job_status.job_id == uid
    assert job.status.job_status.upgrade_savepoint_path is None
    load.end()
    expected = load.expected()
    wait_until(lambda: sum(counted().values()) >= sum(expected.values()), "all is counted", 60)
    assert counted() == expected
