"""The Ingress of `spec.ingress`: a host, a host with a path, or a path, with the resource's name filled in."""

from penstock_operator.build import labels
from penstock_operator.build.context import JobContext, Manifest


def build_ingress(context: JobContext) -> list[Manifest]:
    """One Ingress to the REST Service, or none where the spec names none."""
    wanted = context.launch.spec.ingress
    if wanted is None or not wanted.template:
        return []
    host, path = _address(wanted.template, context)
    backend = {"service": {"name": f"{context.name}-rest", "port": {"number": context.rest_port}}}
    rule: Manifest = {
        "http": {"paths": [{"path": path, "pathType": "ImplementationSpecific", "backend": backend}]}
    }
    if host:
        rule["host"] = host
    spec: Manifest = {"rules": [rule]}
    if wanted.class_name:
        spec["ingressClassName"] = wanted.class_name
    if wanted.tls:
        spec["tls"] = [entry.to_wire() for entry in wanted.tls]
    metadata = context.metadata(
        context.name, more_labels={**wanted.labels, labels.APP: context.name}, annotations=wanted.annotations
    )
    return [{"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": metadata, "spec": spec}]


def _address(template: str, context: JobContext) -> tuple[str, str]:
    text = template.replace("{{name}}", context.name).replace("{{namespace}}", context.launch.ref.namespace)
    text = text.split("://", 1)[-1]
    host, slash, path = text.partition("/")
    return host, f"/{path}" if slash else "/"
