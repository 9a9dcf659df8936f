"""What exists of a job on the cluster, read live. Called by the Kubernetes platform once a turn of the loop."""

from collections.abc import Mapping

from penstock_api.v1beta1.deployment import FlinkDeployment
from penstock_operator.build import labels
from penstock_operator.build.context import MAIN_CONTAINER, REST_PORT
from penstock_operator.clients.kube import KubeClient, Manifest
from penstock_operator.model.facts import BesideFacts, ClusterFacts, DeployedJob
from penstock_operator.model.launch import WAIT
from penstock_operator.model.warm import beside, cluster_of, deployments_of
from penstock_operator.platforms.kubernetes_copies import stale_copies
from penstock_operator.platforms.kubernetes_diagnosis import diagnose, needs_events
from penstock_operator.platforms.kubernetes_namespace import is_of

_ENDED = ("Succeeded", "Failed")


def cluster_facts(client: KubeClient, resource: FlinkDeployment, namespace: str) -> ClusterFacts:
    """The facts; objects of the same names that are not this resource's count as absent."""
    name, uid = cluster_of(resource), resource.metadata.uid or ""
    manager = _own(client.get("Deployment", name, namespace), uid)
    workers = _own(client.get("Deployment", f"{name}-taskmanager", namespace), uid)
    other = beside(resource.status)
    every = client.list("Pod", namespace, f"{labels.RESOURCE_UID}={uid}")
    pods = [pod for pod in every if other is None or not _is_named(pod, other)]
    deployments = [found for found in (manager, workers) if found is not None]
    events = []
    if needs_events(pods):
        events = [event for event in client.list("Event", namespace) if event.get("type") == "Warning"]
    annotations = (manager or workers or {}).get("metadata", {}).get("annotations", {})
    exists = manager is not None and not _is_ending(manager)
    alive = _alive(pods)
    named = manager or workers
    strays = _strays(client, resource, namespace) if named is None and alive else []
    rest_exists = exists and _available(manager) > 0
    return ClusterFacts(
        job_manager_exists=exists,
        task_managers_exist=workers is not None and not _is_ending(workers),
        job_manager_ready=rest_exists,
        processes_left=alive,
        deployed=_deployed(named, None) or next(iter(strays), None),
        leftovers=_leftovers(client, resource, namespace, deployments),
        task_managers=_available(workers),
        job_id=annotations.get(labels.JOB_ID),
        fingerprint=annotations.get(labels.FINGERPRINT),
        rest_url=_rest_url(resource, manager, namespace, name) if rest_exists else None,
        # While a job starts or ends the API server is asked twice a second: copies can wait until it is at rest.
        stale_copies=stale_copies(client, resource, namespace) if rest_exists or not deployments else (),
        problem=diagnose(pods, deployments, events),
        session_jobs=_session_jobs(client, resource),
        beside=_beside(client, resource, (other, namespace), every) if other is not None else None,
    )


def _beside(
    client: KubeClient, resource: FlinkDeployment, place: tuple[str, str], every: list[Manifest]
) -> BesideFacts:
    """The other cluster of a warm upgrade; what of its program is ready its JobManager says."""
    name, namespace = place
    pods = [pod for pod in every if _is_named(pod, name)]
    uid = resource.metadata.uid or ""
    found = [_own(client.get("Deployment", each, namespace), uid) for each in deployments_of(name)]
    there = [each for each in found if each is not None and not _is_ending(each)]
    manager = found[0]
    is_up = manager is not None and manager in there and _available(manager) > 0
    return BesideFacts(
        exists=bool(there),
        is_whole=len(there) == len(found),
        processes_left=_alive(pods),
        problem=diagnose(pods, there, []),
        rest_url=_rest_url(resource, manager, namespace, name) if is_up else None,
    )


def _deployed(found: Manifest | None, cluster: str | None) -> DeployedJob | None:
    """What a Deployment says of the job that it is for; a session cluster's says nothing."""
    annotations = ((found or {}).get("metadata") or {}).get("annotations") or {}
    job_id, generation = annotations.get(labels.JOB_ID), annotations.get(labels.GENERATION, "")
    waits = labels.ORIGIN not in annotations and WAIT in str((found or {}).get("spec"))
    if not job_id or waits:
        return None
    number = int(generation) if generation.isdigit() else None
    return DeployedJob(job_id, number, annotations.get(labels.ORIGIN), cluster)


