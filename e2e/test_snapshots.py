"""FlinkStateSnapshots of a real job: a savepoint by hand that goes with its resource, and those by the clock, tidied up."""

from __future__ import annotations

from typing import Any

from e2e.clicks import click_lines
from e2e.environment import Environment
from e2e.job import Job
from e2e.storage import list_uris
from e2e.waiting import eventually

KIND = "flinkstatesnapshot"


def _apply(job: Job, name: str, **spec: Any) -> None:
    job.kubectl.apply(
        {
            "apiVersion": "flink.apache.org/v1beta1",
            "kind": "FlinkStateSnapshot",
            "metadata": {"name": name, "namespace": job.namespace},
            "spec": {"jobReference": {"kind": "FlinkDeployment", "name": job.name}, **spec},
        }
    )


def _completed(job: Job, name: str) -> dict[str, Any] | None:
    """Its status, once it is there."""
    found = job.kubectl.get(KIND, name, "-n", job.namespace) or {}
    status: dict[str, Any] = found.get("status") or {}
    return status if status.get("state") == "COMPLETED" else None


def test_a_savepoint_by_hand_is_taken_and_goes_with_its_resource(job: Job, environment: Environment) -> None:
    lines = click_lines(1_000)
    job.topics.send(lines[:500])
    job.apply()
    job.wait_running()
    job.topics.wait_exact(lines[:500])
    _apply(job, "by-hand", savepoint={})
    _apply(job, "quick", checkpoint={})
    path = eventually("the savepoint", lambda: _completed(job, "by-hand"), job.describe)["path"]
    assert f"{path}/_metadata" in list_uris(environment, f"{job.bucket}/savepoints/")
    quick = eventually("the checkpoint", lambda: _completed(job, "quick"), job.describe)["path"]
    assert quick.startswith(f"{job.bucket}/checkpoints/")
    job.kubectl.run("delete", KIND, "by-hand", "-n", job.namespace, "--timeout=180s")
    assert not list_uris(environment, path), "the savepoint's objects are still there"
    job.topics.send(lines[500:])
    job.topics.wait_exact(lines)


def test_savepoints_by_the_clock_are_taken_and_the_oldest_removed(job: Job, environment: Environment) -> None:
    lines = click_lines(500)
    job.topics.send(lines)
    kept = 2
    job.apply(
        configuration={
            "kubernetes.operator.periodic.savepoint.interval": "3 s",
            "kubernetes.operator.savepoint.history.max.count": str(kept),
            "kubernetes.operator.savepoint.dispose-on-delete": "true",
        }
    )
    job.wait_running()
    seen: set[str] = set()

    def so_many_and_tidy() -> bool:
        found = job.kubectl.items(KIND, "-n", job.namespace)
        done = {one["metadata"]["name"] for one in found if one.get("status", {}).get("state") == "COMPLETED"}
        seen.update(done)
        return len(seen) >= kept + 2 and len(done) <= kept

    eventually("four savepoints, of which two are kept", so_many_and_tidy, job.describe)
    del job.spec["flinkConfiguration"]["kubernetes.operator.periodic.savepoint.interval"]
    job.apply()
    job.wait_running()
    job.topics.wait_exact(lines)
    # While the job is there to say where its storage is: after it they would wait for that, and the namespace for them.
    job.kubectl.run("delete", KIND, "--all", "-n", job.namespace, "--timeout=180s")
    eventually("storage without savepoints", lambda: not list_uris(environment, f"{job.bucket}/savepoints/"))
