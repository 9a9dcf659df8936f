"""Who may reach a job's pods: the job itself, and the operator on the REST port (Decision 15)."""

from penstock_operator.build import labels
from penstock_operator.build.context import JobContext, Manifest


def build_network_policies(context: JobContext) -> list[Manifest]:
    """Nothing enters but from the job's own pods; the JobManager's REST port is open to the operator as well."""
    every = {"matchLabels": {labels.APP: context.name}}
    job_manager = {"matchLabels": labels.pod_labels(context.name, labels.JOB_MANAGER)}
    own = {"podSelector": every}
    operator = {
        "namespaceSelector": {
            "matchLabels": {"kubernetes.io/metadata.name": context.defaults.operator_namespace}
        }
    }
    rest = [{"port": context.rest_port, "protocol": "TCP"}]
    return [
        _policy(context, f"{context.name}-own", every, [{"from": [own]}]),
        _policy(context, f"{context.name}-rest", job_manager, [{"from": [operator], "ports": rest}]),
    ]


def _policy(context: JobContext, name: str, pods: Manifest, ingress: list[Manifest]) -> Manifest:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": context.metadata(name),
        "spec": {"podSelector": pods, "policyTypes": ["Ingress"], "ingress": ingress},
    }
