"""What a spec names in its own namespace: Secrets, ConfigMaps, claims. Those, and no others, follow the job."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from penstock_api.v1beta1.configuration import value_sources
from penstock_api.v1beta1.deployment import FlinkDeploymentSpec
from penstock_operator.build.program import config_map_files
from penstock_operator.model.pod_template import misshapen


@dataclass(frozen=True, slots=True, order=True)
class Reference:
    """An object beside the resource. `where` is the path of the spec that names it."""

    kind: str
    name: str
    where: str
    optional: bool = False


def references(spec: FlinkDeploymentSpec) -> tuple[Reference, ...]:
    """Everything that the spec names, each object once, required where any use of it is."""
    found: dict[tuple[str, str], Reference] = {}
    for reference in _all(spec):
        held = found.get((reference.kind, reference.name))
        if held is None or (held.optional and not reference.optional):
            found[(reference.kind, reference.name)] = reference
    return tuple(sorted(found.values()))


def _all(spec: FlinkDeploymentSpec) -> Iterator[Reference]:
    for file in config_map_files(spec):
        yield Reference("ConfigMap", file.config_map, "spec.job")
    for key, source in value_sources(spec.flink_configuration).items():
        yield Reference(source.kind, source.name, f"spec.flinkConfiguration[{key}]", source.optional)
    for entry in (spec.ingress.tls if spec.ingress else None) or []:
        if entry.secret_name:
            # Optional: a controller may have a certificate of its own.
            yield Reference("Secret", entry.secret_name, "spec.ingress.tls", optional=True)
    parts = {
        "spec.podTemplate": spec.pod_template,
        "spec.jobManager.podTemplate": spec.job_manager.pod_template if spec.job_manager else None,
        "spec.taskManager.podTemplate": spec.task_manager.pod_template if spec.task_manager else None,
    }
    for where, template in parts.items():
        if misshapen(template) is None:  # else validation refuses it
            yield from _of_template(where, (template or {}).get("spec") or {})


def _of_template(where: str, pod: dict[str, Any]) -> Iterator[Reference]:
    for secret in pod.get("imagePullSecrets") or []:
        yield Reference("Secret", secret.get("name", ""), f"{where}: imagePullSecrets")
    for volume in pod.get("volumes") or []:
        yield from _of_volume(f"{where}: volume {volume.get('name')}", volume)
    for container in [*(pod.get("initContainers") or []), *(pod.get("containers") or [])]:
        yield from _of_container(f"{where}: container {container.get('name')}", container)


def _of_volume(where: str, volume: dict[str, Any]) -> Iterator[Reference]:
    if claim := volume.get("persistentVolumeClaim"):
        yield Reference("PersistentVolumeClaim", claim.get("claimName", ""), where)
    sources = [volume, *((volume.get("projected") or {}).get("sources") or [])]
    for source in sources:
        if secret := source.get("secret"):
            name = secret.get("secretName") or secret.get("name", "")
            yield Reference("Secret", name, where, bool(secret.get("optional")))
        if config := source.get("configMap"):
            yield Reference("ConfigMap", config.get("name", ""), where, bool(config.get("optional")))


def _of_container(where: str, container: dict[str, Any]) -> Iterator[Reference]:
    for entry in container.get("env") or []:
        source = entry.get("valueFrom") or {}
        for key, kind in (("secretKeyRef", "Secret"), ("configMapKeyRef", "ConfigMap")):
            if named := source.get(key):
                yield Reference(kind, named.get("name", ""), where, bool(named.get("optional")))
    for entry in container.get("envFrom") or []:
        for key, kind in (("secretRef", "Secret"), ("configMapRef", "ConfigMap")):
            if named := entry.get(key):
                yield Reference(kind, named.get("name", ""), where, bool(named.get("optional")))
