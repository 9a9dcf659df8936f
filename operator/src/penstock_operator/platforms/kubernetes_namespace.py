"""The namespace of a job on the cluster: taken, given up, and swept when its resource is gone.

Called by the Kubernetes platform. A namespace without the resource's own label is never touched.
"""

import structlog

from penstock_api.reasons import Reason
from penstock_operator.build import labels
from penstock_operator.build.assembly import unwanted
from penstock_operator.build.context import JobContext, Manifest
from penstock_operator.build.namespace import build_namespace
from penstock_operator.clients.kube import KubeClient
from penstock_operator.errors import Conflict, ExternalError, OperatorError, UserError
from penstock_operator.model.facts import Ref

log = structlog.get_logger(__name__)


def refusal(found: Manifest | None, ref: Ref, uid: str) -> OperatorError | None:
    """Why the namespace, as it is, cannot be this resource's; None if it is free or already is."""
    if found is None:
        return None
    name = found["metadata"]["name"]
    owner = labels.owner_of(found["metadata"].get("labels") or {})
    if owner is None:
        message = f"namespace {name} exists and is not Penstock's: delete it or change spec.jobNamespaces.nameTemplate"
        return UserError(Reason.NAMESPACE_NOT_OURS, message)
    if found["metadata"].get("deletionTimestamp"):
        message = f"namespace {name} is still being deleted: the job starts when it is gone"
        return ExternalError(Reason.NAMESPACE_TERMINATING, message)
    if owner != ref:
        message = (
            f"namespace {name} is that of {owner}: change spec.jobNamespaces.nameTemplate of one of them"
        )
        return UserError(Reason.NAMESPACE_COLLISION, message)
    if is_orphaned(found):
        message = (
            f"namespace {name} was left behind by spec.deletion.policy Orphan: delete it, and the job starts"
        )
        return UserError(Reason.NAMESPACE_COLLISION, message)
    held = found["metadata"]["labels"].get(labels.RESOURCE_UID)
    if held is None:  # made beforehand for this resource, by someone who labelled it so
        return None
    if held != uid:
        message = f"namespace {name} is that of an earlier {ref}: the job starts when it is gone"
        return ExternalError(Reason.NAMESPACE_TERMINATING, message)
    return None


def out_of_reach(name: str, *, is_recorded: bool) -> OperatorError:
    """What is said of a namespace that an operator with rights in its watched ones only cannot see."""
    rights = "this operator has rights in its watched namespaces only (rbac.scope: Namespaces)"
    if is_recorded:  # a job may run there
        message = f"the job has namespace {name}, and {rights}: install it with rbac.scope Cluster until the resource is deleted"
        return ExternalError(Reason.PERMISSION_DENIED, message)
    message = f"the job would run in namespace {name}, and {rights}: set spec.jobNamespaces.mode to Shared"
    return UserError(Reason.VALIDATION_ERROR, message)


def is_of(found: Manifest | None, uid: str) -> bool:
    """Whether the object was made for the resource with this uid."""
    return found is not None and (found["metadata"].get("labels") or {}).get(labels.RESOURCE_UID) == uid


def is_orphaned(found: Manifest) -> bool:
    """Whether the namespace was left behind on purpose."""
    return labels.ORPHANED in (found["metadata"].get("annotations") or {})


def leave_behind(client: KubeClient, name: str, uid: str) -> None:
    """Mark a namespace whose resource goes and which stays, so that the sweep spares it."""
    found = client.get("Namespace", name)
    if found is not None and is_of(found, uid) and not found["metadata"].get("deletionTimestamp"):
        client.patch("Namespace", name, None, {"metadata": {"annotations": {labels.ORPHANED: "true"}}})


