"""Events on resources: one object for each distinct message, counted up when it is repeated. Called by the platform."""

import hashlib
from datetime import UTC, datetime
from typing import Protocol

from penstock_api.v1beta1.model import ObjectMeta
from penstock_operator.clients.kube import KubeClient, Manifest
from penstock_operator.errors import Conflict
from penstock_operator.model.plan import Event
from penstock_operator.model.redaction import redacted

_LONGEST = 1024
"""The API server refuses longer messages."""


class Subject(Protocol):
    """A resource of any kind."""

    @property
    def api_version(self) -> str:
        """Its API group and version."""

    @property
    def kind(self) -> str:
        """Its kind."""

    @property
    def metadata(self) -> ObjectMeta:
        """Its name, namespace and uid."""


def record(client: KubeClient, resource: Subject, event: Event) -> None:
    """Make or count up the Event; raises `OperatorError`."""
    wanted = _manifest(resource, event, datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))
    metadata = wanted["metadata"]
    try:
        client.create(wanted)  # most are new, and an act may be waiting behind them
        return
    except Conflict:
        held = client.get("Event", metadata["name"], metadata["namespace"]) or {}
    again = {"count": int(held.get("count") or 1) + 1, "lastTimestamp": wanted["lastTimestamp"]}
    client.patch("Event", metadata["name"], metadata["namespace"], again)


def _manifest(resource: Subject, event: Event, now: str) -> Manifest:
    about = resource.metadata
    message = redacted(event.message)[:_LONGEST]
    said = "\0".join((about.uid or "", event.type, event.reason.value, event.component, message))
    digest = hashlib.sha256(said.encode()).hexdigest()[:16]
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{about.name}.{digest}", "namespace": about.namespace},
        "involvedObject": {
            "apiVersion": resource.api_version,
            "kind": resource.kind,
            "name": about.name,
            "namespace": about.namespace,
            "uid": about.uid,
        },
        "type": event.type,
        "reason": event.reason.value,
        "message": message,
        "source": {"component": event.component},
        "reportingComponent": event.component,
        "firstTimestamp": now,
        "lastTimestamp": now,
        "count": 1,
    }
