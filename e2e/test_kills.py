"""kill -9 of a slot, a TaskManager and the JobManager, in turn, while clicks flow: every click is counted once."""

from __future__ import annotations

import time
from typing import Any

from e2e.clicks import click_lines
from e2e.figures import say
from e2e.job import Job

_KILL_A_SLOT = """
for status in /proc/[0-9]*/stat; do
  read -r line < "$status" || continue
  pid=${line%% *}; rest=${line##*) }; set -- $rest
  if [ "$2" = 1 ] && grep -qa slot "/proc/$pid/cmdline"; then kill -9 "$pid" && echo "$pid" && exit 0; fi
done
exit 1
"""


def _main_container(pod: dict[str, Any]) -> dict[str, Any]:
    statuses = pod["status"]["containerStatuses"]
    return next(status for status in statuses if status["name"] == "flink-main-container")


def _wait_recovered(job: Job, before: int) -> int:
    """Wait until the job runs and has completed a checkpoint after this one; returns its number."""
    job.wait_running()
    return job.wait_checkpoint(newer_than=before, seconds=90)


def test_kills_in_turn_lose_and_double_nothing(job: Job) -> None:
    lines = click_lines(9_999)
    flow = job.topics.flow(lines, per_second=150)
    job.apply({"parallelism": 2})
    job.wait_running()
    job.topics.wait_some(100)
    number = job.wait_checkpoint()
    inner = job.job_namespace

    worker = job.pods("taskmanager")[0]["metadata"]["name"]
    job.kubectl.run("exec", "-n", inner, worker, "-c", "flink-main-container", "--", "sh", "-c", _KILL_A_SLOT)
    number = _wait_recovered(job, number)

    for component in ("taskmanager", "jobmanager"):
        pod = job.pods(component)[0]
        started = time.monotonic()
        job.kubectl.cluster.kill_container(_main_container(pod)["containerID"])
        number = _wait_recovered(job, number)
        say(f"{component} killed to next checkpoint", time.monotonic() - started)

    flow.finish()
    job.topics.wait_exact(lines)
