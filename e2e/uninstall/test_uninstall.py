"""Taking the release away, after all other tests: resources stay and can be deleted, nothing else is left behind."""

from __future__ import annotations

import subprocess

from e2e.environment import OPERATOR_NAMESPACE, RELEASE, Environment
from e2e.job import Kubectl
from e2e.waiting import eventually

_LEFT = {
    "apiVersion": "flink.apache.org/v1beta1",
    "kind": "FlinkDeployment",
    "metadata": {"name": "left", "namespace": "default"},
    "spec": {
        "job": {"jarURI": "local:///opt/flink/usrlib/none.py", "parallelism": 1, "upgradeMode": "stateless"}
    },
}


def _finalizers(kubectl: Kubectl) -> list[str]:
    found: list[str] = (kubectl.get("flinkdeployment", "left") or {})["metadata"].get("finalizers", [])
    return found


def _left_over(kubectl: Kubectl) -> list[str]:
    return [
        item["metadata"]["name"]
        for item in kubectl.items("namespaces")
        if item["metadata"].get("deletionTimestamp")
        or item["metadata"]["name"].startswith(("t-", "penstock"))
    ]


def test_uninstalling_leaves_nothing_terminating(environment: Environment, kubectl: Kubectl) -> None:
    kubectl.apply(_LEFT)
    eventually("the operator to take the resource", lambda: _finalizers(kubectl), seconds=60)
    kubeconfig = str(kubectl.cluster.kubeconfig)
    command = [environment.helm, "--kubeconfig", kubeconfig, "uninstall", RELEASE, "-n", OPERATOR_NAMESPACE]
    done = subprocess.run(
        [*command, "--wait", "--timeout", "300s"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert kubectl.get("namespace", "default-left") is not None, "the job must go on without the operator"
    kubectl.run("delete", "flinkdeployment", "left", "--timeout=60s")
    kubectl.run("delete", "namespace", "default-left", "--timeout=180s")
    kubectl.run("delete", "namespace", OPERATOR_NAMESPACE, "--timeout=180s")
    eventually("every namespace of the tests to be gone", lambda: not _left_over(kubectl))
    roles = kubectl.run("get", "clusterroles,clusterrolebindings", "-o", "name").split()
    assert not [role for role in roles if "penstock" in role]
    left = kubectl.items("flinkdeployments", "-A")
    assert not left
