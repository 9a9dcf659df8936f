"""Upgrades from a savepoint: another version of the program, other parallelism, a pause; no click lost or doubled."""

from __future__ import annotations

import time

from e2e.clicks import click_lines
from e2e.figures import say
from e2e.job import Job


def test_a_new_version_with_other_parallelism_goes_on_from_the_savepoint(job: Job) -> None:
    lines = click_lines(6_000)
    flow = job.topics.flow(lines[:4_000], per_second=100)
    job.apply()
    job.wait_running()
    job.topics.wait_some(200)
    job.program(version="v2")
    started = time.monotonic()
    job.apply({"parallelism": 2}, restartNonce=1)
    job.wait_running()
    job.topics.send(lines[4_000:])
    job.topics.wait_some(1, version="v2")
    say("change to first new count", time.monotonic() - started)
    flow.finish()
    found = job.topics.wait_exact(lines)
    assert {count.version for count in found} == {"v1", "v2"}
    last = max(count.at for count in found if count.version == "v1")
    first = min(count.at for count in found if count.version == "v2")
    say("upgrade downtime, last record before to first after", first - last)
    assert len(job.pods("taskmanager")) == 2


def test_a_suspended_job_resumes_where_it_stopped(job: Job) -> None:
    lines = click_lines(4_000)
    job.topics.send(lines[:2_000])
    job.apply()
    job.wait_running()
    job.topics.wait_exact(lines[:2_000])
    job.apply({"state": "suspended"})
    job.wait_suspended()
    assert not job.pods()
    job.topics.send(lines[2_000:])
    job.apply({"state": "running", "parallelism": 2})
    job.wait_running()
    job.topics.wait_exact(lines)


def test_last_state_restores_the_newest_checkpoint_when_everything_is_gone(job: Job) -> None:
    lines = click_lines(5_000)
    flow = job.topics.flow(lines[:4_000], per_second=100)
    job.apply({"upgradeMode": "last-state"})
    job.wait_running()
    job.topics.wait_some(200)
    first = job.wait_checkpoint()
    inner = job.job_namespace
    job.kubectl.run("delete", "deployment", "--all", "-n", inner, "--wait=false")
    job.kubectl.run("delete", "pods", "--all", "-n", inner, "--grace-period=0", "--force", "--wait=false")
    job.program(version="v2")
    job.apply({"parallelism": 2}, restartNonce=1)
    job.wait_running(180)
    job.topics.send(lines[4_000:])
    assert job.wait_checkpoint(newer_than=first) > first
    flow.finish()
    found = job.topics.wait_exact(lines)
    assert "v2" in {count.version for count in found}
