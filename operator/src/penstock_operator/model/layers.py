"""Layers of configuration: the installation's, a namespace's, a Flink version's; the resource's own goes on top.

Called by platforms (`namespace_defaults`) and by `launch.with_defaults`. Order and key names are upstream's. Pure.
"""

import re
from collections.abc import Mapping

SCOPED_PREFIX = "kubernetes.operator.default-configuration."
"""Keys that hold defaults for one namespace or version."""
_NAMESPACE = f"{SCOPED_PREFIX}namespace."
_VERSION = f"{SCOPED_PREFIX}flink-version."
_VERSIONED = re.compile(r"v(\d+)_(\d+)(\+?)\.(.+)")


def namespace_defaults(keys: Mapping[str, str], namespace: str) -> dict[str, str]:
    """The installation's keys with those of the namespace over them; those of versions are kept for `version_defaults`."""
    found = {key: value for key, value in keys.items() if not key.startswith(_NAMESPACE)}
    scope = f"{_NAMESPACE}{namespace}."
    found.update({key.removeprefix(scope): value for key, value in keys.items() if key.startswith(scope)})
    return found


def version_defaults(keys: Mapping[str, str], version: str | None) -> dict[str, str]:
    """The keys with those of the Flink version over them: `v1_18+` from that version on, the exact one last."""
    found = {key: value for key, value in keys.items() if not key.startswith(SCOPED_PREFIX)}
    wanted = re.fullmatch(r"v(\d+)_(\d+)", version or "")
    if wanted is None:
        return found
    target = (int(wanted[1]), int(wanted[2]))
    layers: list[tuple[bool, tuple[int, int], str, str]] = []
    for key, value in keys.items():
        entry = _VERSIONED.fullmatch(key.removeprefix(_VERSION)) if key.startswith(_VERSION) else None
        if entry is None:
            continue
        since, is_open = (int(entry[1]), int(entry[2])), bool(entry[3])
        if since == target or (is_open and since < target):
            layers.append((not is_open, since, entry[4], value))
    found.update({key: value for _, _, key, value in sorted(layers)})
    return found
