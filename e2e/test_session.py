"""A session cluster and a job in it: the program fetched from S3, run, upgraded from its savepoint, deleted; then the cluster."""

from __future__ import annotations

import json
from typing import Any

from e2e.clicks import click_lines
from e2e.environment import Environment
from e2e.job import PROGRAMS, Job
from e2e.storage import list_uris, put
from e2e.waiting import eventually

CLUSTER, KIND = "session", "flinksessionjob"


class Session:
    """A session cluster of a test and the one job in it, with the topics and the bucket of the test."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._kubectl = job.kubectl
        self.spec: dict[str, Any] = {}

    def start(self) -> None:
        """Apply the cluster."""
        spec = {key: value for key, value in self._job.spec.items() if key != "job"}
        self._apply("FlinkDeployment", CLUSTER, spec | {"taskManager": spec["taskManager"] | {"replicas": 2}})

    def submit(self, environment: Environment, version: str, **job: Any) -> None:
        """Put a version of the program on S3, and apply the job that runs it."""
        source = (PROGRAMS / "clicks.py").read_text().replace('VERSION = "v1"', f'VERSION = "{version}"')
        uri = f"{self._job.bucket}/programs/{version}/clicks.py"
        put(environment, uri, source.encode())
        args = self._job.spec["job"]["args"]
        wanted = {"jarURI": uri, "args": args, "parallelism": 1, "upgradeMode": "savepoint", **job}
        self._apply("FlinkSessionJob", self._job.name, {"deploymentName": CLUSTER, "job": wanted})

    def wait_running(self) -> dict[str, Any]:
        """Wait until the job runs as it was last applied; its status."""
        return eventually("the session job to run", self._runs, self.told)

    def delete(self, kind: str, name: str) -> None:
        """Delete one of the two, and wait until it is gone."""
        self._kubectl.run("delete", kind, name, "-n", self._job.namespace, "--timeout=300s")

    def told(self) -> str:
        """What there is to see of both."""
        return "\n".join(
            self._kubectl.cluster.kubectl(*words).stdout[-6000:]
            for words in (
                ("get", "flinkdeployments,flinksessionjobs", "-n", self._job.namespace, "-o", "yaml"),
                ("get", "events", "-n", self._job.namespace),
                ("get", "pods", "-n", f"{self._job.namespace}-{CLUSTER}"),
                ("logs", "-n", f"{self._job.namespace}-{CLUSTER}", f"deployment/{CLUSTER}", "--tail=80"),
            )
        )

    def _runs(self) -> dict[str, Any] | None:
        found = self._kubectl.get(KIND, self._job.name, "-n", self._job.namespace) or {"metadata": {}}
        status: dict[str, Any] = found.get("status") or {}
        is_seen = status.get("observedGeneration") == found["metadata"].get("generation")
        is_running = (status.get("jobStatus") or {}).get("state") == "RUNNING"
        is_deployed = status.get("lifecycleState") in ("DEPLOYED", "STABLE")
        return status if is_seen and is_running and is_deployed else None

    def _apply(self, kind: str, name: str, spec: dict[str, Any]) -> None:
        metadata = {"name": name, "namespace": self._job.namespace}
        body = {"apiVersion": "flink.apache.org/v1beta1", "kind": kind, "metadata": metadata, "spec": spec}
        self._kubectl.apply(body)


def test_a_session_job_is_run_upgraded_from_its_savepoint_and_deleted(
    job: Job, environment: Environment
) -> None:
    lines = click_lines(3_000)
    flow = job.topics.flow(lines[:2_000], per_second=100)
    session = Session(job)
    session.start()
    try:
        session.submit(environment, "v1")
        session.wait_running()
        job.topics.wait_some(100)
        session.submit(environment, "v2", parallelism=2)
        status = session.wait_running()
        assert "/savepoints/" in status["jobStatus"]["upgradeSavepointPath"], json.dumps(status)
        job.topics.send(lines[2_000:])
        flow.finish()
        found = job.topics.wait_exact(lines)
        assert {count.version for count in found} == {"v1", "v2"}
        assert list_uris(environment, f"{job.bucket}/savepoints/")
    except AssertionError:
        print(session.told())
        raise
    finally:
        session.delete(KIND, job.name)
        session.delete("flinkdeployment", CLUSTER)
    inner = f"{job.namespace}-{CLUSTER}"
    eventually("the cluster's namespace to be gone", lambda: job.kubectl.get("namespace", inner) is None)
