"""Whole jobs from Kafka to Kafka on a mini cluster, slots killed by -9 while records flow: every count exact."""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from confluent_kafka import Producer

from tests.integration.conftest import read_partitions
from tests.servers import KafkaServer
from tests.servers.process import wait_until

pytestmark = pytest.mark.integration
PROGRAMS = Path(__file__).parent / "programs"
USERS = 17
Topics = Callable[[int], str]


def fill(kafka: KafkaServer, topic: str, count: int) -> Counter[str]:
    """Write clicks; how many each user has."""
    producer = Producer(
        {"bootstrap.servers": kafka.bootstrap, "partitioner": "random", "enable.idempotence": True}
    )
    clicks: Counter[str] = Counter()
    choose = random.Random(7)
    for number in range(count):
        user = f"user{choose.randrange(USERS)}"
        clicks[user] += 1
        producer.produce(topic, f"{user},page{number}")
        producer.poll(0)
    assert producer.flush(30) == 0
    return clicks


def slots_of(pid: int) -> list[int]:
    """Process ids of the slots under a program, found by parents."""
    parents: dict[int, int] = {}
    workers: list[int] = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            stat = (entry / "stat").read_text()
            command = (entry / "cmdline").read_bytes()
        except OSError:
            continue
        parents[int(entry.name)] = int(stat.rpartition(")")[2].split()[1])
        if b"penstock.taskmanager.worker" in command:
            workers.append(int(entry.name))

    def is_under(child: int) -> bool:
        while child in parents and child != pid:
            child = parents[child]
        return child == pid

    return [worker for worker in workers if is_under(worker)]


class RunningProgram:
    """A program in a process of its own, with its output in a file."""

    def __init__(self, name: str, arguments: list[str], folder: Path, environment: dict[str, str]) -> None:
        self.log = folder / f"{name}.log"
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, str(PROGRAMS / f"{name}.py"), *arguments],
                stdout=log,
                stderr=log,
                env={**os.environ, **environment},
                cwd=folder,
            )

    def kill_a_slot(self) -> int:
        """Kill one of its slots by -9; how many were killed: none if the program is over before."""
        wait_until(lambda: self.is_over() or bool(slots_of(self._process.pid)), "there is a slot", 60)
        slots = slots_of(self._process.pid)
        if not slots:
            return 0
        os.kill(random.Random(time.time_ns()).choice(slots), signal.SIGKILL)
        return 1

    def is_over(self) -> bool:
        """True when it has ended; fails with its log if it did not end well."""
        code = self._process.poll()
        assert code in (None, 0), f"the program ended with {code}:\n{self.log.read_text()[-6000:]}"
        return code == 0

    def close(self) -> None:
        """End it if it runs."""
        self._process.kill()
        self._process.wait()


@pytest.mark.parametrize("parallelism", [1, 2])
def test_counts_are_exact_although_slots_are_killed(
    parallelism: int, kafka: KafkaServer, make_topic: Topics, tmp_path: Path
) -> None:
    source, target = make_topic(3), make_topic(2)
    clicks = fill(kafka, source, 60_000)
    checkpoints = (tmp_path / "checkpoints").as_uri()
    arguments = [kafka.bootstrap, source, target, checkpoints, str(parallelism)]
    program = RunningProgram("running_counts", arguments, tmp_path, {})

    def committed() -> int:
        return sum(map(len, read_partitions(kafka.bootstrap, target).values()))

    kills = 0
    try:
        for share in (0.05, 0.25, 0.5):
            wait_until(
                lambda share=share: program.is_over() or committed() >= share * 60_000,  # type: ignore[misc]
                f"{share:.0%} of the output is committed",
                120,
            )
            kills += program.kill_a_slot()
        wait_until(program.is_over, "the job ends", 120)
    except AssertionError:
        print(program.log.read_text()[-4000:])
        raise
    finally:
        program.close()
    assert kills >= 2
    found = [value for values in read_partitions(kafka.bootstrap, target).values() for value in values]
    expected = [f"{user},{number}" for user, count in clicks.items() for number in range(1, count + 1)]
    assert Counter(found) == Counter(expected)
