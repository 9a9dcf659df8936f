"""FlinkStateSnapshots as a kind: their loop on the API server. Called by `handlers/app.py` once."""

from penstock_api.v1beta1.state_snapshot import FlinkStateSnapshot, JobReferenceKind
from penstock_operator.clients.kube import KubeClient
from penstock_operator.platforms.kubernetes_kinds import KubernetesKind
from penstock_operator.platforms.port import Platform
from penstock_operator.reconcile.kinds import SNAPSHOT, Kind
from penstock_operator.reconcile.snapshot import SnapshotLoop
from penstock_operator.reconcile.snapshot_history import SnapshotHistory


def snapshot_kind(client: KubeClient, deployments: Platform, session_jobs: Platform) -> Kind:
    """The kind; the two platforms know the jobs of FlinkDeployments and of FlinkSessionJobs."""
    store = KubernetesKind(client, FlinkStateSnapshot)
    jobs = {
        JobReferenceKind.FLINK_DEPLOYMENT: deployments,
        JobReferenceKind.FLINK_SESSION_JOB: session_jobs,
    }
    loop = SnapshotLoop(store, jobs, SnapshotHistory(store, jobs))
    return Kind(SNAPSHOT, "flinkstatesnapshots", loop.reconcile)
