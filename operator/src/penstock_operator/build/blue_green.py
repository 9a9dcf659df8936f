"""What is made for a blue/green deployment: the FlinkDeployment of a side, and the Ingress that follows the active one.

The Ingress is where the active side's Services are, for an Ingress reaches no other namespace: beside the resource for a
side that runs there, else in the side's own namespace, from where it moves with the next transition.
"""

import hashlib
import json

from penstock_api.v1beta1.blue_green import FlinkBlueGreenDeployment
from penstock_api.v1beta1.configuration import flatten_configuration
from penstock_api.v1beta1.deployment import FlinkDeployment
from penstock_api.v1beta1.state_snapshot import (
    FlinkStateSnapshot,
    FlinkStateSnapshotSpec,
    JobReference,
    JobReferenceKind,
    SavepointSpec,
)
from penstock_operator.build import labels
from penstock_operator.build.context import REST_PORT, Manifest
from penstock_operator.build.ingress import ingress_spec
from penstock_operator.model.blue_green import ApplyChild, Color, TakeSavepoint
from penstock_operator.model.facts import Ref
from penstock_operator.model.selector import chosen_by

_RETRIES = 2
_TRACKING = "app.kubernetes.io/instance"
"""Argo CD's label."""


def build_side(resource: FlinkBlueGreenDeployment, action: ApplyChild) -> Manifest:
    """The side's FlinkDeployment, owned by the resource; labels and annotations of the template's metadata follow."""
    meta = resource.metadata
    template = (resource.spec.template.metadata if resource.spec.template else None) or {}
    # An operator that serves some resources only, by a label, has to see their sides; what a deployment tool knows its
    # own objects by would make it take the sides for some that should not be there.
    inherited = {key: value for key, value in meta.labels.items() if key != _TRACKING}
    return {
        "apiVersion": resource.api_version,
        "kind": "FlinkDeployment",
        "metadata": {
            "name": action.color.child(meta.name),
            "namespace": meta.namespace,
            "labels": {
                **inherited,
                **(template.get("labels") or {}),
                labels.BLUE_GREEN_TYPE: action.color.value,
            },
            "annotations": {
                **(template.get("annotations") or {}),
                labels.TRANSITION: action.transition_id,
            },
            "ownerReferences": [_owner(resource)],
        },
        "spec": action.spec.to_wire(),
    }


def savepoint_name(resource: FlinkBlueGreenDeployment, color: Color, savepoint_id: str) -> str:
    """Name of the FlinkStateSnapshot of a side, as upstream names those of upgrades."""
    return f"{color.child(resource.metadata.name)}-savepoint-upgrade-{savepoint_id}"


def build_savepoint(
    resource: FlinkBlueGreenDeployment, action: TakeSavepoint, selector: str = ""
) -> Manifest:
    """The FlinkStateSnapshot that takes it; its data outlives it. `selector` chooses what the operator serves."""
    side = action.color.child(resource.metadata.name)
    snapshot = FlinkStateSnapshot(
        spec=FlinkStateSnapshotSpec(
            backoff_limit=_RETRIES,
            job_reference=JobReference(kind=JobReferenceKind.FLINK_DEPLOYMENT, name=side),
            savepoint=SavepointSpec(dispose_on_delete=False),
        )
    )
    body = snapshot.to_wire()
    return {
        "apiVersion": resource.api_version,
        "kind": "FlinkStateSnapshot",
        "metadata": {
            "name": savepoint_name(resource, action.color, action.id),
            "namespace": resource.metadata.namespace,
            "labels": {
                **chosen_by(selector, resource.metadata.labels),
                "snapshot.trigger-type": "UPGRADE",
            },
            "ownerReferences": [{**_owner(resource), "controller": False}],
        },
        "spec": body["spec"],
    }


def build_route(
    resource: FlinkBlueGreenDeployment, side: FlinkDeployment, namespace: str, controllers: Manifest
) -> list[Manifest]:
    """The Ingress to the side's REST Service and, in a namespace of the side's own, the way in for its controller."""
    wanted = resource.spec.ingress
    if wanted is None or not wanted.template:
        return []
    meta = resource.metadata
    port = _rest_port(side)
    spec = ingress_spec(wanted, Ref(meta.namespace, meta.name), f"{side.metadata.name}-rest", port)
    metadata = _metadata(resource, namespace, meta.name)
    metadata["labels"] = {**wanted.labels, **metadata["labels"]}
    text = json.dumps([spec, wanted.to_wire(), side.metadata.uid], sort_keys=True)
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    metadata["annotations"] = {**wanted.annotations, labels.FINGERPRINT: digest}
    ingress = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": metadata,
        "spec": spec,
    }
    if namespace == meta.namespace:
        return [ingress]
    policy = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": _metadata(resource, namespace, f"{meta.name}-ingress"),
        "spec": {
            "podSelector": {"matchLabels": labels.pod_labels(side.metadata.name, labels.JOB_MANAGER)},
            "policyTypes": ["Ingress"],
            "ingress": [
                {
                    "from": [{"namespaceSelector": controllers}],
                    "ports": [{"port": port, "protocol": "TCP"}],
                }
            ],
        },
    }
    return [policy, ingress]


def build_route_secret(side: FlinkDeployment, source: Manifest, namespace: str) -> Manifest:
    """A certificate of the Ingress, copied to where the Ingress is: as a copy of the side's, which is kept up to date."""
    meta, name = side.metadata, source["metadata"]["name"]
    metadata = {
        "name": name,
        "namespace": namespace,
        "labels": labels.owned_labels(Ref(meta.namespace, meta.name), meta.uid or ""),
        "annotations": {labels.MIRRORED_FROM: f"{meta.namespace}/{name}"},
    }
    kept = {key: source[key] for key in ("data", "type") if source.get(key)}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, **kept}


def _metadata(resource: FlinkBlueGreenDeployment, namespace: str, name: str) -> Manifest:
    meta = resource.metadata
    owned = labels.owned_labels(Ref(meta.namespace, meta.name), meta.uid or "")
    found: Manifest = {"name": name, "namespace": namespace, "labels": owned}
    if namespace == meta.namespace:
        found["ownerReferences"] = [{**_owner(resource), "controller": False}]
    return found


def _owner(resource: FlinkBlueGreenDeployment) -> Manifest:
    return {
        "apiVersion": resource.api_version,
        "kind": resource.kind,
        "name": resource.metadata.name,
        "uid": resource.metadata.uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }


def _rest_port(side: FlinkDeployment) -> int:
    return int(flatten_configuration(side.spec.flink_configuration).get("rest.port", str(REST_PORT)))
