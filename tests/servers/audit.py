"""What an API server was asked, by its audit log: which rights an account used, and which it was refused.

Used by the test that holds the operator's role against what the operator does, on a server without nodes and at the end
of the end-to-end run.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

POLICY = """\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
  - level: Metadata
    userGroups: ["system:serviceaccounts"]
  - level: None
"""
"""Every call of a service account, without what was in it."""


@dataclass(frozen=True, slots=True, order=True)
class Right:
    """One verb on one resource; `name` where the rule names the only object that it is about."""

    group: str
    resource: str
    verb: str

    def __str__(self) -> str:
        return f"{self.verb} {self.resource}" + (f".{self.group}" if self.group else "")


IMPLIED = {
    # A binding may be written by whom may bind its role: asked inside the API server, and not in its log.
    Right("rbac.authorization.k8s.io", "rolebindings", "patch"): Right(
        "rbac.authorization.k8s.io", "clusterroles", "bind"
    ),
}


def rights_of(role: dict[str, Any]) -> set[Right]:
    """Everything that a Role or ClusterRole gives, one right for each combination of its rules."""
    return {
        Right(group, resource, verb)
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


@dataclass(frozen=True, slots=True)
class Asked:
    """What an account did."""

    used: frozenset[Right]
    refused: frozenset[str]
    """What it may not do and tried."""


def asked(log: Path, user: str) -> Asked:
    """What the account did, by the whole log and those before it."""
    used: set[Right] = set()
    refused: set[str] = set()
    for entry in _entries(log):
        if entry.get("user", {}).get("username") != user or "objectRef" not in entry:
            continue
        about, code = entry["objectRef"], entry.get("responseStatus", {}).get("code", 0)
        resource = about["resource"] + (f"/{about['subresource']}" if about.get("subresource") else "")
        right = Right(about.get("apiGroup", ""), resource, entry["verb"])
        annotations = entry.get("annotations") or {}
        if annotations.get("authorization.k8s.io/decision") == "forbid" or _lacks_right(entry):
            refused.add(f"{right} ({about.get('namespace', '')}/{about.get('name', '')})")
            continue
        used.add(right)
        if right.verb == "patch" and code == 201:  # an apply that made the object
            used.add(Right(right.group, resource, "create"))
        if right in IMPLIED:
            used.add(IMPLIED[right])
    return Asked(frozenset(used), frozenset(refused))


def _lacks_right(entry: dict[str, Any]) -> bool:
    status = entry.get("responseStatus", {})
    return (
        status.get("code") == 403
        and "exceeded quota" not in status.get("message", "")
        and ("cannot" in status.get("message", "") or "not currently holding" in status.get("message", ""))
    )


def _entries(log: Path) -> Iterator[dict[str, Any]]:
    files: Iterable[Path] = sorted(log.parent.glob(f"{log.stem}*{log.suffix}"))
    for file in files:
        for line in file.read_text().splitlines():
            yield json.loads(line)
