"""Two clusters of one job side by side: whether there is room, and what goes with the one that goes.

Called by the Kubernetes platform in warm upgrades. Deletes only what has the resource's own label.
"""

from collections.abc import Iterator
from decimal import Decimal

from penstock_api.reasons import Reason
from penstock_api.v1beta1.deployment import FlinkDeployment
from penstock_operator.build import labels
from penstock_operator.build.assembly import build_surroundings
from penstock_operator.build.context import JobContext, Manifest, config_name, tls_name
from penstock_operator.build.deployment import build_job_manager, build_task_managers
from penstock_operator.clients.kube import KubeClient
from penstock_operator.errors import ExternalError, OperatorError
from penstock_operator.model.facts import Problem
from penstock_operator.model.launch import Launch
from penstock_operator.model.quantity import parse_quantity
from penstock_operator.model.warm import deployments_of, spared
from penstock_operator.platforms.kubernetes_namespace import foreign, is_of, remove_election
from penstock_operator.platforms.kubernetes_room import limits, requests

_RESTRICTS_OTHERS = ("BestEffort", "Terminating")
"""Scopes that no pod of ours is in: all of them request something, and none has a deadline."""


def end(client: KubeClient, resource: FlinkDeployment, cluster: str, namespace: str) -> None:
    """Delete the Deployments of this name; their pods get their grace period to end."""
    for name in deployments_of(cluster):
        found = client.get("Deployment", name, namespace)
        if found is not None and is_of(found, resource.metadata.uid or ""):
            # This very one: another leader may have stopped it meanwhile, and started its successor.
            client.delete("Deployment", name, namespace, uid=found["metadata"]["uid"])


def end_all(client: KubeClient, resource: FlinkDeployment, namespace: str) -> None:
    """Delete every Deployment of the resource, known to its status or not, but those that wait for this end."""
    uid, waiting = resource.metadata.uid or "", spared(resource)
    kept = deployments_of(waiting) if waiting is not None else ()
    for found in client.list("Deployment", namespace, f"{labels.RESOURCE_UID}={uid}"):
        name = found["metadata"]["name"]
        if name not in kept:
            client.delete("Deployment", name, namespace, uid=found["metadata"]["uid"])


def clear_up(client: KubeClient, rest: JobContext, cluster: str) -> None:
    """Delete what pods of this name alone needed, and give the namespace the quota of `rest` alone."""
    wanted = [("Service", cluster), ("ConfigMap", config_name(cluster)), ("Secret", tls_name(cluster))]
    if rest.is_dedicated:
        wanted += [("NetworkPolicy", f"{cluster}-own"), ("NetworkPolicy", f"{cluster}-rest")]
    for kind, name in wanted if cluster != rest.cluster else []:
        if is_of(client.get(kind, name, rest.namespace), rest.launch.uid):
            client.delete(kind, name, rest.namespace)
    remove_election(client, cluster, rest.namespace)
    if rest.is_dedicated:
        for manifest in build_surroundings(rest, None, (), {}):
            if manifest["kind"] == "ResourceQuota":
                client.apply(manifest)


def refuse_foreign(client: KubeClient, launch: Launch, namespace: str) -> None:
    """Raise where something of another's has a name that the new pods need."""
    taken = foreign(client, launch.name, namespace, launch.uid)
    if taken is not None:
        raise ExternalError(Reason.WARM_UPGRADE_NOT_POSSIBLE, _taken(taken))


def refusal(client: KubeClient, context: JobContext) -> Problem | None:
    """Why the launch cannot be brought up beside what runs; None where nothing speaks against it."""
    taken = foreign(client, context.cluster, context.namespace, context.launch.uid)
    if taken is not None:
        return Problem(Reason.WARM_UPGRADE_NOT_POSSIBLE, _taken(taken))
    need = _need((build_job_manager(context), build_task_managers(context)))
    for quota in _quotas(client, context.namespace):
        for lack in _lacks(quota, need):
            sentence = f"{Reason.WARM_UPGRADE_NOT_POSSIBLE.sentence} ({lack})"
            return Problem(Reason.WARM_UPGRADE_NOT_POSSIBLE, sentence)
    return None


def _quotas(client: KubeClient, namespace: str) -> list[Manifest]:
    """Those that the operator may see; of others the API server tells when the pods are made."""
    try:
        return client.list("ResourceQuota", namespace)
    except OperatorError as error:
        if error.reason is Reason.PERMISSION_DENIED:
            return []
        raise


def _taken(what: str) -> str:
    return f"{Reason.WARM_UPGRADE_NOT_POSSIBLE.sentence} ({what} is there and is not this job's)"


def _need(deployments: tuple[Manifest, ...]) -> dict[str, Decimal]:
    """What the pods of these Deployments ask of quotas, by the quotas' own keys."""
    total: dict[str, Decimal] = {}
    for deployment in deployments:
        pod, replicas = deployment["spec"]["template"]["spec"], int(deployment["spec"]["replicas"])
        one = {f"requests.{key}": amount for key, amount in requests(pod).items()}
        one |= {f"limits.{key}": amount for key, amount in limits(pod).items()}
        one |= {key: one[f"requests.{key}"] for key in ("cpu", "memory") if f"requests.{key}" in one}
        one |= {"pods": Decimal(1), "count/pods": Decimal(1)}
        for key, amount in one.items():
            total[key] = total.get(key, Decimal()) + amount * replicas
    objects = {"count/deployments.apps": 2, "configmaps": 1, "secrets": 1, "services": 1}
    return total | {key: Decimal(count) for key, count in objects.items()}


def _lacks(quota: Manifest, need: dict[str, Decimal]) -> Iterator[str]:
    """What a quota leaves too little of. The job's own is widened instead."""
    spec, status = quota.get("spec") or {}, quota.get("status") or {}
    is_ours = labels.RESOURCE_UID in (quota["metadata"].get("labels") or {})
    if is_ours or any(scope in _RESTRICTS_OTHERS for scope in spec.get("scopes") or ()):
        return
    hard, used = status.get("hard") or spec.get("hard") or {}, status.get("used") or {}
    for key, most in hard.items():
        if key not in need:
            continue
        left = parse_quantity(str(most)) - parse_quantity(str(used.get(key, "0")))
        if left < need[key]:
            name = quota["metadata"]["name"]
            yield f"ResourceQuota {name} leaves {key} {_text(left)} of {_text(need[key])}"


def _text(amount: Decimal) -> str:
    return f"{max(amount, Decimal()):f}"
