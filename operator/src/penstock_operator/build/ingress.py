"""The Ingress of `spec.ingress`: a host, a host with a path, or a path, with the resource's name filled in."""

from penstock_api.v1beta1.resources import IngressSpec
from penstock_operator.build import labels
from penstock_operator.build.context import JobContext, Manifest
from penstock_operator.configuration.values import Values
from penstock_operator.model.facts import Ref


def build_ingress(context: JobContext) -> list[Manifest]:
    """One Ingress to the REST Service, or none where the spec names none."""
    wanted = context.launch.spec.ingress
    is_managed = Values(dict(context.defaults.configuration)).boolean("ingress.manage")
    if wanted is None or not wanted.template or not is_managed or context.launch.waits:
        return []
    metadata = context.metadata(
        context.name, more_labels={**wanted.labels, labels.APP: context.name}, annotations=wanted.annotations
    )
    spec = ingress_spec(wanted, context.launch.ref, f"{context.name}-rest", context.rest_port)
    return [{"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": metadata, "spec": spec}]


def ingress_spec(wanted: IngressSpec, ref: Ref, service: str, port: int) -> Manifest:
    """The rule for the resource's address, to this Service."""
    host, path = _address(wanted.template or "", ref)
    backend = {"service": {"name": service, "port": {"number": port}}}
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
    return spec


def _address(template: str, ref: Ref) -> tuple[str, str]:
    text = template.replace("{{name}}", ref.name).replace("{{namespace}}", ref.namespace)
    text = text.split("://", 1)[-1]
    host, slash, path = text.partition("/")
    return host, f"/{path}" if slash else "/"
