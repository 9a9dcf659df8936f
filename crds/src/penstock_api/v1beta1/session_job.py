"""FlinkSessionJob: a job in a session cluster that a FlinkDeployment without `spec.job` keeps.

Fields are upstream's. Read by the operator and by the CRD generator.
"""

from typing import Annotated, Any, Literal

from pydantic import Field

from penstock_api.v1beta1 import rule
from penstock_api.v1beta1.autoscaler import AutoscalerStatus
from penstock_api.v1beta1.cost import Cost, WhenSet
from penstock_api.v1beta1.deployment import CONFIGURATION_COSTS
from penstock_api.v1beta1.job import JobSpec
from penstock_api.v1beta1.model import API_VERSION, ApiModel, ApiVersion, ObjectMeta
from penstock_api.v1beta1.status import CommonStatus, InPlaceScaling, ReconciliationStatus, Revision


class FlinkSessionJobSpec(ApiModel):
    """What the owner wants."""

    deployment_name: str | None = None
    """The session cluster's FlinkDeployment; it cannot be changed."""
    job: JobSpec | None = None
    """The job."""
    restart_nonce: Annotated[int | None, WhenSet(Cost.UPGRADE)] = None
    """A new value restarts the job."""
    flink_configuration: Annotated[dict[str, Any], CONFIGURATION_COSTS] = Field(default_factory=dict)
    """Configuration of the job, flat or nested."""


class FlinkSessionJobStatus(CommonStatus):
    """What the operator reports of a FlinkSessionJob."""

    reconciliation_status: ReconciliationStatus = Field(default_factory=ReconciliationStatus)
    """What was submitted last."""
    history: list[Revision] = Field(default_factory=list)
    """What ran, oldest first; as many as `kubernetes.operator.revision.history.limit` says."""
    autoscaler: AutoscalerStatus | None = None
    """The autoscaler's view of the job; unset while it is off."""
    scaling: InPlaceScaling | None = None
    """The last change of parallelism in place, since the job was last submitted."""


class FlinkSessionJob(ApiModel):
    """A job in a session cluster."""

    api_version: ApiVersion = API_VERSION
    kind: Literal["FlinkSessionJob"] = "FlinkSessionJob"
    metadata: ObjectMeta = Field(default_factory=ObjectMeta)
    spec: Annotated[
        FlinkSessionJobSpec,
        rule.SESSION_CLUSTER,
        rule.SAME_SESSION_CLUSTER,
        rule.SESSION_JOB,
        rule.REDEPLOYMENT_SAYS_FROM_WHERE,
    ] = Field(default_factory=FlinkSessionJobSpec)
    status: FlinkSessionJobStatus = Field(default_factory=FlinkSessionJobStatus)
