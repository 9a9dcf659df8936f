"""FlinkSessionJobs as a kind: the one loop, over session clusters. Called by `handlers/app.py` once."""

from penstock_api.v1beta1.session_job import FlinkSessionJob
from penstock_operator.clients.kube import KubeClient
from penstock_operator.platforms.kubernetes_kinds import KubernetesKind
from penstock_operator.platforms.port import Platform
from penstock_operator.reconcile.kinds import SESSION_JOB, Kind
from penstock_operator.reconcile.loop import Loop
from penstock_operator.reconcile.session_job import SessionJobs


def session_jobs(client: KubeClient, deployments: Platform) -> SessionJobs:
    """The platform of session jobs; `deployments` knows the session clusters."""
    return SessionJobs(KubernetesKind(client, FlinkSessionJob), deployments)


def session_job_kind(jobs: SessionJobs) -> Kind:
    """The kind."""
    return Kind(SESSION_JOB, "flinksessionjobs", Loop(jobs).reconcile)
