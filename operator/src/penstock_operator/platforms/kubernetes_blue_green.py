"""The two sides of a blue/green deployment on a cluster, and its Ingress. Called by that kind's observation and acts.

Decides nothing. Never touches a FlinkDeployment or an Ingress that the resource does not own. Every change is idempotent.
"""

from collections.abc import Mapping
from contextlib import suppress

import structlog

from penstock_api.reasons import Reason
from penstock_api.v1beta1.blue_green import FlinkBlueGreenDeployment
from penstock_api.v1beta1.deployment import FlinkDeployment
from penstock_api.v1beta1.state_snapshot import FlinkStateSnapshot, FlinkStateSnapshotStatus
from penstock_operator.build import labels
from penstock_operator.build.blue_green import (
    build_route,
    build_route_secret,
    build_savepoint,
    build_side,
    savepoint_name,
)
from penstock_operator.build.context import Manifest
from penstock_operator.clients.kube import KubeClient
from penstock_operator.configuration.values import Values
from penstock_operator.errors import Conflict, UserError
from penstock_operator.model.blue_green import ApplyChild, Color, SetJob, TakeSavepoint
from penstock_operator.model.facts import Problem
from penstock_operator.model.launch import with_defaults
from penstock_operator.platforms.port import Platform

log = structlog.get_logger(__name__)


