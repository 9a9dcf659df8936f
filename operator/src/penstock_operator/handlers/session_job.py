"""FlinkSessionJobs as a kind: the one loop, over session clusters. Called by `handlers/app.py` once."""

from functools import partial

from penstock_api.v1beta1.session_job import FlinkSessionJob
from penstock_api.v1beta1.state_snapshot import JobReferenceKind
from penstock_operator.clients.kube import KubeClient
from penstock_operator.platforms.kubernetes_kinds import KubernetesKind
from penstock_operator.platforms.kubernetes_snapshots import take_snapshot
from penstock_operator.platforms.port import Platform
from penstock_operator.reconcile.kinds import SESSION_JOB, Kind
from penstock_operator.reconcile.loop import Loop
from penstock_operator.reconcile.session_job import SessionJobs


def session_jobs(client: KubeClient, deployments: Platform) -> SessionJobs:
    """The platform of session jobs; `deployments` knows the session clusters."""
    make = partial(take_snapshot, client, JobReferenceKind.FLINK_SESSION_JOB)
    return SessionJobs(KubernetesKind(client, FlinkSessionJob), deployments, make)


def session_job_kind(jobs: SessionJobs) -> Kind:
    """The kind."""
    return Kind(SESSION_JOB, "flinksessionjobs", Loop(jobs).reconcile)
