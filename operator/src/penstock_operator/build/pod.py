"""The pod of a component: our defaults, the owner's templates over them, and what must be ours over those."""

from dataclasses import dataclass
from typing import Any

from penstock_operator.build import labels
from penstock_operator.build.context import (
    CONFIG_DIRECTORY,
    MAIN_CONTAINER,
    PROGRAM_DIRECTORY,
    TLS_DIRECTORY,
    JobContext,
    Manifest,
)
from penstock_operator.build.merge import merged
from penstock_operator.build.program import config_map_files
from penstock_operator.build.scheduling import build_placing

_USER = 9999
"""Upstream's images and ours run as this user and group."""

_VALUE = "PENSTOCK_VALUE_"
"""Environment variables of values that are in Secrets and ConfigMaps."""

_CONTAINER_SECURITY: Manifest = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
"""What Pod Security `restricted` asks of every container, sidecars too, where its owner says nothing."""


@dataclass(frozen=True, slots=True)
class Component:
    """What differs between JobManager and TaskManager."""

    name: str
    arguments: tuple[str, ...]
    resources: Manifest
    ports: tuple[Manifest, ...]
    probes: Manifest
    template: dict[str, Any] | None


def build_pod_template(context: JobContext, component: Component) -> Manifest:
    """The pod template of a Deployment."""
    spec = context.launch.spec
    owner = merged(spec.pod_template or {}, component.template or {})
    found = merged(
        _defaults(context, component), {key: owner[key] for key in ("metadata", "spec") if key in owner}
    )
    return _fixed(context, component, found)


def _defaults(context: JobContext, component: Component) -> Manifest:
    return {
        "metadata": {},
        "spec": {
            "automountServiceAccountToken": False,
            "terminationGracePeriodSeconds": 30,
            "securityContext": {
                "runAsNonRoot": True,
                "fsGroup": _USER,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [
                {
                    "name": MAIN_CONTAINER,
                    "image": context.defaults.image,
                    "imagePullPolicy": context.defaults.image_pull_policy,
                    "resources": component.resources,
                    # What the process said last is part of the reason that the status shows.
                    "terminationMessagePolicy": "FallbackToLogsOnError",
                    **component.probes,
                }
            ],
        },
    }


def _fixed(context: JobContext, component: Component, found: Manifest) -> Manifest:
    """What no template may change: who the pod is, what it runs, and its configuration."""
    launch, spec, placing = context.launch, context.launch.spec, build_placing(context)
    container: Manifest = {
        "name": MAIN_CONTAINER,
        "args": [*component.arguments[:1], *_options(context), *component.arguments[1:]],
        "ports": list(component.ports),
        "env": [
            _field("POD_NAME", "metadata.name"),
            _field("POD_IP", "status.podIP"),
            *_values(context),
        ],
        "volumeMounts": _mounts(context),
        "image": spec.image,
        "imagePullPolicy": spec.image_pull_policy,
    }
    pod = merged(
        found["spec"],
        {
            "serviceAccountName": context.service_account,
            # JobManagers elect, and TaskManagers look up who leads.
            **({"automountServiceAccountToken": True} if context.ha_type == "kubernetes" else {}),
            "containers": [{key: value for key, value in container.items() if value is not None}],
            "volumes": _volumes(context),
            **placing.spec,
        },
    )
    for key in ("containers", "initContainers"):
        if pod.get(key):
            pod[key] = [{"securityContext": _CONTAINER_SECURITY, **each} for each in pod[key]]
    marks = {
        "labels": {
            **placing.labels,
            **labels.owned_labels(launch.ref, launch.uid),
            **labels.pod_labels(context.cluster, component.name),
            "type": "flink-standalone-kubernetes",
        },
        "annotations": {
            **placing.annotations,
            labels.JOB_ID: launch.job_id,
            labels.FINGERPRINT: launch.fingerprint,
        },
    }
    kept = {key: value for key, value in found["metadata"].items() if key in ("labels", "annotations")}
    return {"metadata": merged(kept, marks), "spec": pod}


def _options(context: JobContext) -> list[str]:
    """Configuration whose values the kubelet fills in from the environment; nobody else ever reads them."""
    found: list[str] = []
    for index, key in enumerate(sorted(context.launch.sources)):
        found += ["-D", f"{key}=$({_VALUE}{index})"]
    return found


def _values(context: JobContext) -> list[Manifest]:
    references = {"Secret": "secretKeyRef", "ConfigMap": "configMapKeyRef"}
    return [
        {
            "name": f"{_VALUE}{index}",
            "valueFrom": {
                references[source.kind]: {
                    "name": source.name,
                    "key": source.key,
                    **({"optional": True} if source.optional else {}),
                }
            },
        }
        for index, (_, source) in enumerate(sorted(context.launch.sources.items()))
    ]


def _field(name: str, path: str) -> Manifest:
    return {"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}}


def _program_maps(context: JobContext) -> list[str]:
    return sorted({file.config_map for file in config_map_files(context.launch.spec)})


def _volumes(context: JobContext) -> list[Manifest]:
    return [
        {"name": "flink-config-volume", "configMap": {"name": context.config_name}},
        {"name": "penstock-tls", "secret": {"secretName": context.tls_name, "defaultMode": 0o440}},
        *(
            {"name": f"program-{index}", "configMap": {"name": name}}
            for index, name in enumerate(_program_maps(context))
        ),
    ]


def _mounts(context: JobContext) -> list[Manifest]:
    return [
        {"name": "flink-config-volume", "mountPath": CONFIG_DIRECTORY},
        {"name": "penstock-tls", "mountPath": TLS_DIRECTORY, "readOnly": True},
        *(
            {"name": f"program-{index}", "mountPath": f"{PROGRAM_DIRECTORY}/{name}", "readOnly": True}
            for index, name in enumerate(_program_maps(context))
        ),
    ]
