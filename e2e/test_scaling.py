"""`kubectl scale`: the running job gets wider and narrower in place, and every click is counted once."""

from __future__ import annotations

import time
from functools import partial
from typing import Any

from e2e.clicks import click_lines
from e2e.figures import say
from e2e.job import Job


def _is_as_wide(width: int, resource: dict[str, Any]) -> bool:
    status = resource["status"]
    is_seen = status.get("observedGeneration") == resource["metadata"]["generation"]
    is_done = (status.get("scaling") or {}).get("done", True)
    return bool(is_seen and is_done and status["taskManager"].get("replicas") == width)


def test_a_job_is_scaled_in_place_by_kubectl_scale(job: Job) -> None:
    lines = click_lines(9_999)
    flow = job.topics.flow(lines, per_second=30)
    # A TaskManager is taken away once nothing of the job is kept in it.
    job.apply(configuration={"slot.idle.timeout": "3 s"})
    job.wait_running()
    job.topics.wait_some(50)
    manager = job.pods("jobmanager")[0]["metadata"]["uid"]
    first = job.status["jobStatus"]["jobId"]
    for width in (2, 1):
        started = time.monotonic()
        job.kubectl.run(*("scale", f"flinkdeployment/{job.name}", "-n", job.namespace, f"--replicas={width}"))

        job.wait(f"a width of {width}", partial(_is_as_wide, width))
        job.wait_running()
        say(f"kubectl scale to {width}, until the job is so wide", time.monotonic() - started)
    assert [pod["metadata"]["uid"] for pod in job.pods("jobmanager")] == [manager], "it was redeployed"
    assert job.status["jobStatus"]["jobId"] == first
    flow.finish()
    job.topics.wait_exact(lines)
