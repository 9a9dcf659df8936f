"""The operator's Deployment as a test handles it: away and back, with failpoints, armed, ended. Used by `e2e/alone`."""

from __future__ import annotations

import json
from typing import Any

from e2e.environment import OPERATOR_NAMESPACE
from e2e.job import PROGRAMS, Kubectl
from e2e.waiting import eventually

_DEPLOYMENT = "deployment/penstock-operator"
_SELECTOR = "app.kubernetes.io/name=penstock-operator"
_CONTAINER = "penstock-operator"
_ARMED = "/armed/point"
_KILLED = 42
"""The exit code of `programs/failpoints.py`."""


class OperatorPod:
    """The one operator of the session."""

    def __init__(self, kubectl: Kubectl) -> None:
        self._kubectl = kubectl

    def scale(self, replicas: int) -> None:
        """Take it away or bring it back; waits until it is so."""
        self._kubectl.run("scale", "-n", OPERATOR_NAMESPACE, _DEPLOYMENT, f"--replicas={replicas}")
        if replicas:
            self.wait_ready()
        else:
            eventually("no operator", lambda: not self._pods())

    def wait_ready(self) -> None:
        """Wait until the newest pods, and no others, are there and ready."""
        self._kubectl.run("rollout", "status", "-n", OPERATOR_NAMESPACE, _DEPLOYMENT, "--timeout=400s")
        eventually("one pod of the operator", lambda: len(self._pods()) == 1)

    def add_failpoints(self) -> None:
        """Give the pod what listens to failpoints; `take_failpoints_away` is its counterpart."""
        self._kubectl.apply(
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": "failpoints", "namespace": OPERATOR_NAMESPACE},
                "data": {"sitecustomize.py": (PROGRAMS / "failpoints.py").read_text()},
            }
        )
        container = {
            "name": _CONTAINER,
            "env": [
                {"name": "PYTHONPATH", "value": "/failpoints"},
                {"name": "PENSTOCK_FAILPOINT_FILE", "value": _ARMED},
            ],
            "volumeMounts": [
                {"name": "failpoints", "mountPath": "/failpoints", "readOnly": True},
                {"name": "armed", "mountPath": "/armed"},
            ],
        }
        volumes = [
            {"name": "failpoints", "configMap": {"name": "failpoints"}},
            {"name": "armed", "emptyDir": {}},
        ]
        patch = {"spec": {"template": {"spec": {"containers": [container], "volumes": volumes}}}}
        self._kubectl.run("patch", "-n", OPERATOR_NAMESPACE, _DEPLOYMENT, "-p", json.dumps(patch))
        self.wait_ready()

    def take_failpoints_away(self) -> None:
        """The pod is again as the chart has it."""
        self._kubectl.run("rollout", "undo", "-n", OPERATOR_NAMESPACE, _DEPLOYMENT)
        self.wait_ready()
        self._kubectl.run("delete", "configmap", "failpoints", "-n", OPERATOR_NAMESPACE)

    def arm(self, point: str) -> int:
        """Have it end at this point; returns how often it had been started again before."""
        self.wait_ready()
        pod = self._pods()[0]["metadata"]["name"]
        script = f"echo {point} > {_ARMED}.new && mv {_ARMED}.new {_ARMED}"
        self._kubectl.run("exec", "-n", OPERATOR_NAMESPACE, pod, "-c", _CONTAINER, "--", "sh", "-c", script)
        return int(self._state()["restartCount"])

    def wait_ended(self, restarts: int) -> None:
        """Wait until the operator's process ended at the armed point, after so many earlier restarts."""

        def ended() -> bool:
            state = self._state()
            last = state.get("lastState", {}).get("terminated") or state["state"].get("terminated") or {}
            is_new = int(state["restartCount"]) > restarts or "terminated" in state["state"]
            return is_new and last.get("exitCode") == _KILLED

        eventually("the operator to end at the failpoint", ended, lambda: json.dumps(self._state()))

    def _pods(self) -> list[dict[str, Any]]:
        return self._kubectl.items("pods", "-n", OPERATOR_NAMESPACE, "-l", _SELECTOR)

    def _state(self) -> dict[str, Any]:
        statuses = self._pods()[0]["status"]["containerStatuses"]
        return next(status for status in statuses if status["name"] == _CONTAINER)
