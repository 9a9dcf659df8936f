"""Installing the chart: definitions served, operator ready, least rights; nothing else needed before the first job."""

from __future__ import annotations

import json

from e2e.environment import OPERATOR_NAMESPACE
from e2e.job import Kubectl


def test_the_definitions_are_served(kubectl: Kubectl) -> None:
    served = kubectl.run("api-resources", "--api-group=flink.apache.org", "-o", "name").split()
    assert {
        "flinkdeployments.flink.apache.org",
        "flinksessionjobs.flink.apache.org",
        "flinkstatesnapshots.flink.apache.org",
        "flinkbluegreendeployments.flink.apache.org",
    } <= set(served)


def test_the_operator_is_ready_and_not_root(kubectl: Kubectl) -> None:
    pods = kubectl.items("pods", "-n", OPERATOR_NAMESPACE, "-l", "app.kubernetes.io/name=penstock-operator")
    running = [pod for pod in pods if pod["status"]["phase"] == "Running"]
    assert running
    assert all(pod["spec"]["securityContext"]["runAsNonRoot"] for pod in running)


def test_the_operator_may_bind_the_jobs_role_and_no_other(kubectl: Kubectl) -> None:
    account = f"system:serviceaccount:{OPERATOR_NAMESPACE}:penstock-operator"
    allowed = kubectl.cluster.kubectl("auth", "can-i", "bind", "clusterrole/penstock-job", "--as", account)
    refused = kubectl.cluster.kubectl("auth", "can-i", "bind", "clusterrole/cluster-admin", "--as", account)
    assert (allowed.stdout.strip(), refused.stdout.strip()) == ("yes", "no")


def test_hook_jobs_leave_nothing_behind(kubectl: Kubectl) -> None:
    left = kubectl.items("jobs", "-n", OPERATOR_NAMESPACE)
    assert not left, json.dumps([job["metadata"]["name"] for job in left])