def foreign(client: KubeClient, name: str, namespace: str, uid: str) -> str | None:
    """An object beside the resource that has the name of one of the job's, and is not the job's; None if none is."""
    wanted = (
        ("Deployment", name),
        ("Deployment", f"{name}-taskmanager"),
        ("Service", name),
        ("Service", f"{name}-rest"),
        ("ConfigMap", f"flink-config-{name}"),
        ("Secret", f"{name}-penstock-tls"),
    )
    for kind, each in wanted:
        found = client.get(kind, each, namespace)
        if found is not None and not is_of(found, uid):
            return f"{kind} {namespace}/{each}"
    return None


def refuse_foreign(client: KubeClient, context: JobContext) -> None:
    """Raise where something of another's has a name that the job needs, whatever was found when the spec was looked at."""
    taken = foreign(client, context.cluster, context.namespace, context.launch.uid)
    if taken is not None:
        message = f"{taken} is there and is not this job's: delete it, or give the resource another name"
        raise ExternalError(Reason.VALIDATION_ERROR, message)


def claim(client: KubeClient, context: JobContext) -> None:
    """Make the namespace, or bring its labels up to date; raises where it is not this resource's."""
    wanted = build_namespace(context)
    found = client.get("Namespace", context.namespace)
    if found is None:
        try:
            client.create(wanted)
            return
        except Conflict:
            found = client.get("Namespace", context.namespace)
    error = refusal(found, context.launch.ref, context.launch.uid)
    if error is not None:
        raise error
    client.apply(wanted)


def drop_unwanted(client: KubeClient, context: JobContext) -> None:
    """Delete what an earlier spec of the job made and this one does not want."""
    for kind, name in unwanted(context):
        if is_of(client.get(kind, name, context.namespace), context.launch.uid):
            client.delete(kind, name, context.namespace)


def forget_leaders(client: KubeClient, context: JobContext) -> None:
    """Before JobManagers start anew: the graph that the last leader left would be run instead of the program.

    Left alone while JobManagers are there, of which another one leads next.
    """
    if context.ha_type != "kubernetes":
        return
    if client.get("Deployment", context.cluster, context.namespace) is None:
        client.delete("ConfigMap", f"{context.cluster}-cluster-config-map", context.namespace)


def remove_election(client: KubeClient, name: str, namespace: str) -> None:
    """What JobManagers that elected left beside the resource, known by Flink's labels."""
    found = client.get("ConfigMap", f"{name}-cluster-config-map", namespace)
    marks = (found or {}).get("metadata", {}).get("labels") or {}
    if marks.get(labels.APP) == name and marks.get("configmap-type") == "high-availability":
        client.delete("ConfigMap", f"{name}-cluster-config-map", namespace)
        client.delete("Lease", f"{name}-jobmanager", namespace)


def in_use(client: KubeClient, context: JobContext) -> dict[str, str]:
    """What the pods of the namespace request now, by its quota's own count; empty before there is one."""
    if not context.is_dedicated:
        return {}
    quota = client.get("ResourceQuota", context.name, context.namespace) or {}
    return dict((quota.get("status") or {}).get("used") or {})


def sweep(client: KubeClient) -> list[str]:
    """Delete the namespaces whose resource is gone; returns their names.

    Two lists say which may be; each of those is asked for once more, for a resource may have come in between.
    """
    swept = []
    namespaces = client.list("Namespace", selector=labels.OURS)
    living = {found["metadata"]["uid"] for found in client.list("FlinkDeployment")} if namespaces else set()
    for namespace in namespaces:
        metadata = namespace["metadata"]
        owner, uid = labels.owner_of(metadata["labels"]), metadata["labels"].get(labels.RESOURCE_UID)
        if owner is None or metadata.get("deletionTimestamp") or is_orphaned(namespace):
            continue
        if uid is None or uid in living:  # made beforehand for a resource to come, or in use
            continue
        resource = client.get("FlinkDeployment", owner.name, owner.namespace)
        if resource is not None and is_of(namespace, resource["metadata"]["uid"]):
            continue
        log.warning(
            "namespace lost its resource and is deleted", namespace=metadata["name"], resource=str(owner)
        )
        client.delete("Namespace", metadata["name"], uid=metadata["uid"])
        swept.append(metadata["name"])
    return swept
