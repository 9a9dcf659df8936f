"""FlinkSessionJobs as a kind: the one loop, over session clusters. Called by `handlers/app.py` once."""

from functools import partial

from penstock_api.v1beta1.session_job import FlinkSessionJob
from penstock_api.v1beta1.state_snapshot import JobReferenceKind
from penstock_operator.clients.kube import KubeClient
from penstock_operator.configuration.values import Values
from penstock_operator.model.facts import Ref
from penstock_operator.model.plan import TakeSnapshot
from penstock_operator.platforms import kubernetes_revisions
from penstock_operator.platforms.kubernetes_kinds import KubernetesKind
from penstock_operator.platforms.kubernetes_snapshots import take_snapshot
from penstock_operator.platforms.port import Platform
from penstock_operator.reconcile.kinds import SESSION_JOB, Kind
from penstock_operator.reconcile.loop import Loop
from penstock_operator.reconcile.session_job import SessionJobs


def session_jobs(client: KubeClient, deployments: Platform) -> SessionJobs:
    """The platform of session jobs; `deployments` knows the session clusters."""

    def make(ref: Ref, wanted: TakeSnapshot) -> None:
        selector = Values(deployments.defaults(ref.namespace)).text("label.selector")
        take_snapshot(client, JobReferenceKind.FLINK_SESSION_JOB, ref, wanted, selector)

    keep = partial(kubernetes_revisions.keep, client)
    return SessionJobs(KubernetesKind(client, FlinkSessionJob), deployments, make, keep)


def session_job_kind(client: KubeClient, jobs: SessionJobs) -> Kind:
    """The kind. At rest it is looked at through what the client remembers, as FlinkDeployments are."""
    return Kind(SESSION_JOB, "flinksessionjobs", Loop(jobs, client.memory.recalling).reconcile)
