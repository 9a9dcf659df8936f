"""A first job: apply, RUNNING, in a namespace of its own, every click counted once; then deleted without a trace."""

from __future__ import annotations

import time

from e2e.clicks import click_lines
from e2e.environment import Environment
from e2e.figures import say
from e2e.job import Job
from e2e.storage import list_uris
from e2e.waiting import eventually


def test_a_job_runs_in_its_own_namespace_and_counts_exactly(job: Job) -> None:
    lines = click_lines(9_999)
    job.topics.send(lines)
    started = time.monotonic()
    job.apply()
    job.wait_running()
    say("apply to RUNNING", time.monotonic() - started)
    assert job.job_namespace != job.namespace
    assert job.pods()
    assert all(pod["spec"]["securityContext"]["runAsNonRoot"] for pod in job.pods())
    job.topics.wait_exact(lines)


def test_deleting_a_job_removes_its_namespace_and_keeps_a_savepoint_if_asked(
    job: Job, environment: Environment
) -> None:
    lines = click_lines(2_000)
    job.topics.send(lines)
    job.apply(configuration={"kubernetes.operator.job.savepoint-on-deletion": "true"})
    job.wait_running()
    job.topics.wait_exact(lines)
    inner = job.job_namespace
    job.delete()
    eventually(f"the namespace {inner} to be gone", lambda: job.kubectl.get("namespace", inner) is None)
    assert savepoints(environment, job.bucket), "no savepoint was kept"


def savepoints(environment: Environment, bucket: str) -> list[str]:
    """URIs of the savepoints' metadata in a test's bucket."""
    return [uri for uri in list_uris(environment, f"{bucket}/savepoints/") if uri.endswith("/_metadata")]
