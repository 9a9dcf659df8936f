"""Resources of one kind beside FlinkDeployment on the API server: read, list, made, held, labelled, let go.

Used by the loops of those kinds. Every call blocks and raises `OperatorError` only; what changes something may be
repeated.
"""

from collections.abc import Mapping, Sequence
from typing import Generic, TypeVar

import structlog

from penstock_api.v1beta1.model import ApiModel, ObjectMeta
from penstock_operator.clients.kube import KubeClient
from penstock_operator.clients.kube_kinds import KINDS
from penstock_operator.errors import Conflict, OperatorError
from penstock_operator.model.facts import Ref
from penstock_operator.model.plan import Event
from penstock_operator.platforms import kubernetes_events

log = structlog.get_logger(__name__)


class Resource(ApiModel):
    """What every kind has."""

    api_version: str
    kind: str
    metadata: ObjectMeta


R = TypeVar("R", bound=ApiModel)


class KubernetesKind(Generic[R]):
    """Every resource of one kind."""

    def __init__(self, client: KubeClient, model: type[R]) -> None:
        self._client = client
        self._model = model
        self._kind = model.__name__
        plural = KINDS[self._kind].plural
        self._finalizer = f"{plural}.penstock.dev/finalizer"
        self._finalizers = (self._finalizer, f"{plural}.flink.apache.org/finalizer")

    def read(self, ref: Ref) -> R | None:
        """The resource as the API server has it."""
        found = self._client.get(self._kind, ref.name, ref.namespace)
        return None if found is None else self._model.from_wire(found)

    def list(self, namespace: str, selector: str = "") -> Sequence[R]:
        """Those of the namespace that the label selector chooses."""
        return [self._model.from_wire(found) for found in self._client.list(self._kind, namespace, selector)]

    def create(self, resource: R) -> bool:
        """Make it; false where one of its name is there already."""
        body = resource.to_wire()
        body.pop("status", None)
        try:
            self._client.create(body)
        except Conflict:
            return False
        return True

    def delete(self, resource: R) -> None:
        """Ask for its end."""
        meta = metadata_of(resource)
        self._client.delete(self._kind, meta.name, meta.namespace, uid=meta.uid)

    def write_status(self, resource: R, status: ApiModel) -> R:
        """Put the whole status; raises `Conflict` where the resource changed."""
        meta = metadata_of(resource)
        body = {
            "apiVersion": KINDS[self._kind].api_version,
            "kind": self._kind,
            "metadata": {
                "name": meta.name,
                "namespace": meta.namespace,
                "resourceVersion": meta.resource_version,
            },
            "status": status.to_wire(),
        }
        return self._model.from_wire(self._client.replace(body, "status"))

    def hold(self, resource: R) -> R:
        """Our finalizer on; nothing is written where it is on already."""
        meta = metadata_of(resource)
        if self._finalizer in meta.finalizers:
            return resource
        return self._patch(meta, {"finalizers": [*meta.finalizers, self._finalizer]})

    def release(self, ref: Ref, uid: str | None) -> None:
        """Our finalizer off, and upstream's."""
        found = self.read(ref)
        if found is None or metadata_of(found).uid != uid:
            return
        meta = metadata_of(found)
        kept = [name for name in meta.finalizers if name not in self._finalizers]
        if kept != meta.finalizers:
            self._patch(meta, {"finalizers": kept})

    def label(self, resource: R, wanted: Mapping[str, str]) -> R:
        """Set these labels; nothing is written where they are there already."""
        meta = metadata_of(resource)
        changed = {key: value for key, value in wanted.items() if meta.labels.get(key) != value}
        return self._patch(meta, {"labels": changed}) if changed else resource

    def emit(self, resource: R, event: Event) -> None:
        """An Event on the resource, and in the log; one that cannot be written is in the log alone."""
        meta = metadata_of(resource)
        log.info(
            ">>> Event",
            resource=f"{meta.namespace}/{meta.name}",
            component=event.component,
            reason=event.reason.value,
            message=event.message,
        )
        about = Resource(api_version=KINDS[self._kind].api_version, kind=self._kind, metadata=meta)
        try:
            kubernetes_events.record(self._client, about, event)
        except OperatorError as error:
            log.warning("an Event could not be written", reason=event.reason.value, error=error.message)

    def _patch(self, meta: ObjectMeta, metadata: Mapping[str, object]) -> R:
        patch = {"metadata": {"resourceVersion": meta.resource_version, **metadata}}
        return self._model.from_wire(self._client.patch(self._kind, meta.name, meta.namespace, patch))


def metadata_of(resource: ApiModel) -> ObjectMeta:
    """The metadata that every kind has."""
    found = getattr(resource, "metadata", None)
    if not isinstance(found, ObjectMeta):
        raise TypeError(f"{type(resource).__name__} has no metadata")
    return found
