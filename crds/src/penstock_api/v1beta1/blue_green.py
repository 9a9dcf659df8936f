"""FlinkBlueGreenDeployment: two FlinkDeployments of one job, of which the new one takes over when it works.

Fields are upstream's. Read by the operator and by the CRD generator.
"""

from enum import StrEnum
from typing import Any, Literal

from pydantic import Field

from penstock_api.v1beta1.conditions import Condition
from penstock_api.v1beta1.deployment import FlinkDeploymentSpec
from penstock_api.v1beta1.job import StopPolicy
from penstock_api.v1beta1.model import API_VERSION, ApiModel, ApiVersion, ObjectMeta
from penstock_api.v1beta1.resources import IngressSpec
from penstock_api.v1beta1.status import JobStatus


class BlueGreenState(StrEnum):
    """Which of the two is active, and what is going on."""

    INITIALIZING_BLUE = "INITIALIZING_BLUE"
    ACTIVE_BLUE = "ACTIVE_BLUE"
    ACTIVE_GREEN = "ACTIVE_GREEN"
    TRANSITIONING_TO_BLUE = "TRANSITIONING_TO_BLUE"
    TRANSITIONING_TO_GREEN = "TRANSITIONING_TO_GREEN"
    SAVEPOINTING_BLUE = "SAVEPOINTING_BLUE"
    SAVEPOINTING_GREEN = "SAVEPOINTING_GREEN"

    @property
    def is_active(self) -> bool:
        """Whether one of the two has the job and nothing is under way."""
        return self in (BlueGreenState.ACTIVE_BLUE, BlueGreenState.ACTIVE_GREEN)


class Handover(StrEnum):
    """Whether both may run while the new deployment takes over."""

    OVERLAP = "Overlap"
    """The old one runs until the new one works: no gap, and both write meanwhile."""
    FENCED = "Fenced"
    """The old one is stopped with a savepoint before the new one starts: never do both write."""


class FlinkDeploymentTemplate(ApiModel):
    """The FlinkDeployment to make."""

    metadata: dict[str, Any] | None = None
    """Metadata of the two."""
    spec: FlinkDeploymentSpec | None = None
    """Spec of the two."""


class FlinkBlueGreenDeploymentSpec(ApiModel):
    """What the owner wants."""

    configuration: dict[str, str] = Field(default_factory=dict)
    """Keys `kubernetes.operator.bluegreen.*`."""
    ingress: IngressSpec | None = None
    """An Ingress that follows the active deployment."""
    template: FlinkDeploymentTemplate | None = None
    """The FlinkDeployment to make."""
    handover: Handover | None = None
    """Overlap (the default, as upstream) or Fenced."""


class FlinkBlueGreenDeploymentStatus(ApiModel):
    """What the operator reports of a FlinkBlueGreenDeployment."""

    job_status: JobStatus = Field(default_factory=JobStatus)
    """The active job."""
    blue_green_state: BlueGreenState | None = None
    """Which of the two is active."""
    last_reconciled_spec: str | None = None
    """JSON of the spec that was deployed last."""
    last_reconciled_timestamp: str | None = None
    """When it was deployed, RFC 3339."""
    abort_timestamp: str | None = None
    """When the transition is given up, RFC 3339."""
    deployment_ready_timestamp: str | None = None
    """When the new deployment was ready, RFC 3339."""
    savepoint_trigger_id: str | None = None
    """The savepoint that the new deployment starts from."""
    error: str | None = None
    """What is wrong."""
    transition_id: str | None = None
    """The transition under way or done last, by its beginning in milliseconds since the epoch; its deployment carries it."""
    initial_savepoint_path: str | None = None
    """The state that the deployment of the transition starts from."""
    stopped: bool | None = None
    """Whether the transition stops the old deployment before the new one starts."""
    previous_stop_policy: StopPolicy | None = None
    """The stop policy of the deployment that was stopped, for when it has to run again."""
    aborting: str | None = None
    """Why the transition is being given up: the new deployment is stopped, then the old one runs again."""
    observed_generation: int | None = None
    """The generation of the spec that this status is about."""
    conditions: list[Condition] = Field(default_factory=list)
    """Running, Ready, Progressing, Degraded."""


class FlinkBlueGreenDeployment(ApiModel):
    """A job whose new version takes over from the old one once it works."""

    api_version: ApiVersion = API_VERSION
    kind: Literal["FlinkBlueGreenDeployment"] = "FlinkBlueGreenDeployment"
    metadata: ObjectMeta = Field(default_factory=ObjectMeta)
    spec: FlinkBlueGreenDeploymentSpec = Field(default_factory=FlinkBlueGreenDeploymentSpec)
    status: FlinkBlueGreenDeploymentStatus = Field(default_factory=FlinkBlueGreenDeploymentStatus)
