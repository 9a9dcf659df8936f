"""Whether the cluster can have the PodGroup that a job's scheduler goes by. Called by the Kubernetes platform before a deploy."""

from penstock_api.reasons import Reason
from penstock_api.v1beta1.deployment import FlinkDeploymentSpec
from penstock_operator.build.pod_group import pod_group_kind
from penstock_operator.clients.kube import KubeClient
from penstock_operator.errors import ExternalError
from penstock_operator.model.facts import Problem


def refusal(client: KubeClient, spec: FlinkDeploymentSpec, namespace: str) -> Problem | None:
    """Why the pods could never be placed; None where they can, or need no PodGroup."""
    kind = pod_group_kind(spec)
    if kind is None:
        return None
    try:
        client.list(kind.key, namespace)
    except ExternalError as error:
        if error.reason not in (Reason.MISSING, Reason.PERMISSION_DENIED):
            raise
        name = spec.batch_scheduler.name if spec.batch_scheduler else ""
        is_missing = error.reason is Reason.MISSING
        why = "this cluster does not serve" if is_missing else "the operator has no right to make"
        message = (
            f"spec.batchScheduler {name!r} needs PodGroups of {kind.api_version}, which {why}: install the scheduler "
            "with its definitions, or name a PodGroup of your own in spec.batchScheduler.podGroup"
        )
        return Problem(Reason.VALIDATION_ERROR if is_missing else Reason.PERMISSION_DENIED, message)
    return None
