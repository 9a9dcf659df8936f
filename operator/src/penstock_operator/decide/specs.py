"""The reconciled spec as it is kept in the status: JSON with the spec and a few words about it, as upstream writes it.

Called by the planner and its rules. Reads upstream's older form too (the bare spec).
"""

import json

from penstock_api.v1beta1.deployment import FlinkDeploymentSpec
from penstock_api.v1beta1.job import JobState, UpgradeMode
from penstock_api.v1beta1.model import API_VERSION


def encode_spec(spec: FlinkDeploymentSpec, *, first: bool = False) -> str:
    """The spec as the status keeps it."""
    about = {"apiVersion": API_VERSION, "firstDeployment": first}
    return json.dumps({"spec": spec.to_wire(), "resource_metadata": about}, sort_keys=True)


def decode_spec(text: str | None) -> FlinkDeploymentSpec | None:
    """What `encode_spec` wrote; None if nothing was."""
    if not text:
        return None
    body = json.loads(text)
    return FlinkDeploymentSpec.from_wire(body.get("spec", body))


def with_job_state(
    spec: FlinkDeploymentSpec, state: JobState, mode: UpgradeMode | None = None
) -> FlinkDeploymentSpec:
    """The spec with the job's wanted state (and upgrade mode) replaced."""
    if spec.job is None:
        return spec
    changes: dict[str, object] = {"state": state}
    if mode is not None:
        changes["upgrade_mode"] = mode
    return spec.model_copy(update={"job": spec.job.model_copy(update=changes)})
