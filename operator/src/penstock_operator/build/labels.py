"""Every label, annotation and finalizer of the objects that Penstock makes, in one place.

Used by the builders, the Kubernetes platform and the handlers. Wire format: a name here is never changed.
"""

from penstock_operator.model.facts import Ref

MANAGED_BY = "app.kubernetes.io/managed-by"
PENSTOCK = "penstock"
RESOURCE_UID = "penstock.dev/resource-uid"
RESOURCE_NAMESPACE = "penstock.dev/resource-namespace"
RESOURCE_NAME = "penstock.dev/resource-name"
APP = "app"
COMPONENT = "component"
JOB_MANAGER = "jobmanager"
TASK_MANAGER = "taskmanager"

JOB_ID = "penstock.dev/job-id"
ORIGIN = "penstock.dev/from-state"
"""On the Deployments of a job: the state that it was started from; empty, it was started without."""
FINGERPRINT = "penstock.dev/fingerprint"
ORPHANED = "penstock.dev/orphaned"
"""On a namespace that outlives its resource on purpose."""
MIRRORED_FROM = "penstock.dev/mirrored-from"
RESTART_DUE = "penstock.dev/restart-due"
"""On a copy that was brought up to date and whose pods were not restarted yet."""
RESTARTED_FOR = "penstock.dev/restarted-for"
"""On a pod template: the versions of the copies that its pods were last started anew for."""
TRANSITION = "penstock.dev/transition"
"""On a side of a blue/green deployment: the transition that it was made for."""
BLUE_GREEN_TYPE = "flink/blue-green-deployment-type"
"""Upstream's label of a side: BLUE or GREEN."""
SESSION = "target.session"
"""Upstream's label of a session job: its session cluster."""
CANARY = "flink.apache.org/canary"
"""Upstream's label of a resource that is there to see whether the operator works."""
CHANGED_BY = "penstock.dev/changed-by"
"""On a resource, as `who@generation`: who wrote this generation, where managed fields cannot tell (fields went away)."""
GENERATION = "flinkdeployment.flink.apache.org/generation"
"""Upstream's annotation: the resource's generation that was deployed."""
DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"
"""Kubernetes' own: the pods with the lowest go first when a Deployment gets fewer."""

FINALIZER = "flinkdeployments.penstock.dev/finalizer"
UPSTREAM_FINALIZERS = ("flinkdeployments.flink.apache.org/finalizer",)

OURS = f"{MANAGED_BY}={PENSTOCK}"
"""Selects everything that Penstock made."""


def owned_labels(ref: Ref, uid: str) -> dict[str, str]:
    """What ties an object to its resource, whatever namespace it is in."""
    return {
        MANAGED_BY: PENSTOCK,
        RESOURCE_UID: uid,
        RESOURCE_NAMESPACE: ref.namespace,
        RESOURCE_NAME: ref.name,
    }


def pod_labels(name: str, component: str) -> dict[str, str]:
    """What selects the pods of one component; immutable in a Deployment, so never extended."""
    return {APP: name, COMPONENT: component}


def owner_of(labels: dict[str, str]) -> Ref | None:
    """The resource that an object belongs to, if Penstock made it."""
    if labels.get(MANAGED_BY) != PENSTOCK:
        return None
    namespace, name = labels.get(RESOURCE_NAMESPACE), labels.get(RESOURCE_NAME)
    return Ref(namespace, name) if namespace and name else None
