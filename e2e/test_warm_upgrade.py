"""Warm upgrades: the new version's pods wait beside the old job, so there is hardly a gap; no click lost or doubled."""

from __future__ import annotations

from typing import Any

from e2e.clicks import Count, click_lines
from e2e.figures import say
from e2e.job import Job


def gap(found: list[Count], before: str, after: str) -> float:
    """Seconds from the last record of one version to the first of the next."""
    last = max(count.at for count in found if count.version == before)
    return min(count.at for count in found if count.version == after) - last


def has_settled(resource: dict[str, Any]) -> bool:
    """Whether the latest spec runs, and nothing of the one before is left."""
    status = resource.get("status") or {}
    seen = status.get("observedGeneration") == resource["metadata"]["generation"]
    is_running = status.get("jobStatus", {}).get("state") == "RUNNING"
    is_in_place = status.get("lifecycleState") in ("DEPLOYED", "STABLE")
    return seen and is_running and is_in_place and "warm" not in status


def test_a_warm_upgrade_has_a_shorter_gap_than_one_by_recreate_and_counts_everything_once(job: Job) -> None:
    lines = click_lines(9_000)
    flow = job.topics.flow(lines, per_second=100)
    job.apply()
    job.wait_running()
    job.topics.wait_some(200)
    job.program(version="v2")
    job.apply(restartNonce=1)
    job.wait("an upgrade by Recreate", has_settled, 180)
    job.topics.wait_some(1, version="v2")
    job.program(version="v3")
    job.apply(restartNonce=2, upgradeStrategy="Warm")
    job.wait("a warm upgrade", has_settled, 180)
    job.topics.wait_some(1, version="v3")
    names = {pod["metadata"]["labels"]["app"] for pod in job.pods()}
    assert names == {f"{job.name}-3"}
    flow.finish()
    found = job.topics.wait_exact(lines)
    assert {count.version for count in found} == {"v1", "v2", "v3"}
    by_recreate, warm = gap(found, "v1", "v2"), gap(found, "v2", "v3")
    say("gap of an upgrade by Recreate, last record before to first after", by_recreate)
    say("gap of a warm upgrade, last record before to first after", warm)
    assert warm < by_recreate
