"""Which pods stand beside those of a job in a warm upgrade, by the resource's status. Pure; read by `decide/` and platforms."""

from penstock_api.v1beta1.deployment import FlinkDeployment
from penstock_api.v1beta1.status import FlinkDeploymentStatus
from penstock_api.v1beta1.warm import WarmPhase

_BESIDE = (WarmPhase.PREPARING, WarmPhase.READY, WarmPhase.DISCARDING, WarmPhase.RETIRING)


def cluster_of(resource: FlinkDeployment) -> str:
    """Name of the JobManager's Deployment of the job that the status tells of."""
    return resource.status.cluster_name or resource.metadata.name


def beside(status: FlinkDeploymentStatus) -> str | None:
    """Name of the pods that stand beside those of the job; None while there are none."""
    held = status.warm
    return held.cluster if held is not None and held.phase in _BESIDE else None


def clusters_of(resource: FlinkDeployment) -> tuple[str, ...]:
    """Every name that pods of the resource may have now."""
    found = (resource.metadata.name, cluster_of(resource), beside(resource.status))
    return tuple(dict.fromkeys(name for name in found if name))


def spared(resource: FlinkDeployment) -> str | None:
    """Name of the pods that a stop of the job leaves alone: they wait to go on where it ends."""
    held = resource.status.warm
    if held is None or resource.metadata.deletion_timestamp is not None:
        return None
    return held.cluster if held.phase in (WarmPhase.PREPARING, WarmPhase.READY) else None


def deployments_of(cluster: str) -> tuple[str, str]:
    """Names of the JobManager's and the TaskManagers' Deployments."""
    return cluster, f"{cluster}-taskmanager"
