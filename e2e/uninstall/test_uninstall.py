"""Taking the release away, after all other tests: resources stay and can be deleted, nothing else is left behind."""

from __future__ import annotations

import subprocess
import time

from e2e.environment import OPERATOR_NAMESPACE, RELEASE, Environment
from e2e.job import Kubectl

_LEFT = {
    "apiVersion": "flink.apache.org/v1beta1",
    "kind": "FlinkDeployment",
    "metadata": {"name": "left", "namespace": "default"},
    "spec": {
        "job": {"jarURI": "local:///opt/flink/usrlib/none.py", "parallelism": 1, "upgradeMode": "stateless"}
    },
}


def test_uninstalling_leaves_nothing_terminating(environment: Environment, kubectl: Kubectl) -> None:
    kubectl.apply(_LEFT)
    deadline = time.monotonic() + 30
    while not (kubectl.get("flinkdeployment", "left") or {})["metadata"].get("finalizers"):
        assert time.monotonic() < deadline, "the operator did not take the resource"
        time.sleep(0.2)
    kubeconfig = str(kubectl.cluster.kubeconfig)
    command = [environment.helm, "--kubeconfig", kubeconfig, "uninstall", RELEASE, "-n", OPERATOR_NAMESPACE]
    done = subprocess.run(
        [*command, "--wait", "--timeout", "120s"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert kubectl.get("namespace", "default-left") is not None, "the job must go on without the operator"
    kubectl.run("delete", "flinkdeployment", "left", "--timeout=20s")
    kubectl.run("delete", "namespace", "default-left", "--timeout=60s")
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
