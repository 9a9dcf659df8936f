"""The shape of a pod template, as far as the operator itself reads it. The API server knows none: any object is stored.

Asked by validation, before anything else reads the template, and by the platform, which also sees refused ones. Pure.
"""

from collections.abc import Iterator, Mapping
from typing import Any

_SOURCE: dict[str, Any] = {"secret": {}, "configMap": {}}
_CONTAINER: dict[str, Any] = {
    "env": [{"valueFrom": {"secretKeyRef": {}, "configMapKeyRef": {}}}],
    "envFrom": [{"secretRef": {}, "configMapRef": {}}],
    "ports": [{}],
    "volumeMounts": [{}],
    "resources": {"limits": {}, "requests": {}},
    "securityContext": {},
}
_TEMPLATE: dict[str, Any] = {
    "metadata": {"labels": {}, "annotations": {}},
    "spec": {
        "containers": [_CONTAINER],
        "initContainers": [_CONTAINER],
        "imagePullSecrets": [{}],
        "volumes": [{**_SOURCE, "projected": {"sources": [_SOURCE]}, "persistentVolumeClaim": {}}],
        "nodeSelector": {},
        "securityContext": {},
    },
}
"""An object with these fields, or in brackets a list of such objects; what is not named may be anything."""


def misshapen(template: Mapping[str, Any] | None) -> str | None:
    """What is first found to be something else than an object or a list, and what it should be; None if nothing is."""
    return next(_compare(template, _TEMPLATE, ""), None)


def _compare(found: object, shape: object, path: str) -> Iterator[str]:
    if found is None:
        return
    if isinstance(shape, list):
        if not isinstance(found, list):
            yield f"{path} must be a list, not {_words(found)}"
            return
        for index, item in enumerate(found):
            if item is None:
                yield f"{path}[{index}] must be an object, not null"
            yield from _compare(item, shape[0], f"{path}[{index}]")
        return
    assert isinstance(shape, dict)  # noqa: S101 - the table above has nothing else
    if not isinstance(found, Mapping):
        yield f"{path} must be an object, not {_words(found)}"
        return
    for name, part in shape.items():
        yield from _compare(found.get(name), part, f"{path}.{name}")


def _words(found: object) -> str:
    return "a list" if isinstance(found, list) else "an object" if isinstance(found, Mapping) else repr(found)
