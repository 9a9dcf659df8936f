"""Flink's REST API v1 as typed bodies: what the bundled JobManager serves and the operator reads (Decision 1).

One module a subject: `cluster`, `job`, `vertex`, `checkpoint`, `trigger`, `metric`; `model` holds their bases. The
names below are the ones that are used most; the rest are in their modules.
"""

from penstock_api.rest.checkpoint import CheckpointConfig, CheckpointingStatistics, CheckpointStatistics
from penstock_api.rest.cluster import ClusterConfig, ClusterOverview, Errors, TaskManagerList
from penstock_api.rest.job import (
    JobDetails,
    JobExceptions,
    JobIds,
    JobOverview,
    JobPlan,
    JobsOverview,
    JobVertex,
    Plan,
)
from penstock_api.rest.metric import AggregatedMetric, AggregatedMetricList, Metric, MetricList
from penstock_api.rest.trigger import (
    CheckpointTriggerRequest,
    CheckpointTriggerStatus,
    DisposalRequest,
    DisposalStatus,
    JobExecutionResultResponse,
    PenstockApplication,
    QueueStatus,
    SavepointStatus,
    SavepointTriggerRequest,
    StopRequest,
    TriggerResponse,
)
from penstock_api.rest.vertex import VertexBackPressure, VertexDetails

__all__ = [
    "AggregatedMetric",
    "AggregatedMetricList",
    "CheckpointConfig",
    "CheckpointStatistics",
    "CheckpointTriggerRequest",
    "CheckpointTriggerStatus",
    "CheckpointingStatistics",
    "ClusterConfig",
    "ClusterOverview",
    "DisposalRequest",
    "DisposalStatus",
    "Errors",
    "JobDetails",
    "JobExceptions",
    "JobExecutionResultResponse",
    "JobIds",
    "JobOverview",
    "JobPlan",
    "JobVertex",
    "JobsOverview",
    "Metric",
    "MetricList",
    "PenstockApplication",
    "Plan",
    "QueueStatus",
    "SavepointStatus",
    "SavepointTriggerRequest",
    "StopRequest",
    "TaskManagerList",
    "TriggerResponse",
    "VertexBackPressure",
    "VertexDetails",
]
