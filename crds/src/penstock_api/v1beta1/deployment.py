"""FlinkDeployment: an application cluster (with `spec.job`) or a session cluster (without).

Fields and defaults are upstream's; `engine`, `jobNamespaces` and `deletion` are Penstock's own. Read by the operator
and by the CRD generator.
"""

from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from penstock_api.v1beta1 import rule
from penstock_api.v1beta1.cost import ByKey, Cost, PresenceMatters, WhenSet
from penstock_api.v1beta1.job import JobSpec
from penstock_api.v1beta1.model import API_VERSION, ApiModel, ApiVersion, ObjectMeta
from penstock_api.v1beta1.resources import IngressSpec, JobManagerSpec, TaskManagerSpec
from penstock_api.v1beta1.rule import Rule
from penstock_api.v1beta1.status import FlinkDeploymentStatus
from penstock_api.v1beta1.warm import UpgradeStrategy

CONFIGURATION_COSTS = ByKey(
    (
        ("job.autoscaler", Cost.IGNORE),
        ("parallelism.default", Cost.IGNORE),
        ("kubernetes.operator", Cost.IGNORE),
        ("pipeline.jobvertex-parallelism-overrides", Cost.SCALE),
    )
)
"""Configuration that applies without a restart: the operator's own, and what is scaled in place."""


class FlinkVersion(StrEnum):
    """Version of Apache Flink in the image."""

    V1_13 = "v1_13"
    V1_14 = "v1_14"
    V1_15 = "v1_15"
    V1_16 = "v1_16"
    V1_17 = "v1_17"
    V1_18 = "v1_18"
    V1_19 = "v1_19"
    V1_20 = "v1_20"
    V2_0 = "v2_0"
    V2_1 = "v2_1"
    V2_2 = "v2_2"
    V2_3 = "v2_3"
    V2_4 = "v2_4"


class KubernetesDeploymentMode(StrEnum):
    """Who makes the TaskManagers of a Flink cluster: Flink itself or the operator."""

    NATIVE = "native"
    STANDALONE = "standalone"


class Engine(StrEnum):
    """Which runtime runs the job."""

    PENSTOCK = "Penstock"
    FLINK = "Flink"


class JobNamespaceMode(StrEnum):
    """Where the job's objects are made."""

    DEDICATED = "Dedicated"
    """In a namespace of its own."""
    SHARED = "Shared"
    """Beside the resource."""


class PodSecurity(StrEnum):
    """Pod Security level of a job's namespace."""

    RESTRICTED = "restricted"
    BASELINE = "baseline"
    PRIVILEGED = "privileged"


class DeletionPolicy(StrEnum):
    """What happens when a job cannot be stopped as it should within the deadline."""

    FORCE = "Force"
    """Its objects are deleted without a savepoint."""
    ORPHAN = "Orphan"
    """The resource goes, its objects stay."""
    KEEP_TRYING = "KeepTrying"
    """The resource stays until the job could be stopped."""


class CleanupAction(StrEnum):
    """What happens to the cluster of a job that is over."""

    KEEP = "Keep"
    """It stays until the resource goes."""
    DELETE_CLUSTER = "DeleteCluster"
    """Its processes end; the resource stays, and with it the job's last state."""
    DELETE_RESOURCE = "DeleteResource"
    """The resource is deleted, and everything of the job with it; checkpoints and savepoints on storage stay."""


class JobNamespacesSpec(ApiModel):
    """The namespace that the job runs in."""

    mode: JobNamespaceMode | None = None
    """Dedicated (the default for Penstock) or Shared (the default for Flink)."""
    name_template: str | None = None
    """jinja2 template of the namespace's name, of `name` and `namespace` of the resource."""
    pod_security: PodSecurity | None = None
    """Pod Security level of the namespace; `restricted` if unset."""
    restart_on_change: Annotated[bool | None, Cost.IGNORE] = None
    """Whether the pods start anew, from the newest checkpoint, when a Secret or ConfigMap that was copied changes."""


class BatchSchedulerSpec(ApiModel):
    """Which scheduler places the job's pods together, or not at all."""

    name: str | None = None
    """Name of the scheduler: volcano, yunikorn, kueue, scheduler-plugins, or any other `schedulerName`."""
    queue: str | None = None
    """The scheduler's queue."""
    pod_group: str | None = None
    """PodGroup of the pods; unset, the job's own name."""
    priority_class_name: str | None = None
    """Priority class of the pods."""


class DeletionSpec(ApiModel):
    """How the resource goes away."""

    deadline: Annotated[str | None, rule.DURATION] = None
    """How long a clean stop may take, in Flink's duration syntax."""
    policy: DeletionPolicy | None = None
    """What happens after the deadline; `Force` if unset."""


