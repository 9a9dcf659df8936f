"""The objects of a job as text that two runs can be compared by: without versions, times, random names and job ids."""

import json
from typing import Any

from penstock_operator.build import labels
from penstock_operator.clients.kube import KubeClient

Manifest = dict[str, Any]

_KINDS = (
    *("Deployment", "Service", "ConfigMap", "Secret", "ServiceAccount", "RoleBinding"),
    *("NetworkPolicy", "ResourceQuota", "LimitRange", "Ingress"),
)
_CHANGING = (
    labels.JOB_ID,
    labels.ORIGIN,
    labels.FINGERPRINT,
    labels.GENERATION,
    "penstock.dev/restarted-for",
)
_PER_START = ("--job-id", "--from-savepoint")
_WORD = "word.json"
"""What pods that wait are told to start from."""


def objects_of(client: KubeClient, uid: str, *namespaces: str) -> dict[str, str]:
    """Every object that carries the resource's label, by kind and name."""
    found: dict[str, str] = {}
    for namespace in dict.fromkeys(namespaces):
        for kind in _KINDS:
            for each in client.list(kind, namespace, f"{labels.RESOURCE_UID}={uid}"):
                found[f"{kind} {each['metadata']['name']}"] = json.dumps(_plain(each), sort_keys=True)
    return found


def differences(before: dict[str, str], after: dict[str, str]) -> list[str]:
    """What differs, one line an object."""
    found = [f"{name} is missing" for name in before if name not in after]
    found += [f"{name} stayed behind" for name in after if name not in before]
    for name in before:
        if name in after and before[name] != after[name]:
            found.append(
                f"{name}: {_difference(json.loads(before[name]), json.loads(after[name]), '')}"[:400]
            )
    return found


def _plain(found: Manifest) -> Manifest:
    meta = found["metadata"]
    kept: Manifest = {
        "labels": meta.get("labels") or {},
        "annotations": _without(meta.get("annotations") or {}),
    }
    if found["kind"] == "Secret":
        return {"metadata": kept, "keys": sorted(found.get("data") or {})}
    body = {
        key: value for key, value in found.items() if key not in ("metadata", "status", "kind", "apiVersion")
    }
    if found["kind"] == "ConfigMap":
        body["data"] = {key: value for key, value in (body.get("data") or {}).items() if key != _WORD}
    if found["kind"] == "Service":
        body["spec"] = {key: value for key, value in body["spec"].items() if not key.startswith("clusterIP")}
    template = (body.get("spec") or {}).get("template") if found["kind"] == "Deployment" else None
    if template:
        annotations = _without(template["metadata"].get("annotations") or {})
        template["metadata"]["annotations"] = annotations
        for container in template["spec"]["containers"]:
            container["args"] = _lasting(container.get("args") or [])
    return {"metadata": kept, **body}


def _without(annotations: dict[str, str]) -> dict[str, str]:
    return {
        key: value
        for key, value in annotations.items()
        if key not in _CHANGING and not key.startswith("deployment.kubernetes.io/")
    }


def _lasting(arguments: list[str]) -> list[str]:
    kept: list[str] = []
    skipped = False
    for argument in arguments:
        if skipped or argument in _PER_START:
            skipped = not skipped
            continue
        kept.append(argument)
    return kept


def _difference(before: Any, after: Any, path: str) -> str:
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted({*before, *after}):
            if before.get(key) != after.get(key):
                return _difference(before.get(key), after.get(key), f"{path}.{key}")
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, (one, other) in enumerate(zip(before, after, strict=True)):
            if one != other:
                return _difference(one, other, f"{path}[{index}]")
    return f"{path} was {before!r} and is {after!r}"