class BlueGreenPlatform:
    """One cluster; `jobs` is the platform that knows where a side's job runs."""

    def __init__(self, client: KubeClient, jobs: Platform, controllers: Manifest) -> None:
        self._client = client
        self._jobs = jobs
        self._controllers = controllers
        """Selects the namespaces that serve Ingresses."""

    @property
    def jobs(self) -> Platform:
        """Where the sides' jobs run."""
        return self._jobs

    def side(self, resource: FlinkBlueGreenDeployment, color: Color) -> FlinkDeployment | None:
        """The side's FlinkDeployment, as it is now; a namesake that the resource does not own is none."""
        found = self._get(resource, color)
        return None if found is None or not _owns(resource, found) else FlinkDeployment.from_wire(found)

    def refusals(
        self, resource: FlinkBlueGreenDeployment, samples: Mapping[Color, FlinkDeployment]
    ) -> tuple[Problem, ...]:
        """A side's name that is taken, or one namespace for both sides."""
        for color in Color:
            found = self._get(resource, color)
            if found is not None and not _owns(resource, found):
                message = (
                    f"FlinkDeployment {found['metadata']['name']} is there and is not a side of this resource: "
                    "delete it, or give the resource another name"
                )
                return (Problem(Reason.VALIDATION_ERROR, message),)
        try:
            places = {self._jobs.job_namespace(sample) for sample in samples.values()}
        except UserError as error:
            return (Problem(error.reason, error.message),)
        if len(places) == 1 and places != {resource.metadata.namespace}:
            message = (
                f"spec.template.spec.jobNamespaces.nameTemplate gives both sides namespace {places.pop()}: "
                "it must contain {{ name }}"
            )
            return (Problem(Reason.NAMESPACE_COLLISION, message),)
        return ()

    def apply(self, resource: FlinkBlueGreenDeployment, action: ApplyChild) -> None:
        """Make the side, or bring it to this spec."""
        self._client.apply(build_side(resource, action))

    def set_job(self, resource: FlinkBlueGreenDeployment, action: SetJob) -> None:
        """The wanted state and how the job stops."""
        policy = action.stop_policy.value if action.stop_policy else None
        self._patch_job(resource, action.color, {"state": action.state.value, "stopPolicy": policy})

    def savepoint(
        self, resource: FlinkBlueGreenDeployment, color: Color, savepoint_id: str
    ) -> FlinkStateSnapshotStatus | None:
        """How far the savepoint of this id is; None if it was not asked for."""
        name = savepoint_name(resource, color, savepoint_id)
        found = self._client.get("FlinkStateSnapshot", name, resource.metadata.namespace)
        return None if found is None else FlinkStateSnapshot.from_wire(found).status

    def take_savepoint(self, resource: FlinkBlueGreenDeployment, action: TakeSavepoint) -> None:
        """A FlinkStateSnapshot of the side, whose own loop takes it; one that is there already is left alone."""
        selector = Values(self._jobs.defaults(resource.metadata.namespace)).text("label.selector")
        with suppress(Conflict):
            self._client.create(build_savepoint(resource, action, selector))

    def delete(self, resource: FlinkBlueGreenDeployment, color: Color) -> None:
        """Begin to delete the side, bounded as its own spec says."""
        side = self.side(resource, color)
        if side is not None:
            meta = side.metadata
            self._client.delete("FlinkDeployment", meta.name, meta.namespace, uid=meta.uid)

    def is_routed(self, resource: FlinkBlueGreenDeployment, side: FlinkDeployment) -> bool:
        """Whether the Ingress is as it must be for this side."""
        place = self._jobs.job_namespace(side)
        held = self._client.get("Ingress", resource.metadata.name, place)
        wanted = self._route(resource, side, place)
        if not wanted:
            return held is None or not _is_ours(resource, held)
        mark = wanted[-1]["metadata"]["annotations"][labels.FINGERPRINT]
        annotations = (held or {}).get("metadata", {}).get("annotations") or {}
        return bool(annotations.get(labels.FINGERPRINT) == mark)

    def route(self, resource: FlinkBlueGreenDeployment, color: Color) -> None:
        """Point the Ingress at the side; where that is in another namespace, the other's goes afterwards."""
        side = self.side(resource, color)
        if side is None:
            return
        place = self._jobs.job_namespace(side)
        manifests = self._route(resource, side, place)
        for secret in self._certificates(resource, side, place) if manifests else ():
            self._client.apply(secret)
        for manifest in manifests:
            self._client.apply(manifest)
        other = self.side(resource, color.other)
        former = {self._jobs.job_namespace(other)} if other is not None else set()
        for namespace in former - {place} if manifests else {*former, place}:
            self._drop(resource, namespace)
        log.info("routed", resource=f"{resource.metadata.namespace}/{resource.metadata.name}", to=color.value)

    def _route(self, resource: FlinkBlueGreenDeployment, side: FlinkDeployment, place: str) -> list[Manifest]:
        """The Ingress as it must be; none where the installation leaves Ingresses to others."""
        defaults = self._jobs.defaults(resource.metadata.namespace)
        if not Values(defaults).boolean("ingress.manage"):
            return []
        full = side.model_copy(update={"spec": with_defaults(side.spec, defaults)})
        return build_route(resource, full, place, self._controllers)

    def _certificates(
        self, resource: FlinkBlueGreenDeployment, side: FlinkDeployment, place: str
    ) -> list[Manifest]:
        meta = resource.metadata
        if place == meta.namespace or resource.spec.ingress is None:
            return []
        names = [entry.secret_name for entry in resource.spec.ingress.tls or [] if entry.secret_name]
        found = [self._client.get("Secret", name, meta.namespace) for name in names]
        return [build_route_secret(side, source, place) for source in found if source is not None]

    def _drop(self, resource: FlinkBlueGreenDeployment, namespace: str) -> None:
        held = self._client.get("Ingress", resource.metadata.name, namespace)
        if held is not None and _is_ours(resource, held):
            self._client.delete("Ingress", resource.metadata.name, namespace)

    def _get(self, resource: FlinkBlueGreenDeployment, color: Color) -> Manifest | None:
        meta = resource.metadata
        return self._client.get("FlinkDeployment", color.child(meta.name), meta.namespace)

    def _patch_job(self, resource: FlinkBlueGreenDeployment, color: Color, job: Manifest) -> None:
        side = self.side(resource, color)
        if side is None:
            return
        meta = side.metadata
        patch = {"metadata": {"uid": meta.uid}, "spec": {"job": job}}
        self._client.patch("FlinkDeployment", meta.name, meta.namespace, patch)


def _owns(resource: FlinkBlueGreenDeployment, found: Manifest) -> bool:
    owners = found["metadata"].get("ownerReferences") or []
    return any(owner.get("uid") == resource.metadata.uid for owner in owners)


def _is_ours(resource: FlinkBlueGreenDeployment, found: Manifest) -> bool:
    return (found["metadata"].get("labels") or {}).get(labels.RESOURCE_UID) == resource.metadata.uid
