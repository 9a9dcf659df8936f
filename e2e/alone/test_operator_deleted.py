"""The operator's pod is deleted in the middle of an upgrade, and the next one finishes it.

Runs while no other test does: nobody is looked after until the next operator holds the Lease.
"""

from __future__ import annotations

import time

from e2e.clicks import click_lines
from e2e.environment import OPERATOR_NAMESPACE
from e2e.figures import say
from e2e.job import Job


def test_an_operator_deleted_in_the_middle_of_an_upgrade_finishes_it(job: Job) -> None:
    lines = click_lines(5_000)
    flow = job.topics.flow(lines[:4_000], per_second=100)
    job.apply()
    job.wait_running()
    job.topics.wait_some(100)
    job.program(version="v2")
    job.apply({"parallelism": 2}, restartNonce=1)
    job.wait(
        "the upgrade to begin",
        lambda found: (
            found["status"].get("lifecycleState") == "UPGRADING"
            or found["status"].get("pendingSavepoint") is not None
        ),
        60,
    )
    selector = ("-l", "app.kubernetes.io/name=penstock-operator")
    job.kubectl.run(
        "delete", "pod", "-n", OPERATOR_NAMESPACE, *selector, "--grace-period=0", "--force", "--wait=false"
    )
    started = time.monotonic()
    job.wait_running(180)
    say("operator deleted in an upgrade to RUNNING", time.monotonic() - started)
    job.topics.send(lines[4_000:])
    flow.finish()
    found = job.topics.wait_exact(lines)
    assert "v2" in {count.version for count in found}
