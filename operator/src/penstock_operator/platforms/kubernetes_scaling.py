"""So many TaskManagers of a job that is deployed, and room for them. Called by the Kubernetes platform."""

from collections.abc import Sequence

import structlog

from penstock_operator.build import labels
from penstock_operator.build.assembly import build_surroundings
from penstock_operator.build.context import JobContext
from penstock_operator.clients.kube import KubeClient
from penstock_operator.platforms import kubernetes_namespace

log = structlog.get_logger(__name__)


def scale(client: KubeClient, context: JobContext, count: int, idle: Sequence[str]) -> None:
    """The quota, then the Deployment's replicas; `idle` pods go first. Nothing where the Deployment is not the job's."""
    launch, name = context.launch, f"{context.cluster}-taskmanager"
    if not kubernetes_namespace.is_of(client.get("Deployment", name, context.namespace), launch.uid):
        return
    if context.is_dedicated:
        used = kubernetes_namespace.in_use(client, context)
        for manifest in build_surroundings(context, None, (), used):
            if manifest["kind"] == "ResourceQuota":
                client.apply(manifest)
    for pod in idle:
        if client.get("Pod", pod, context.namespace) is not None:
            first = {"metadata": {"annotations": {labels.DELETION_COST: "-100"}}}
            client.patch("Pod", pod, context.namespace, first)
    client.patch("Deployment", name, context.namespace, {"spec": {"replicas": count}})
    log.info("scaled", resource=str(launch.ref), namespace=context.namespace, task_managers=count)
