"""A FlinkSessionJob seen as a FlinkDeployment, and its status back: one planner decides for both. Pure.

Called by `reconcile/session_job.py`. The reconciled specs in the status stay FlinkSessionJob specs, as upstream writes
them: they are translated on the way in and out.
"""

import json

from penstock_api.v1beta1.deployment import Engine, FlinkDeployment, FlinkDeploymentSpec
from penstock_api.v1beta1.model import API_VERSION
from penstock_api.v1beta1.session_job import FlinkSessionJob, FlinkSessionJobSpec, FlinkSessionJobStatus
from penstock_api.v1beta1.status import (
    FlinkDeploymentStatus,
    JobManagerDeploymentStatus,
    ReconciliationStatus,
)
from penstock_operator.decide.specs import decode_spec, encode_spec
from penstock_operator.decide.validate_session_job import decode_session_spec

_COMMON = tuple(FlinkSessionJobStatus.model_fields)


def as_deployment(job: FlinkSessionJob) -> FlinkDeployment:
    """The view: the job alone, without its cluster."""
    held = job.status.reconciliation_status
    seen = held.model_copy(
        update={
            "last_reconciled_spec": _inwards(held.last_reconciled_spec),
            "last_stable_spec": _inwards(held.last_stable_spec),
        }
    )
    common = {name: getattr(job.status, name) for name in _COMMON if name != "reconciliation_status"}
    status = FlinkDeploymentStatus(
        **common,
        reconciliation_status=seen,
        job_manager_deployment_status=JobManagerDeploymentStatus.MISSING,
    )
    return FlinkDeployment(metadata=job.metadata, spec=spec_as_deployment(job.spec), status=status)


def spec_as_deployment(spec: FlinkSessionJobSpec) -> FlinkDeploymentSpec:
    """The spec of the view."""
    return FlinkDeploymentSpec(
        engine=Engine.PENSTOCK,
        job=spec.job,
        restart_nonce=spec.restart_nonce,
        flink_configuration=spec.flink_configuration,
    )


def as_session_status(status: FlinkDeploymentStatus, deployment_name: str | None) -> FlinkSessionJobStatus:
    """The status back; what only a cluster has is left out."""
    held = status.reconciliation_status
    seen: ReconciliationStatus = held.model_copy(
        update={
            "last_reconciled_spec": _outwards(held.last_reconciled_spec, deployment_name),
            "last_stable_spec": _outwards(held.last_stable_spec, deployment_name),
        }
    )
    common = {name: getattr(status, name) for name in _COMMON if name != "reconciliation_status"}
    return FlinkSessionJobStatus(**common, reconciliation_status=seen)


def session_spec_text(spec: str, deployment_name: str | None) -> str:
    """The JSON of a FlinkSessionJob's spec for that of its view: what the owner wrote, no defaults spelled out."""
    seen = FlinkDeploymentSpec.from_wire(json.loads(spec))
    kept = FlinkSessionJobSpec(
        deployment_name=deployment_name,
        job=seen.job,
        restart_nonce=seen.restart_nonce,
        flink_configuration=seen.flink_configuration,
    )
    body = kept.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_defaults=True)
    return json.dumps(body, sort_keys=True)


def _inwards(text: str | None) -> str | None:
    spec = decode_session_spec(text)
    if spec is None or not text:
        return None
    first = bool(json.loads(text).get("resource_metadata", {}).get("firstDeployment"))
    return encode_spec(spec_as_deployment(spec), first=first)


def _outwards(text: str | None, deployment_name: str | None) -> str | None:
    spec = decode_spec(text)
    if spec is None or not text:
        return None
    kept = FlinkSessionJobSpec(
        deployment_name=deployment_name,
        job=spec.job,
        restart_nonce=spec.restart_nonce,
        flink_configuration=spec.flink_configuration,
    )
    first = bool(json.loads(text).get("resource_metadata", {}).get("firstDeployment"))
    about = {"apiVersion": API_VERSION, "firstDeployment": first}
    return json.dumps({"spec": kept.to_wire(), "resource_metadata": about}, sort_keys=True)