class CleanupPolicySpec(ApiModel):
    """What happens when the job is over; where unset, its processes end after `jm-deployment.shutdown-ttl`."""

    after_finished: CleanupAction | None = None
    """After it came to its end."""
    after_failed: CleanupAction | None = None
    """After it failed for good."""
    after_canceled: CleanupAction | None = None
    """After it was cancelled from outside."""
    delay: str | None = None
    """How long after the end, in Flink's duration syntax; at once if unset."""


class FlinkDeploymentSpec(ApiModel):
    """What the owner wants."""

    image: str | None = None
    """Image of JobManager and TaskManagers."""
    image_pull_policy: str | None = None
    """Pull policy of the image."""
    service_account: str | None = None
    """Service account of the pods."""
    flink_version: FlinkVersion | None = None
    """Version of Apache Flink in the image; set, it selects the Flink engine unless `engine` says otherwise."""
    mode: KubernetesDeploymentMode | None = None
    """Native or standalone deployment of a Flink cluster; it cannot be changed."""
    engine: Engine | None = None
    """Penstock or Flink; unset, a resource with a `flinkVersion` runs on Flink, any other on Penstock."""
    job: Annotated[JobSpec | None, PresenceMatters()] = None
    """The job of an application cluster; unset, a session cluster."""
    ingress: Annotated[IngressSpec | None, PresenceMatters(), rule.INGRESS_TEMPLATE] = None
    """An Ingress to the job's web page and REST API."""
    pod_template: dict[str, Any] | None = None
    """Base of the JobManager's and TaskManagers' pods; the main container is `flink-main-container`."""
    job_manager: JobManagerSpec | None = None
    """The JobManager's pods."""
    task_manager: TaskManagerSpec | None = None
    """The TaskManagers' pods."""
    log_configuration: Annotated[dict[str, str], rule.LOG_FILES] = Field(default_factory=dict)
    """Logging configuration files by name."""
    flink_configuration: Annotated[dict[str, Any], CONFIGURATION_COSTS] = Field(default_factory=dict)
    """Configuration of the job and its cluster, flat or nested."""
    restart_nonce: Annotated[int | None, WhenSet(Cost.UPGRADE)] = None
    """A new value restarts the job."""
    upgrade_strategy: Annotated[UpgradeStrategy | None, Cost.IGNORE] = None
    """Recreate (the default), or Warm: the new version's pods are up before the old job is stopped."""
    job_namespaces: JobNamespacesSpec | None = None
    """The namespace that the job runs in."""
    batch_scheduler: BatchSchedulerSpec | None = None
    """Gang scheduling of the job's pods."""
    deletion: Annotated[DeletionSpec | None, Cost.IGNORE] = None
    """How the resource goes away."""
    cleanup_policy: Annotated[CleanupPolicySpec | None, Cost.IGNORE] = None
    """What happens when the job is over."""

    @property
    def effective_engine(self) -> Engine:
        """The engine that runs the job."""
        if self.engine is not None:
            return self.engine
        return Engine.PENSTOCK if self.flink_version is None else Engine.FLINK

    @property
    def effective_namespace_mode(self) -> JobNamespaceMode:
        """Where the job's objects are made."""
        if self.job_namespaces is not None and self.job_namespaces.mode is not None:
            return self.job_namespaces.mode
        own = self.effective_engine is Engine.PENSTOCK
        return JobNamespaceMode.DEDICATED if own else JobNamespaceMode.SHARED

    @property
    def is_warm(self) -> bool:
        """Whether the owner wants the new version's pods up before the old job is stopped."""
        return self.upgrade_strategy is UpgradeStrategy.WARM

    @property
    def is_standalone(self) -> bool:
        """Whether the operator makes the TaskManagers itself."""
        return self.effective_engine is Engine.PENSTOCK or self.mode is KubernetesDeploymentMode.STANDALONE


class FlinkDeployment(ApiModel):
    """A job with a cluster of its own, or a session cluster that runs the jobs of others."""

    api_rules: ClassVar[tuple[Rule, ...]] = (rule.NAME,)

    api_version: ApiVersion = API_VERSION
    kind: Literal["FlinkDeployment"] = "FlinkDeployment"
    metadata: ObjectMeta = Field(default_factory=ObjectMeta)
    spec: Annotated[
        FlinkDeploymentSpec,
        rule.SAME_KIND_OF_CLUSTER,
        rule.SAME_ENGINE,
        rule.SAME_NAMESPACE_MODE,
        rule.SAME_MODE,
        rule.REDEPLOYMENT_SAYS_FROM_WHERE,
        rule.PARALLELISM,
        rule.PROGRAM,
        rule.FLINK_VERSION,
        rule.FLINK_SERVICE_ACCOUNT,
        rule.WARM_NEEDS_A_JOB,
    ] = Field(default_factory=FlinkDeploymentSpec)
    status: FlinkDeploymentStatus = Field(default_factory=FlinkDeploymentStatus)
