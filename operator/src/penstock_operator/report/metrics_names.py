"""Every metric of the operator: name, type, labels, meaning, and what upstream called it. The reference page is made from it."""

from collections.abc import Mapping
from dataclasses import dataclass

PREFIX = "flink_k8soperator_"


@dataclass(frozen=True, slots=True)
class MetricName:
    """One metric; the name is without the prefix, and counters end in `_total` where they are read."""

    name: str
    type: str
    labels: tuple[str, ...]
    meaning: str
    upstream: str = ""


_PLACE = ("kind", "resourcens")
_RESOURCE = ("resourcens", "resourcename")
AUTOSCALER = "resource_AutoScaler_"
VERTEX_METRICS: Mapping[str, str] = {
    "PARALLELISM_Current": "How parallel the vertex is.",
    "MAX_PARALLELISM_Current": "How parallel it can be.",
    "RECOMMENDED_PARALLELISM_Current": "How parallel it should be.",
    "TRUE_PROCESSING_RATE_Current": "Records a second that it could process, by the last two samples; `+Inf` where it is never busy.",
    "TRUE_PROCESSING_RATE_Average": "The same over the window of the decision.",
    "OBSERVED_TPR_Average": "What a source was seen to process while enough waited.",
    "TARGET_DATA_RATE_Current": "Records a second that it has to process, by the last two samples.",
    "TARGET_DATA_RATE_Average": "The same over the window.",
    "CATCH_UP_DATA_RATE_Current": "What comes on top while the backlog is worked off.",
    "LOAD_Current": "Share of its time that it is busy, by the last two samples.",
    "LOAD_Average": "The same over the window.",
    "LAG_Current": "Records that wait before a source.",
    "SCALE_UP_RATE_THRESHOLD_Current": "It needs more when its true rate is below this.",
    "SCALE_DOWN_RATE_THRESHOLD_Current": "It has too much when its true rate is above this.",
    "EXPECTED_PROCESSING_RATE_Current": "What it could process at the recommended parallelism.",
}
"""Of each vertex."""
METRICS: tuple[MetricName, ...] = (
    MetricName("resource_count", "gauge", _PLACE, "Resources.", "`Count`"),
    MetricName("lifecycle_state_count", "gauge", (*_PLACE, "state"), "Resources by lifecycle state.", "`Lifecycle.State.<S>.Count`"),
    MetricName("lifecycle_state_time_seconds", "histogram", (*_PLACE, "state"), "Time that a resource was in a state, once it left it.", "`Lifecycle.State.<S>.TimeSeconds`"),
    MetricName("lifecycle_transition_time_seconds", "histogram", (*_PLACE, "transition"), "Time of Resume, Upgrade, Suspend, Submission, Stabilization and Rollback.", "`Lifecycle.Transition.<T>.TimeSeconds`"),
    MetricName("job_status_count", "gauge", (*_PLACE, "state"), "Resources by state of the job.", "`JobStatus.<S>.Count`"),
    MetricName("jm_deployment_status_count", "gauge", ("resourcens", "status"), "FlinkDeployments by state of the JobManager.", "`JmDeploymentStatus.<S>.Count`"),
    MetricName("flink_version_count", "gauge", ("resourcens", "version"), "FlinkDeployments by the version that their cluster tells.", "`FlinkVersion.<v>.Count`"),
    MetricName("flink_minor_version_count", "gauge", ("resourcens", "version"), "The same by minor version.", "`FlinkMinorVersion.<v>.Count`"),
    MetricName("resource_usage_cpu", "gauge", ("resourcens",), "CPUs of all clusters of the namespace.", "`ResourceUsage.Cpu`"),
    MetricName("resource_usage_memory_bytes", "gauge", ("resourcens",), "Their memory.", "`ResourceUsage.Memory`"),
    MetricName("resource_usage_state_size_bytes", "gauge", ("resourcens",), "Size of their state.", "`ResourceUsage.StateSize`"),
    MetricName("snapshot_state_count", "gauge", ("resourcens", "type", "state"), "FlinkStateSnapshots by type (savepoint, checkpoint) and state.", "`Savepoint.State.<S>.Count`, `Checkpoint.State.<S>.Count`"),
    MetricName("blue_green_state_count", "gauge", ("resourcens", "state"), "FlinkBlueGreenDeployments by state.", "`BlueGreenState.<S>.Count`"),
    MetricName("failures", "counter", _PLACE, "Times that a resource came into the state FAILED.", "`Failures`"),
    MetricName("resource_state", "gauge", (*_PLACE, "resourcename", "state", "jobstate"), "1 for each resource, with its state and its job's.", "the scope of a resource"),
    MetricName("reconciliations", "counter", ("kind", "outcome"), "Turns of the loop: `done`, `gone`, `failed`.", "`JOSDK.Reconciliation`"),
    MetricName("reconcile_seconds", "histogram", ("kind",), "How long a turn takes.", "`JOSDK.Reconciliation`"),
    MetricName("kube_client_requests", "counter", ("method", "code"), "Calls to the API server by method and status; code 0 is no answer.", "`KubeClient.HttpRequest`, `KubeClient.HttpResponse.<code>`"),
    MetricName("kube_client_slow_requests", "counter", ("method",), "Those that took longer than `kubernetes.client.metrics.slow.request.threshold`.", "`KubeClient.HttpRequest.Slow`"),
    MetricName("kube_client_request_seconds", "histogram", ("method",), "How long they take.", "`KubeClient.HttpResponse.TimeNanos`"),
    MetricName(AUTOSCALER + "scalings", "counter", _RESOURCE, "Scalings that the autoscaler asked for.", "`AutoScaler.scalings`"),
    MetricName(AUTOSCALER + "errors", "counter", _RESOURCE, "Times that it could not see the job for several samples in a row.", "`AutoScaler.errors`"),
    MetricName(AUTOSCALER + "balanced", "counter", _RESOURCE, "Decisions that left the job as it is.", "`AutoScaler.balanced`"),
    *(
        MetricName(f"{AUTOSCALER}jobVertexID_{name}", "gauge", (*_RESOURCE, "jobVertexID"), meaning, f"`AutoScaler.jobVertexID.<id>.{'.'.join(name.rsplit('_', 1))}`")
        for name, meaning in VERTEX_METRICS.items()
    ),
    MetricName("leader", "gauge", (), "1 in the replica that leads."),
)  # fmt: skip
NAMES: Mapping[str, MetricName] = {metric.name: metric for metric in METRICS}
