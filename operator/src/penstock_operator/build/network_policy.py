"""Who may reach a job's pods: the job itself; on the REST port the operator, scrapers, and what serves its Ingress."""

from penstock_operator.build import labels
from penstock_operator.build.context import JobContext, Manifest

_NAMESPACE_NAME = "kubernetes.io/metadata.name"


def build_network_policies(context: JobContext) -> list[Manifest]:
    """Nothing enters but from the job's own pods; the JobManager's REST port is open to those named above (Decision 15)."""
    every = {"matchLabels": {labels.APP: context.cluster}}
    job_manager = {"matchLabels": labels.pod_labels(context.cluster, labels.JOB_MANAGER)}
    rest = [{"port": context.rest_port, "protocol": "TCP"}]
    return [
        _policy(context, f"{context.cluster}-own", every, [{"from": [{"podSelector": every}]}]),
        _policy(
            context, f"{context.cluster}-rest", job_manager, [{"from": _visitors(context), "ports": rest}]
        ),
    ]


def _visitors(context: JobContext) -> list[Manifest]:
    """The operator's own pods; Prometheus reads metrics off the REST port; an Ingress is of use to its controller only."""
    defaults = context.defaults
    operator: Manifest = {
        "namespaceSelector": {"matchLabels": {_NAMESPACE_NAME: defaults.operator_namespace}}
    }
    if defaults.operator_pods:
        operator["podSelector"] = {"matchLabels": dict(defaults.operator_pods)}
    found = [operator]
    if defaults.scrapers is not None:
        found.append({"namespaceSelector": defaults.scrapers})
    if context.launch.spec.ingress is not None and context.launch.spec.ingress.template:
        found.append({"namespaceSelector": defaults.ingress_controllers})
    return found


def _policy(context: JobContext, name: str, pods: Manifest, ingress: list[Manifest]) -> Manifest:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": context.metadata(name),
        "spec": {"podSelector": pods, "policyTypes": ["Ingress"], "ingress": ingress},
    }
