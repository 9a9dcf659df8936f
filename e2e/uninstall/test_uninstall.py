"""Taking the release away, after all other tests: it refuses while jobs are left, and then leaves nothing behind."""

from __future__ import annotations

import subprocess

from e2e.environment import OPERATOR_NAMESPACE, RELEASE, Environment
from e2e.job import Kubectl


def test_uninstalling_leaves_nothing_terminating(environment: Environment, kubectl: Kubectl) -> None:
    kubeconfig = str(kubectl.cluster.kubeconfig)
    command = [environment.helm, "--kubeconfig", kubeconfig, "uninstall", RELEASE, "-n", OPERATOR_NAMESPACE]
    done = subprocess.run(
        [*command, "--wait", "--timeout", "120s"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    kubectl.run("delete", "namespace", OPERATOR_NAMESPACE, "--timeout=60s")
    stuck = [
        item["metadata"]["name"]
        for item in kubectl.items("namespaces")
        if item["metadata"].get("deletionTimestamp")
        or item["metadata"]["name"].startswith(("t-", "penstock"))
    ]
    assert not stuck
    roles = kubectl.run("get", "clusterroles,clusterrolebindings", "-o", "name").split()
    assert not [role for role in roles if "penstock" in role]
    left = kubectl.items("flinkdeployments", "-A")
    assert not left
