"""A job that follows its load: four times the clicks and back again, nothing lost or doubled, and git finds no difference.

A click takes some milliseconds of its slot, so that slots are the limit and not the cores of the machine. Alone, because
what is measured is time.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator
from itertools import pairwise

import pytest
from confluent_kafka import Producer

from e2e.clicks import Count, click_lines
from e2e.figures import say
from e2e.job import Job

CALM, BUSY = 60, 240
"""Clicks a second."""
WORK = 0.005
"""Seconds of a slot that a click takes: a slot does less than 200 a second."""
OPTIONS = {
    "mode": "active",
    "stabilization.interval": "10 s",
    "metrics.window": "30 s",
    "scale-down.interval": "10 s",
    "burst.interval": "5 s",
    "vertex.max-parallelism": "4",
}


class Clicks:
    """Clicks that flow into the job's topic at a rate that can be changed."""

    def __init__(self, job: Job) -> None:
        self.rate = CALM
        self.sent: list[str] = []
        self._lines = click_lines(5_000)
        self._topic = job.topics.input
        self._producer = Producer({"bootstrap.servers": job.environment.kafka, "enable.idempotence": True})
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        due = time.monotonic()
        while not self._stop.wait(max(0.0, due - time.monotonic())):
            line = self._lines[len(self.sent) % len(self._lines)]
            self._producer.produce(self._topic, line.encode(), partition=len(self.sent) % 4)
            self.sent.append(line)
            self._producer.poll(0)
            due += 1.0 / self.rate

    def end(self) -> None:
        """Send no more; everything sent has arrived."""
        self._stop.set()
        self._thread.join(30)
        assert self._producer.flush(60) == 0


@pytest.fixture
def clicks(job: Job) -> Iterator[Clicks]:
    """A calm flow."""
    flow = Clicks(job)
    yield flow
    flow.end()


def strain() -> float:
    """How much more than one process for each core this machine has to do; 1 if not."""
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


def wait_width(job: Job, least: int, most: int, seconds: float) -> int:
    """Wait until the autoscaler has the job run at a parallelism within these bounds; returns it."""

    def width(resource: dict) -> int:
        status = resource["status"]
        overrides = (status.get("autoscaler") or {}).get("overrides") or {}
        is_done = (status.get("scaling") or {}).get("done") and status["jobStatus"].get("state") == "RUNNING"
        return max(overrides.values(), default=0) if is_done else 0

    what = f"a parallelism of {least} to {most}"
    return width(job.wait(what, lambda found: least <= width(found) <= most, seconds))


def longest_gap(counts: list[Count], begin: float, end: float) -> float:
    """The longest time in which nothing was written, between two moments."""
    moments = sorted(count.at for count in counts if begin <= count.at <= end)
    return max((after - before for before, after in pairwise(moments)), default=0.0)


def wait_caught_up(job: Job, clicks: Clicks, seconds: float) -> None:
    """Wait until no more is missing than what is on its way: a few seconds' clicks."""
    deadline = time.monotonic() + seconds
    while (behind := len(clicks.sent) - len(job.topics.committed())) > 5 * clicks.rate:
        assert time.monotonic() < deadline, f"the job is {behind} clicks behind after {seconds:.0f} s"
        time.sleep(0.5)


def wait_steady(job: Job, width: int, seconds: float = 60) -> None:
    """Wait until the pods are as many as the job is wide."""
    job.wait(f"{width} TaskManagers", lambda _: len(job.pods("taskmanager")) == width, seconds)


def git_finds_no_difference(job: Job) -> None:
    """The same manifest applied again changes nothing, and a look before said so."""
    manifest = {
        "apiVersion": "flink.apache.org/v1beta1",
        "kind": "FlinkDeployment",
        "metadata": {"name": job.name, "namespace": job.namespace},
        "spec": job.spec,
    }
    seen = job.kubectl.cluster.kubectl("diff", "--server-side", "-f", "-", text=json.dumps(manifest))
    assert (seen.returncode, seen.stdout) == (0, ""), seen.stderr
    before = job.resource()
    job.apply()
    after = job.resource()
    assert after["spec"] == before["spec"]
    assert after["metadata"]["generation"] == before["metadata"]["generation"]


def test_a_job_follows_four_times_its_load_and_back(job: Job, clicks: Clicks) -> None:
    options = {f"job.autoscaler.{key}": value for key, value in OPTIONS.items()}
    job.apply({"args": [*job.spec["job"]["args"], str(WORK)]}, configuration=options)
    job.wait_running()
    job.topics.wait_some(100)
    uid = job.status["jobStatus"]["jobId"]

    clicks.rate, began, at = BUSY, time.monotonic(), time.time()
    wide = wait_width(job, 2, 4, 60 * strain())
    scaled = time.monotonic()
    say("four times the load to a wider job", scaled - began)
    wait_caught_up(job, clicks, 90 * strain())
    say("wider job to caught up", time.monotonic() - scaled)
    wait_steady(job, wide)
    say("pause of the data path, scaled up", longest_gap(job.topics.committed(), at, time.time()))
    git_finds_no_difference(job)

    clicks.rate, began, at = CALM, time.monotonic(), time.time()
    narrow = wait_width(job, 1, wide - 1, 120 * strain())
    say("a quarter of the load to a narrower job", time.monotonic() - began)
    wait_caught_up(job, clicks, 60 * strain())
    say("pause of the data path, scaled down", longest_gap(job.topics.committed(), at, time.time()))
    assert job.status["jobStatus"]["jobId"] == uid, "it was scaled in place both times"
    assert narrow < wide
    git_finds_no_difference(job)

    clicks.end()
    job.topics.wait_exact(clicks.sent)
    reports = [event["message"] for event in job.events() if event["reason"] == "ScalingReport"]
    assert any("begin scaling vertices" in said for said in reports)
