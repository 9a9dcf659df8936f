"""At the end of a run: the operator was never refused anything, by its own log and by the API server's audit log.

That no right is too many is shown where every kind of resource is led through its life: `tests/operator_kubernetes`.
"""

from __future__ import annotations

from e2e.cluster.layout import AUDIT_LOG
from e2e.environment import OPERATOR_NAMESPACE
from e2e.job import Kubectl
from tests.servers.audit import asked

ACCOUNT = f"system:serviceaccount:{OPERATOR_NAMESPACE}:penstock-operator"


def test_the_operator_was_refused_nothing(kubectl: Kubectl) -> None:
    pods = kubectl.items("pods", "-n", OPERATOR_NAMESPACE, "-l", "app.kubernetes.io/name=penstock-operator")
    assert pods
    for pod in pods:
        said = kubectl.run("logs", "-n", OPERATOR_NAMESPACE, pod["metadata"]["name"])
        assert not [line for line in said.splitlines() if "PermissionDenied" in line]
    log = kubectl.cluster.kubeconfig.with_name(AUDIT_LOG)
    if log.exists():  # kind keeps none
        found = asked(log, ACCOUNT)
        assert found.used, "the audit log knows nothing of the operator"
        assert not found.refused
