"""kill -9 of a slot, a TaskManager and the JobManager, in turn, while clicks flow: every click is counted once."""

from __future__ import annotations

import time
from itertools import pairwise
from typing import Any

from e2e.clicks import Count, click_lines
from e2e.environment import Environment
from e2e.figures import say
from e2e.job import Job
from e2e.storage import newest_checkpoint
from e2e.waiting import Deadline

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


def _wait_recovered(job: Job, environment: Environment, seconds: float = 150) -> None:
    """Wait until the job runs, and storage has two checkpoints more than now: the first may have begun before."""
    before = newest_checkpoint(environment, job.bucket)
    job.wait_running(seconds)
    deadline = Deadline(seconds)
    while newest_checkpoint(environment, job.bucket) < before + 2:
        assert not deadline.is_over(), f"no checkpoint was completed after {before} in {seconds:.0f} s"
        time.sleep(0.3)


def _silence(found: list[Count], since: float, until: float) -> float:
    """The longest time without a record between these two moments."""
    times = sorted(count.at for count in found if since - 5 <= count.at <= until)
    return max((later - earlier for earlier, later in pairwise(times)), default=0.0)


def test_kills_in_turn_lose_and_double_nothing(job: Job, environment: Environment) -> None:
    lines = click_lines(9_999)
    flow = job.topics.flow(lines, per_second=30)
    job.apply({"parallelism": 2}, configuration={"heartbeat.timeout": "6 s"})
    job.wait_running()
    job.topics.wait_some(100)

    worker = job.pods("taskmanager")[0]["metadata"]["name"]
    inner = job.job_namespace
    job.kubectl.run("exec", "-n", inner, worker, "-c", "flink-main-container", "--", "sh", "-c", _KILL_A_SLOT)
    _wait_recovered(job, environment)

    kills: list[tuple[str, float, float]] = []
    for component in ("taskmanager", "jobmanager"):
        pod = job.pods(component)[0]
        started, killed = time.monotonic(), time.time()
        job.kubectl.cluster.kill_container(_main_container(pod)["containerID"])
        _wait_recovered(job, environment)
        say(f"{component} killed to a new checkpoint", time.monotonic() - started)
        kills.append((component, killed, time.time()))

    flow.finish()
    found = job.topics.wait_exact(lines)
    for component, killed, recovered in kills:
        say(f"{component} killed, longest time without a record", _silence(found, killed, recovered))
