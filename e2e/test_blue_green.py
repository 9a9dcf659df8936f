"""Blue/green with a fenced handover: the other side takes over with the state, and no click is lost or counted twice."""

from __future__ import annotations

import json
import time
from typing import Any

from e2e.clicks import click_lines
from e2e.figures import say
from e2e.job import Job
from e2e.waiting import Deadline

KIND = "flinkbluegreendeployment"


class BlueGreen:
    """A blue/green deployment of the test's job."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._kubectl = job.kubectl

    def apply(self, **template: Any) -> None:
        """Change the template as named, and apply the resource."""
        self._job.spec.update(template)
        self._kubectl.apply(
            {
                "apiVersion": "flink.apache.org/v1beta1",
                "kind": "FlinkBlueGreenDeployment",
                "metadata": {"name": self._job.name, "namespace": self._job.namespace},
                "spec": {
                    "handover": "Fenced",
                    "ingress": {"template": "{{name}}.{{namespace}}.example.com"},
                    "template": {"spec": self._job.spec},
                },
            }
        )

    def wait_active(self, color: str, seconds: float = 240) -> None:
        """Wait until this side has the job, and is ready."""
        deadline = Deadline(seconds)
        while True:
            found = self._kubectl.get(KIND, self._job.name, "-n", self._job.namespace) or {}
            status = found.get("status") or {}
            ready = {one["type"]: one["status"] for one in status.get("conditions", [])}.get("Ready")
            if status.get("blueGreenState") == f"ACTIVE_{color.upper()}" and ready == "True":
                return
            assert not deadline.is_over(), f"waited {seconds:.0f} s for {color}: {self._told(status)}"
            time.sleep(0.5)

    def _told(self, status: dict[str, Any]) -> str:
        sides = self._kubectl.items("flinkdeployments", "-n", self._job.namespace)
        states = {
            side["metadata"]["name"]: {
                key: (side.get("status") or {}).get(key) for key in ("lifecycleState", "error", "conditions")
            }
            for side in sides
        }
        kept = {key: value for key, value in status.items() if key != "lastReconciledSpec"}
        return json.dumps([kept, states], indent=1)

    def side(self, color: str) -> dict[str, Any] | None:
        """A side's FlinkDeployment."""
        return self._kubectl.get("flinkdeployment", f"{self._job.name}-{color}", "-n", self._job.namespace)

    def ingress(self, color: str) -> dict[str, Any] | None:
        """The Ingress where this side's Services are."""
        place = f"{self._job.namespace}-{self._job.name}-{color}"
        return self._kubectl.get("ingress", self._job.name, "-n", place)

    def delete(self) -> None:
        """Delete the resource, and wait until its sides are gone with it."""
        self._kubectl.run("delete", KIND, self._job.name, "-n", self._job.namespace, "--timeout=180s")
        self._kubectl.run(
            *("wait", "--for=delete", "flinkdeployment", "--all", "-n", self._job.namespace, "--timeout=300s")
        )


def test_a_fenced_handover_counts_every_click_once(job: Job) -> None:
    lines = click_lines(5_000)
    flow = job.topics.flow(lines[:4_000], per_second=50)
    job.spec["flinkConfiguration"]["kubernetes.operator.deployment.stability.window"] = "3 s"
    both = BlueGreen(job)
    both.apply()
    try:
        both.wait_active("blue")
        job.topics.wait_some(200)
        assert both.ingress("blue") is not None
        job.program(version="v2")
        started = time.monotonic()
        both.apply(restartNonce=1)
        both.wait_active("green")
        say("blue/green, change to the other side active (fenced)", time.monotonic() - started)
        job.topics.send(lines[4_000:])
        flow.finish()
        found = job.topics.wait_exact(lines)
        last = max(count.at for count in found if count.version == "v1")
        first = min(count.at for count in found if count.version == "v2")
        assert last <= first, "both sides wrote at the same time"
        say("blue/green, last record of the old side to first of the new (fenced)", first - last)
        assert both.ingress("green") is not None
        side = both.side("green") or {}
        assert "/savepoints/" in side["spec"]["job"]["initialSavepointPath"]
    finally:
        both.delete()
