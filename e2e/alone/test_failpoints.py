"""The chart's own operator ends right after an act and before its record; the next one brings about what one would have.

The listener is mounted into the pod, for the image has none. Runs while no other test does. The other points are reached
on an API server without a node, in `tests/operator_kubernetes`.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from e2e.clicks import click_lines
from e2e.job import Job, Kubectl
from e2e.operator_pod import OperatorPod


@pytest.fixture(scope="module")
def operator(kubectl: Kubectl) -> Iterator[OperatorPod]:
    """The operator with what listens to failpoints."""
    found = OperatorPod(kubectl)
    found.add_failpoints()
    yield found
    found.take_failpoints_away()


def _assert_one_job(job: Job, starts: int) -> None:
    """One JobManager runs, and the resource has run so many job ids."""
    assert len(job.pods("jobmanager")) == 1
    assert len(job.status["jobStatus"]["jobIds"]) == starts


def test_a_first_deployment_that_was_made_is_not_made_again(job: Job, operator: OperatorPod) -> None:
    lines = click_lines(600)
    job.topics.send(lines[:300])
    restarts = operator.arm("Deploy")
    job.apply()
    operator.wait_ended(restarts)
    job.wait_running()
    _assert_one_job(job, starts=1)
    job.topics.send(lines[300:])
    job.topics.wait_exact(lines)


def test_a_stop_with_savepoint_that_was_asked_for_is_not_asked_for_again(
    job: Job, operator: OperatorPod
) -> None:
    lines = click_lines(2_000)
    flow = job.topics.flow(lines[:1_500], per_second=100)
    job.apply()
    job.wait_running()
    job.topics.wait_some(100)
    job.program(version="v2")
    restarts = operator.arm("TriggerSavepoint")
    job.apply(restartNonce=1)
    operator.wait_ended(restarts)
    job.wait_running()
    _assert_one_job(job, starts=2)
    assert "/savepoints/" in job.status["jobStatus"]["upgradeSavepointPath"]
    flow.finish()
    job.topics.send(lines[1_500:])
    found = job.topics.wait_exact(lines)
    assert {count.version for count in found} == {"v1", "v2"}


def test_a_rollback_whose_deployment_was_made_is_finished(job: Job, operator: OperatorPod) -> None:
    lines = click_lines(600)
    job.topics.send(lines[:300])
    job.apply(
        configuration={
            "kubernetes.operator.deployment.rollback.enabled": "true",
            "kubernetes.operator.deployment.stability.window": "2 s",
        }
    )
    job.wait_lifecycle("STABLE")
    job.topics.wait_exact(lines[:300])
    job.program('raise RuntimeError("a bad version")\n', name="bad")
    restarts = operator.arm("Deploy:2")  # the first is the bad version's own
    job.apply({"jarURI": "configmap://bad/clicks.py"})
    operator.wait_ended(restarts)
    assert job.status["reconciliationStatus"].get("rollback"), "it ended before the rollback"
    job.wait_lifecycle("ROLLED_BACK")
    assert len(job.pods("jobmanager")) == 1
    job.topics.send(lines[300:])
    job.topics.wait_exact(lines)
