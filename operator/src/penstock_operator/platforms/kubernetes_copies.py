"""Copies of Secrets and ConfigMaps in a job's own namespace: made at a deploy, kept up to their originals afterwards.

Called by the Kubernetes platform. Reads originals in the resource's namespace only; never deletes a copy, for a pod may
still use it; never refreshes a program, which changes by an upgrade only and not by whoever restarts a pod.
"""

import hashlib
from collections.abc import Iterator

import structlog

from penstock_api.v1beta1.deployment import FlinkDeployment
from penstock_operator.build import labels
from penstock_operator.build.context import JobContext, Manifest
from penstock_operator.build.mirror import content_of
from penstock_operator.build.program import config_map_files
from penstock_operator.build.references import references
from penstock_operator.build.service_account import pull_secrets
from penstock_operator.clients.kube import KubeClient

log = structlog.get_logger(__name__)

_KINDS = ("Secret", "ConfigMap")


def originals(client: KubeClient, context: JobContext, account: Manifest | None) -> list[Manifest]:
    """What is to be copied: all that the spec names and all that the named account pulls images with."""
    if not context.is_dedicated:
        return []
    wanted = {(found.kind, found.name) for found in references(context.launch.spec) if found.kind in _KINDS}
    wanted |= {("Secret", name) for name in pull_secrets(account)}
    read = (client.get(kind, name, context.launch.ref.namespace) for kind, name in sorted(wanted))
    return [found for found in read if found is not None]


def drop_unnamed(client: KubeClient, context: JobContext, account: Manifest | None) -> None:
    """Delete what an earlier spec had copied and this one does not name, once no pod of the job is left to use it."""
    spec, selector = context.launch.spec, f"{labels.RESOURCE_UID}={context.launch.uid}"
    if not context.is_dedicated or (spec.service_account and account is None):
        return  # whose pull secrets are not known
    wanted = {(found.kind, found.name) for found in references(spec)}
    wanted |= {("Secret", name) for name in pull_secrets(account)}
    wanted.add(("ServiceAccount", context.service_account))
    copies = [
        (kind, found["metadata"]["name"])
        for kind in (*_KINDS, "ServiceAccount")
        for found in client.list(kind, context.namespace, selector)
        if kind == "ServiceAccount" or labels.MIRRORED_FROM in (found["metadata"].get("annotations") or {})
    ]
    unnamed = [copy for copy in copies if copy not in wanted]
    if unnamed and not client.list("Pod", context.namespace, selector):
        for kind, name in unnamed:
            client.delete(kind, name, context.namespace)


def stale_copies(client: KubeClient, resource: FlinkDeployment, namespace: str) -> tuple[str, ...]:
    """The copies that differ from their originals, as `Kind/name`."""
    found = _stale(client, resource, namespace)
    return tuple(f"{copy['kind']}/{copy['metadata']['name']}" for copy, _ in found)


def refresh_copies(client: KubeClient, resource: FlinkDeployment, namespace: str) -> None:
    """Write the originals' content over the copies that differ; where the owner wants it, start the pods anew.

    A copy is marked until the restart that it asks for is done, so that a crash in between loses none.
    """
    wanted = resource.spec.job_namespaces
    restarts = bool(wanted and wanted.restart_on_change)
    due = []
    for copy, original in _stale(client, resource, namespace):
        applied = client.apply(_refreshed(copy, original, restarts=restarts))
        log.info("copy refreshed", kind=copy["kind"], name=copy["metadata"]["name"], namespace=namespace)
        if restarts:
            due.append({**applied, "kind": copy["kind"]})
    if due:
        _restart(client, resource, namespace, due)


def _refreshed(copy: Manifest, original: Manifest, *, restarts: bool) -> Manifest:
    metadata = copy["metadata"]
    annotations = {key: value for key, value in metadata["annotations"].items() if key != labels.RESTART_DUE}
    if restarts:
        annotations[labels.RESTART_DUE] = "true"
    kept = {key: metadata[key] for key in ("name", "namespace", "labels")}
    return {
        "apiVersion": "v1",
        "kind": copy["kind"],
        "metadata": {**kept, "annotations": annotations},
        **content_of(original),
    }


def _restart(client: KubeClient, resource: FlinkDeployment, namespace: str, due: list[Manifest]) -> None:
    """Begin to replace the job's pods; the job goes on from its newest checkpoint. Then take the marks off."""
    told = ",".join(
        sorted(f"{copy['metadata']['uid']}.{copy['metadata']['resourceVersion']}" for copy in due)
    )
    mark = {labels.RESTARTED_FOR: hashlib.sha256(told.encode()).hexdigest()[:16]}
    for deployment in client.list("Deployment", namespace, f"{labels.RESOURCE_UID}={resource.metadata.uid}"):
        patch = {"spec": {"template": {"metadata": {"annotations": mark}}}}
        client.patch("Deployment", deployment["metadata"]["name"], namespace, patch)
    for copy in due:
        unmark = {"metadata": {"annotations": {labels.RESTART_DUE: None}}}
        client.patch(copy["kind"], copy["metadata"]["name"], namespace, unmark)
    log.info("pods restart for changed copies", resource=resource.metadata.name, namespace=namespace)


def _stale(
    client: KubeClient, resource: FlinkDeployment, namespace: str
) -> Iterator[tuple[Manifest, Manifest]]:
    """Each copy that differs, with its original."""
    meta = resource.metadata
    names_none = not references(resource.spec) and not resource.spec.service_account
    if namespace == meta.namespace or names_none:  # the common case at rest costs no call
        return
    programs = {found.config_map for found in config_map_files(resource.spec)}
    for kind in _KINDS:
        for copy in client.list(kind, namespace, f"{labels.RESOURCE_UID}={meta.uid}"):
            source = (copy["metadata"].get("annotations") or {}).get(labels.MIRRORED_FROM, "")
            home, _, name = source.partition("/")
            # Only ever from the resource's own namespace, whatever an annotation says.
            if home != meta.namespace or not name or (kind == "ConfigMap" and name in programs):
                continue
            original = client.get(kind, name, meta.namespace)
            is_due = labels.RESTART_DUE in copy["metadata"]["annotations"]
            if original is not None and (is_due or content_of(original) != content_of(copy)):
                yield copy, original
