"""A FlinkDeployment of a test: applied, watched and asked by kubectl, in a namespace of the test's own.

Used by every test. Waits are on conditions with deadlines, and a wait that fails says what the resource reports.
"""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from e2e.clicks import Topics
from e2e.cluster.provider import Cluster
from e2e.environment import OPERATOR_NAMESPACE, Environment
from e2e.figures import say
from e2e.waiting import Deadline

PROGRAMS = Path(__file__).parent / "programs"


class Kubectl:
    """kubectl against the cluster of the tests, with results as data."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster

    def run(self, *arguments: str) -> str:
        """Run a command that must succeed; returns its output."""
        done = self.cluster.kubectl(*arguments)
        if done.returncode:
            raise RuntimeError(f"kubectl {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout

    def get(self, *arguments: str) -> dict[str, Any] | None:
        """Return an object, or None where it does not exist."""
        done = self.cluster.kubectl("get", *arguments, "-o", "json")
        if done.returncode and "NotFound" in done.stderr:
            return None
        if done.returncode:
            raise RuntimeError(f"kubectl get {' '.join(arguments)}: {done.stderr.strip()}")
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def items(self, *arguments: str) -> list[dict[str, Any]]:
        """Return the items of a list."""
        found = self.get(*arguments)
        return list(found["items"]) if found else []

    def apply(self, *objects: dict[str, Any]) -> None:
        """Apply objects server-side."""
        command = ("apply", "--server-side", "--force-conflicts", "-f", "-")
        text = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
        done = self.cluster.kubectl(*command, text=text)
        if done.returncode:
            raise RuntimeError(f"kubectl apply: {done.stderr.strip()}")


class Job:
    """One job of a test: its resource, its program in a ConfigMap, its topics and its bucket."""

    def __init__(self, kubectl: Kubectl, environment: Environment, namespace: str, bucket: str) -> None:
        self.kubectl = kubectl
        self.environment = environment
        self.namespace = namespace
        self.name = "clicks"
        self.bucket = bucket
        self.topics = Topics(environment.kafka, namespace)
        self.spec: dict[str, Any] = self._first_spec()

    def _first_spec(self) -> dict[str, Any]:
        resources = {
            "resources": {
                "requests": {"cpu": "50m", "memory": "128Mi"},
                "limits": {"cpu": "1", "memory": "512Mi"},
            }
        }
        return {
            "job": {
                "jarURI": "configmap://program/clicks.py",
                "args": [self.environment.kafka_for_pods, self.topics.input, self.topics.output],
                "parallelism": 1,
                "upgradeMode": "savepoint",
                "state": "running",
            },
            "flinkConfiguration": {
                "taskmanager.numberOfTaskSlots": "1",
                "state.checkpoints.dir": f"{self.bucket}/checkpoints",
                "state.savepoints.dir": f"{self.bucket}/savepoints",
                "execution.checkpointing.interval": "1 s",
                "execution.checkpointing.mode": "EXACTLY_ONCE",
                "restart-strategy.type": "fixed-delay",
                "restart-strategy.fixed-delay.attempts": "20",
                "restart-strategy.fixed-delay.delay": "500 ms",
                "heartbeat.interval": "1 s",
                "heartbeat.timeout": "15 s",
                **self.environment.s3_configuration,
            },
            "jobManager": copy.deepcopy(resources),
            "taskManager": copy.deepcopy(resources),
        }

    def program(self, text: str | None = None, version: str = "v1", name: str = "program") -> None:
        """Put the program into its ConfigMap: the given text, or the click counter in a version of it."""
        source = text if text is not None else (PROGRAMS / "clicks.py").read_text()
        source = source.replace('VERSION = "v1"', f'VERSION = "{version}"')
        self.kubectl.apply(
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": name, "namespace": self.namespace},
                "data": {"clicks.py": source},
            }
        )

    def apply(
        self, job: dict[str, Any] | None = None, configuration: dict[str, str] | None = None, **spec: Any
    ) -> None:
        """Change the spec as named, and apply the resource."""
        self.spec["job"].update(job or {})
        self.spec["flinkConfiguration"].update(configuration or {})
        self.spec.update(spec)
        self.kubectl.apply(self.manifest())

    def manifest(self) -> dict[str, Any]:
        """The resource as it would be applied now."""
        return {
            "apiVersion": "flink.apache.org/v1beta1",
            "kind": "FlinkDeployment",
            "metadata": {"name": self.name, "namespace": self.namespace},
            "spec": copy.deepcopy(self.spec),
        }

    def resource(self) -> dict[str, Any]:
        """Return the resource; it must exist."""
        found = self.kubectl.get("flinkdeployment", self.name, "-n", self.namespace)
        assert found is not None, f"the resource {self.namespace}/{self.name} is gone"
        return found

    @property
    def status(self) -> dict[str, Any]:
        """The resource's status, empty while it has none."""
        found: dict[str, Any] = self.resource().get("status") or {}
        return found

    @property
    def job_namespace(self) -> str:
        """The namespace that the job runs in."""
        return str(self.status["jobNamespace"])

    def wait(
        self, what: str, condition: Callable[[dict[str, Any]], bool], seconds: float = 120
    ) -> dict[str, Any]:
        """Wait until the resource fulfils a condition; returns it."""
        deadline = Deadline(seconds)
        while True:
            found = self.resource()
            if condition(found):
                return found
            if deadline.is_over():
                status = json.dumps(_brief(found.get("status") or {}), indent=1)
                raise AssertionError(f"waited {seconds:.0f} s for {what}; status:\n{status}")
            time.sleep(0.5)

    def wait_running(self, seconds: float = 180) -> dict[str, Any]:
        """Wait until the latest spec is deployed, and its job runs."""

        def runs(resource: dict[str, Any]) -> bool:
            status = resource.get("status") or {}
            return (
                status.get("observedGeneration") == resource["metadata"]["generation"]
                and status.get("lifecycleState") in ("DEPLOYED", "STABLE")
                and status.get("jobStatus", {}).get("state") == "RUNNING"
            )

        return self.wait("the job to be RUNNING", runs, seconds)

    def wait_lifecycle(self, state: str, seconds: float = 180) -> dict[str, Any]:
        """Wait until the latest spec was seen, and the resource is in this lifecycle state."""

        def arrived(resource: dict[str, Any]) -> bool:
            status = resource.get("status") or {}
            seen = status.get("observedGeneration") == resource["metadata"]["generation"]
            return seen and status.get("lifecycleState") == state

        return self.wait(f"the lifecycle state {state}", arrived, seconds)

    def wait_suspended(self, seconds: float = 180) -> dict[str, Any]:
        """Wait until the job is suspended."""
        return self.wait(
            "the job to be SUSPENDED",
            lambda found: (found.get("status") or {}).get("lifecycleState") == "SUSPENDED",
            seconds,
        )

    def wait_reason(self, reason: str, seconds: float = 30) -> None:
        """Wait until status and Events both name one reason; nobody is to wait longer for it than half a minute."""
        started = time.monotonic()

        def named(resource: dict[str, Any]) -> bool:
            status = resource.get("status") or {}
            told = json.dumps([status.get("error"), status.get("conditions")])
            return reason in told and any(event["reason"] == reason for event in self.events())

        self.wait(f"the reason {reason} in status and Events", named, seconds)
        say(f"change to the reason {reason}", time.monotonic() - started)

    def events(self) -> list[dict[str, Any]]:
        """Return the Events on the resource."""
        selector = f"involvedObject.name={self.name}"
        return self.kubectl.items("events", "-n", self.namespace, "--field-selector", selector)

    def pods(self, component: str = "") -> list[dict[str, Any]]:
        """Return the job's pods that are not on their way out: all, or one component's."""
        selector = ["-l", f"component={component}"] if component else []
        found = self.kubectl.items("pods", "-n", self.job_namespace, *selector)
        return [pod for pod in found if not pod["metadata"].get("deletionTimestamp")]

    def wait_checkpoint(self, newer_than: int = 0, seconds: float = 120) -> int:
        """Wait until the status knows a checkpoint newer than this one; returns its number."""

        def newer(resource: dict[str, Any]) -> bool:
            return _checkpoint(resource) > newer_than

        return _checkpoint(self.wait(f"a checkpoint after {newer_than}", newer, seconds))

    def delete(self, wait: bool = True) -> None:
        """Delete the resource; waits until it is gone."""
        arguments = ("delete", "flinkdeployment", self.name, "-n", self.namespace, "--timeout=300s")
        self.kubectl.run(*arguments, f"--wait={'true' if wait else 'false'}")

    def describe(self) -> str:
        """Everything about the job that helps to see why a test failed."""
        resource = self.kubectl.get("flinkdeployment", self.name, "-n", self.namespace) or {}
        asked: list[tuple[str, ...]] = [
            ("get", "flinkdeployment", self.name, "-n", self.namespace, "-o", "jsonpath={.status}"),
            ("get", "events", "-n", self.namespace),
        ]
        inner = (resource.get("status") or {}).get("jobNamespace")
        if inner:
            asked += [("get", "pods,events", "-n", inner), ("describe", "pods", "-n", inner)]
            names = [pod["metadata"]["name"] for pod in self.kubectl.items("pods", "-n", inner)]
            asked += [("logs", "-n", inner, name, "--tail=80") for name in names]
        answers = [self.kubectl.cluster.kubectl(*arguments).stdout[-6000:] for arguments in asked]
        parts = [
            f"--- kubectl {' '.join(said)}\n{answer}" for said, answer in zip(asked, answers, strict=True)
        ]
        return "\n".join([*parts, *self._operator_said()])

    def _operator_said(self) -> list[str]:
        """The operator's log lines about what is in the test's namespace."""
        logs = (
            "logs",
            "-n",
            OPERATOR_NAMESPACE,
            "-l",
            "app.kubernetes.io/name=penstock-operator",
            "--tail=2000",
        )
        said = self.kubectl.cluster.kubectl(*logs, "-c", "penstock-operator").stdout.splitlines()
        return ["--- the operator", *[line[:600] for line in said if self.namespace in line][-60:]]


def _checkpoint(resource: dict[str, Any]) -> int:
    newest = ((resource.get("status") or {}).get("jobStatus") or {}).get("lastCheckpoint") or {}
    return int(newest.get("id") or 0)


def _brief(status: dict[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in status.items() if key != "reconciliationStatus"}
    state = (status.get("reconciliationStatus") or {}).get("state")
    return kept | {"reconciliationState": state}