def _strays(client: KubeClient, resource: FlinkDeployment, namespace: str) -> list[DeployedJob]:
    """Jobs of the resource under names that its status does not know: the newest first."""
    selector = f"{labels.RESOURCE_UID}={resource.metadata.uid},{labels.COMPONENT}={labels.JOB_MANAGER}"
    found = [
        _deployed(one, one["metadata"]["name"]) for one in client.list("Deployment", namespace, selector)
    ]
    known = [one for one in found if one is not None and one.cluster != beside(resource.status)]
    return sorted(known, key=lambda one: one.generation or 0, reverse=True)


def _alive(pods: list[Manifest]) -> int:
    return sum(1 for pod in pods if _phase(pod) not in _ENDED)


def _is_named(pod: Manifest, cluster: str) -> bool:
    return (pod["metadata"].get("labels") or {}).get(labels.APP) == cluster


def _session_jobs(client: KubeClient, resource: FlinkDeployment) -> tuple[str, ...]:
    """Names of the jobs that a session cluster must not leave behind."""
    meta = resource.metadata
    if resource.spec.job is not None or meta.deletion_timestamp is None:
        return ()
    jobs = client.list("FlinkSessionJob", meta.namespace)
    names = [job["metadata"]["name"] for job in jobs if job["spec"].get("deploymentName") == meta.name]
    return tuple(sorted(names))


def _own(found: Manifest | None, uid: str) -> Manifest | None:
    return found if is_of(found, uid) else None


def _is_ending(found: Manifest) -> bool:
    return bool(found["metadata"].get("deletionTimestamp"))


def _available(deployment: Manifest | None) -> int:
    return int((deployment or {}).get("status", {}).get("readyReplicas") or 0)


def _phase(pod: Manifest) -> str:
    phase: str = pod.get("status", {}).get("phase", "")
    return phase


def _rest_url(resource: FlinkDeployment, manager: Manifest | None, namespace: str, cluster: str) -> str:
    """Where the JobManager that was deployed listens, by its own pod: what the spec says now may be for the next one."""
    pod = ((manager or {}).get("spec") or {}).get("template", {}).get("spec") or {}
    found = (one for one in pod.get("containers") or [] if one.get("name") == MAIN_CONTAINER)
    main: Manifest = next(found, {})
    ports = main.get("ports") or []
    port = next((each["containerPort"] for each in ports if each.get("name") == "rest"), REST_PORT)
    probe = (main.get("readinessProbe") or {}).get("httpGet") or {}
    scheme = str(probe.get("scheme", "HTTP")).lower()
    return service_url(resource, namespace, cluster, f"{scheme}://{{}}:{port}")


def rest_url(resource: FlinkDeployment, namespace: str, cluster: str, keys: Mapping[str, str]) -> str:
    """Where a JobManager with this configuration will listen."""
    scheme = "https" if keys.get("security.ssl.rest.enabled") == "true" else "http"
    return service_url(resource, namespace, cluster, f"{scheme}://{{}}:{keys.get('rest.port', REST_PORT)}")


def service_url(resource: FlinkDeployment, namespace: str, cluster: str, pattern: str) -> str:
    """By `<id>-rest`; after a warm upgrade by the cluster's own Service, for that one may lead to the old pods a while."""
    name = resource.metadata.name
    service = f"{name}-rest" if cluster == name else cluster
    return pattern.format(f"{service}.{namespace}.svc")


def _leftovers(
    client: KubeClient, resource: FlinkDeployment, namespace: str, deployments: list[Manifest]
) -> bool:
    uid = resource.metadata.uid or ""
    if namespace != resource.metadata.namespace:
        return is_of(client.get("Namespace", namespace), uid)
    selector = f"{labels.RESOURCE_UID}={uid}"
    return bool(deployments) or any(
        client.list(kind, namespace, selector) for kind in ("Service", "ConfigMap", "Secret")
    )
