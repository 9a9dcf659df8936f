"""Copies of what the spec names beside the resource, for a namespace of the job's own."""

from penstock_operator.build import labels
from penstock_operator.build.context import JobContext, Manifest


def build_mirror(context: JobContext, source: Manifest) -> Manifest:
    """A Secret or ConfigMap as it is in the resource's namespace, marked as a copy."""
    metadata = context.metadata(
        source["metadata"]["name"],
        annotations={labels.MIRRORED_FROM: f"{source['metadata']['namespace']}/{source['metadata']['name']}"},
    )
    return {"apiVersion": "v1", "kind": source["kind"], "metadata": metadata, **content_of(source)}


def content_of(source: Manifest) -> Manifest:
    """What of a Secret or ConfigMap is copied."""
    return {key: source[key] for key in ("data", "binaryData", "type") if source.get(key)}


def build_tls_secret(context: JobContext, files: dict[str, str]) -> Manifest:
    """The job's certificates (Decision 15); `files` are PEM texts by file name."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": context.metadata(context.tls_name, more_labels={labels.APP: context.name}),
        "type": "Opaque",
        "stringData": files,
    }
