"""Copies of Secrets and ConfigMaps in a job's own namespace: made at a deploy, kept up to their originals afterwards.

Called by the Kubernetes platform. Reads originals in the resource's namespace only; never deletes a copy, for a pod may
still use it; never refreshes a program, which changes by an upgrade only and not by whoever restarts a pod.
"""

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


def stale_copies(client: KubeClient, resource: FlinkDeployment, namespace: str) -> tuple[str, ...]:
    """The copies that differ from their originals, as `Kind/name`."""
    found = _stale(client, resource, namespace)
    return tuple(f"{copy['kind']}/{copy['metadata']['name']}" for copy, _ in found)


def refresh_copies(client: KubeClient, resource: FlinkDeployment, namespace: str) -> None:
    """Write the originals' content over the copies that differ."""
    for copy, original in _stale(client, resource, namespace):
        metadata = copy["metadata"]
        kept = {
            key: metadata[key] for key in ("name", "namespace", "labels", "annotations") if key in metadata
        }
        client.apply(
            {"apiVersion": "v1", "kind": copy["kind"], "metadata": kept, **content_of(original)},
        )
        log.info("copy refreshed", kind=copy["kind"], name=metadata["name"], namespace=namespace)


def _stale(
    client: KubeClient, resource: FlinkDeployment, namespace: str
) -> Iterator[tuple[Manifest, Manifest]]:
    """Each copy that differs, with its original."""
    meta = resource.metadata
    if namespace == meta.namespace:
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
            if original is not None and content_of(original) != content_of(copy):
                yield copy, original
