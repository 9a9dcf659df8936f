"""While the operator is away its webhook lets everything in; when it is back, the wrong is refused in its status.

Runs while no other test does: nobody is looked after meanwhile.
"""

from __future__ import annotations

import pytest

from e2e.clicks import click_lines
from e2e.job import Job
from e2e.operator_pod import OperatorPod


def test_what_came_in_while_the_operator_was_down_is_judged_when_it_is_back(job: Job) -> None:
    operator = OperatorPod(job.kubectl)
    operator.scale(0)
    try:
        job.apply(configuration={"kubernetes.cluster-id": "mine"})
        assert not job.status
    finally:
        operator.scale(1)
    job.wait_reason("ValidationError", seconds=60)
    del job.spec["flinkConfiguration"]["kubernetes.cluster-id"]
    lines = click_lines(300)
    job.topics.send(lines)
    job.apply()
    job.wait_running()
    job.topics.wait_exact(lines)
    with pytest.raises(RuntimeError, match=r"validate\.penstock\.dev"):
        job.apply(configuration={"kubernetes.cluster-id": "mine"})
