"""How the operator reads a job's state: the job's own keys, with the credentials that its pods get from Secrets.

Called by the Kubernetes platform. Secrets are read from the resource's namespace only, never kept or logged.
"""

import base64
from collections.abc import Callable, Iterator
from typing import Any

from penstock_api.v1beta1.configuration import ValueSource, flatten_configuration, value_sources
from penstock_api.v1beta1.deployment import FlinkDeploymentSpec
from penstock_operator.build.context import MAIN_CONTAINER
from penstock_operator.build.merge import merged
from penstock_operator.model.pod_template import misshapen
from penstock_operator.platforms.port import StorageAccess

ReadObject = Callable[[str, str], dict[str, Any] | None]
"""An object beside the resource, by kind and name."""

_KEYS = {
    "AWS_ACCESS_KEY_ID": "s3.access-key",
    "AWS_SECRET_ACCESS_KEY": "s3.secret-key",
    "AWS_ENDPOINT_URL": "s3.endpoint",
    "AWS_ENDPOINT_URL_S3": "s3.endpoint",
    "AWS_REGION": "s3.region",
    "AWS_DEFAULT_REGION": "s3.region",
}


def storage_access(spec: FlinkDeploymentSpec, defaults: dict[str, str], read: ReadObject) -> StorageAccess:
    """The job's keys, and the Secrets beside it."""
    return StorageAccess(
        storage_keys(spec, defaults, read), lambda name: _data("Secret", read("Secret", name))
    )


def storage_keys(spec: FlinkDeploymentSpec, defaults: dict[str, str], read: ReadObject) -> dict[str, str]:
    """Flink keys; what the configuration names wins over the environment, as in the job."""
    environment = _environment(spec, read)
    found = {key: environment[name] for name, key in _KEYS.items() if environment.get(name)}
    written = flatten_configuration(spec.flink_configuration)
    for key, source in _sources(spec).items():
        value = _data(source.kind, read(source.kind, source.name)).get(source.key)
        if value is None:
            del written[key]
        else:
            written[key] = value
    return {**found, **defaults, **written}


def _sources(spec: FlinkDeploymentSpec) -> dict[str, ValueSource]:
    try:
        return value_sources(spec.flink_configuration)
    except ValueError:  # refused already, by a sentence of its own; what runs is another spec
        return {}


def _environment(spec: FlinkDeploymentSpec, read: ReadObject) -> dict[str, str]:
    both = (spec.pod_template, spec.job_manager.pod_template if spec.job_manager else None)
    # One that validation refuses says nothing: the job that runs goes on without what it would have said.
    general, own = (each or {} if misshapen(each) is None else {} for each in both)
    template = merged(general, own)
    containers = (template.get("spec") or {}).get("containers") or []
    main: dict[str, Any] = next((entry for entry in containers if entry.get("name") == MAIN_CONTAINER), {})
    return {**dict(_from(main, read)), **dict(_one_by_one(main, read))}


def _from(container: dict[str, Any], read: ReadObject) -> Iterator[tuple[str, str]]:
    for entry in container.get("envFrom") or []:
        for key, kind in (("secretRef", "Secret"), ("configMapRef", "ConfigMap")):
            if named := entry.get(key):
                for name, value in _data(kind, read(kind, named.get("name", ""))).items():
                    yield f"{entry.get('prefix') or ''}{name}", value


def _one_by_one(container: dict[str, Any], read: ReadObject) -> Iterator[tuple[str, str]]:
    for entry in container.get("env") or []:
        source = entry.get("valueFrom") or {}
        if entry.get("value"):
            yield entry["name"], entry["value"]
        for key, kind in (("secretKeyRef", "Secret"), ("configMapKeyRef", "ConfigMap")):
            if named := source.get(key):
                value = _data(kind, read(kind, named.get("name", ""))).get(named.get("key", ""))
                if value is not None:
                    yield entry["name"], value


def _data(kind: str, found: dict[str, Any] | None) -> dict[str, str]:
    data: dict[str, str] = (found or {}).get("data") or {}
    if kind == "ConfigMap":
        return data
    return {name: base64.b64decode(value).decode(errors="replace") for name, value in data.items()}
