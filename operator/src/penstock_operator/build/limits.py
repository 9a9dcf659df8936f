"""Quota and limit range of a job's namespace: one job cannot fill the cluster by accident."""

from penstock_operator.build.context import JobContext, Manifest

_SPARE_PODS = 4
"""Pods that end beside the ones that start, and one of the owner's for a look inside."""


def build_resource_quota(context: JobContext) -> Manifest:
    """Twice the job's pods, so that an upgrade never waits for the last pod's end."""
    pods = 2 * (1 + context.launch.task_managers) + _SPARE_PODS
    return {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": context.metadata(context.name),
        "spec": {
            "hard": {
                "pods": str(pods),
                "services.loadbalancers": "0",
                "services.nodeports": "0",
                "persistentvolumeclaims": "0",
            }
        },
    }


def build_limit_range(context: JobContext) -> Manifest:
    """Requests of containers that name none (sidecars)."""
    return {
        "apiVersion": "v1",
        "kind": "LimitRange",
        "metadata": context.metadata(context.name),
        "spec": {
            "limits": [{"type": "Container", "defaultRequest": {"cpu": "50m", "memory": "64Mi"}}],
        },
    }
